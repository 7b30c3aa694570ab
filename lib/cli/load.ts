import { type Config, loadConfig } from "../manifest/config.ts";
import { loadAgent, loadBottle, type LoadedAgent, type LoadedBottle } from "../manifest/load.ts";
import { manifestNeeds } from "../manifest/needs.ts";
import { UserError } from "../system/errors.ts";
import { hostPaths } from "../system/paths.ts";
import { join } from "../std/path.ts";
import type { Grants, HostFacts } from "./command.ts";

/** What the reader hands to the runner for an agent. */
export interface Manifests {
  config: Config;
  agent: LoadedAgent;
  bottle: LoadedBottle;
}

/** Reads an agent, its bottle and the settings; says what running them needs of the host. */
export async function loadManifests(
  name: string,
  host: HostFacts,
): Promise<{ manifests: Manifests; grants: Partial<Grants> }> {
  const { config: home, skills } = hostPaths(host.home, host.xdgCacheHome);
  const dirs = { home, cwd: host.cwd };
  const config = await loadConfig(home);
  const agent = await loadAgent(name, dirs);
  const bottle = await loadBottle(agent.manifest.bottle, dirs);
  const needs = manifestNeeds(agent.manifest, bottle.bottle);
  const { context } = bottle.bottle;
  return {
    manifests: { config, agent, bottle },
    grants: {
      read: [
        ...needs.skills.map((skill) => join(skills, skill)),
        ...needs.identityFiles,
        ...[needs.dockerfile, context, config.extra_ca_file].filter((path) => path !== undefined),
      ],
      env: [...needs.hostEnv, ...needs.tokenRefs],
    },
  };
}

/** The certificates of a network that intercepts TLS, or nothing. */
export async function readExtraCa(config: Config): Promise<string> {
  const path = config.extra_ca_file;
  if (path === undefined) return "";
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new UserError("manifest", `Cannot read "${path}": ${(error as Error).message}`, {
      hints: ['"extra_ca_file" in ~/.claude-bottle/config.toml names it'],
    });
  }
}
