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
