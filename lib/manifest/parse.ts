import { parseFrontmatter } from "./frontmatter.ts";
import { parseWith } from "./problems.ts";
import { AgentManifest, BottleManifest } from "./schema.ts";

/** A manifest and the text below its frontmatter. */
export interface Parsed<Manifest> {
  manifest: Manifest;
  /** The prompt of an agent, the documentation of a bottle. */
  body: string;
}

/** Parses the text of a bottle; `path` is for messages. Throws a `UserError` with every problem. */
export function parseBottle(text: string, path: string): Parsed<BottleManifest> {
  const { data, body } = parseFrontmatter(text, path);
  return { manifest: parseWith(BottleManifest, data, `manifest "${path}"`), body };
}

/** Parses the text of an agent; `path` is for messages. Throws a `UserError` with every problem. */
export function parseAgent(text: string, path: string): Parsed<AgentManifest> {
  const { data, body } = parseFrontmatter(text, path);
  return { manifest: parseWith(AgentManifest, data, `manifest "${path}"`), body };
}
