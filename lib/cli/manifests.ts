import type { Request } from "../bottle/plan.ts";
import type { Config } from "../manifest/config.ts";
import type { LoadedAgent, LoadedBottle } from "../manifest/load.ts";
import type { HostFacts } from "./command.ts";
import { UserError } from "../system/errors.ts";

/** What the reader hands to the runner for an agent. */
export interface Manifests {
  config: Config;
  agent: LoadedAgent;
  bottle: LoadedBottle;
}

/** What the manifests alone decide of a bottle. */
export function requestOf({ config, agent, bottle: { bottle } }: Manifests): Request {
  return {
    agentName: agent.name,
    agent: agent.manifest,
    prompt: agent.prompt,
    bottle,
    resources: { ...config.resources, ...bottle.resources },
    arguments: [],
  };
}

/** The certificates of a network that intercepts TLS, or nothing. */
export function extraCa(config: Config, host: HostFacts): string {
  const path = config.extra_ca_file;
  if (path === undefined) return "";
  const text = host.texts[path];
  if (text !== undefined) return text;
  throw new UserError("manifest", `Cannot read "${path}"`, {
    hints: ['"extra_ca_file" in ~/.claude-bottle/config.toml names it'],
  });
}
