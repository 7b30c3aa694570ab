import { z } from "zod";
import { Config } from "./config.ts";
import { AgentManifest, BottleManifest } from "./schema.ts";

const SCHEMAS = {
  bottle: [BottleManifest, "claude-bottle bottle: ~/.claude-bottle/bottles/<name>.md"],
  agent: [AgentManifest, "claude-bottle agent: ~/.claude-bottle/agents/<name>.md"],
  config: [Config, "claude-bottle settings: ~/.claude-bottle/config.toml"],
} as const;

/** The documents that have a schema. */
export const SCHEMA_NAMES = ["bottle", "agent", "config"] as const;

/** Renders the JSON Schema of what a user may write, for editors and for reading. */
export function manifestSchema(name: (typeof SCHEMA_NAMES)[number]): Record<string, unknown> {
  const [schema, title] = SCHEMAS[name];
  return { title, ...z.toJSONSchema(schema, { io: "input" }) };
}
