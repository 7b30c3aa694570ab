import { z } from "zod";
import { egressSchema } from "./egress_schema.ts";
import { envSchema } from "./env.ts";
import { gitSchema } from "./git_schema.ts";
import { NAME, NAME_RULE, SKILL_NAME } from "./names.ts";
import { resourcesSchema } from "./resources.ts";
import { filePath, line, strict, uniqueList } from "./schema_parts.ts";

/**
 * What is granted, as one file says it. Top-level keys have no defaults here: a child's default
 * would override what its parent says. `resolveBottle` applies them after the merge.
 */
export const BottleManifest = strict({
  extends: manifestName().optional().describe("Bottle whose keys this one starts from"),
  env: envSchema().optional().describe(
    'Environment of the agent: a literal, "${NAME}" from the host, or "?question" to be asked',
  ),
  git: gitSchema().optional().describe("Git remotes, reached only through the scanning gate"),
  egress: egressSchema().optional().describe("What the bottle may reach over HTTP"),
  git_user: strict({
    name: line(100).regex(/^[^<>]*$/, 'must not contain "<" or ">"').describe("Author name"),
    email: line(200).regex(/^[^\s<>@]+@[^\s<>@]+$/, "is not an e-mail address")
      .describe("Author e-mail address"),
  }).optional().describe("Author of the agent's commits"),
  supervise: z.boolean().optional().describe("Whether the agent may ask a human for more"),
  runtime: z.literal("runsc").optional().describe("Runs the bottle under gVisor; docker only"),
  resources: resourcesSchema().optional().describe("Limits; the host's defaults fill the rest"),
  dockerfile: filePath().optional()
    .describe("Dockerfile of an image FROM claude-bottle, relative to this file"),
  context: filePath().optional()
    .describe("Build context of the dockerfile, relative to this file; empty by default"),
});
export type BottleManifest = z.infer<typeof BottleManifest>;

/** Who runs in a bottle: the frontmatter of an agent. The body of the file is its prompt. */
export const AgentManifest = strict({
  bottle: manifestName().describe("Bottle in ~/.claude-bottle/bottles that the agent runs in"),
  skills: uniqueList(
    z.string().regex(SKILL_NAME, "must match [a-z0-9][a-z0-9-]* and have at most 64 characters"),
    (name) => name,
  ).default([]).describe("Skills of ~/.claude/skills that are copied into the bottle"),
  name: line(100).optional().describe("Name shown to people"),
  description: z.string().max(2000).optional().describe("What the agent is for"),
  // These become arguments of the agent, so none may look like an option.
  model: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/@[\]-]{0,99}$/, "is not a model name")
    .optional().describe("Model the agent uses"),
  color: word().optional().describe("Colour, passed on to Claude Code"),
  memory: word().optional().describe("Memory scope, passed on to Claude Code"),
});
export type AgentManifest = z.infer<typeof AgentManifest>;

type Egress = NonNullable<BottleManifest["egress"]>;
/** One granted destination, canonical. */
export type Route = NonNullable<Egress["routes"]>[number];
/** One git remote. */
export type GitRemote = NonNullable<BottleManifest["git"]>[number];
/** Limits of a bottle, memory in bytes; what is absent is the host's default. */
export type Resources = NonNullable<BottleManifest["resources"]>;

function manifestName() {
  return z.string().regex(NAME, NAME_RULE);
}

function word() {
  return z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,39}$/, "must be one word");
}
