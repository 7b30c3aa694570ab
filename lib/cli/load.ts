import { loadConfig } from "../manifest/config.ts";
import { loadAgent, loadBottle } from "../manifest/load.ts";
import { manifestNeeds } from "../manifest/needs.ts";
import { hostPaths } from "../system/paths.ts";
import { join } from "../std/path.ts";
import type { Grants, HostFacts } from "./command.ts";
import type { Manifests } from "./manifests.ts";

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
        ...[needs.dockerfile, context].filter((path) => path !== undefined),
      ],
      texts: config.extra_ca_file === undefined ? [] : [config.extra_ca_file],
      env: [...needs.hostEnv, ...needs.tokenRefs],
    },
  };
}
