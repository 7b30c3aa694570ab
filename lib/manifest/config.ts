import { z } from "zod";
import { dirname, isAbsolute, join } from "../std/path.ts";
import { parse as parseToml } from "../std/toml.ts";
import { UserError } from "../system/errors.ts";
import { readManifestFile } from "./manifest_file.ts";
import { parseWith } from "./problems.ts";
import { defaultResourcesSchema } from "./resources.ts";
import { filePath, strict } from "./schema_parts.ts";
import { refusedTomlLine } from "./toml_lines.ts";

/** The host's settings: `~/.claude-bottle/config.toml`. */
export const Config = strict({
  backend: z.enum(["docker", "smolmachines"]).default("docker")
    .describe("Backend of a start without --backend"),
  image: strict({
    node: imageReference().describe("Node base of the agent's and the bundle's image"),
    agent: imageReference().describe("Agent image to use instead of building one"),
    sidecars: imageReference().describe("Bundle image to use instead of building one"),
    git_gate: imageReference().describe("Git gate image to use instead of building one"),
    pipelock: imageReference().describe("pipelock image"),
  }).prefault({}).describe("Image references, for a registry mirror"),
  extra_ca_file: filePath().optional()
    .describe("CA certificates (PEM) of a network that intercepts TLS, absolute or from ~/"),
  resources: defaultResourcesSchema().prefault({})
    .describe("Limits of bottles that do not set their own"),
  image_transfer: z.enum(["embedded", "registry"]).default("embedded")
    .describe("How images reach microVMs: a built-in server, or a registry container"),
});
export type Config = z.infer<typeof Config>;

/** Loads the settings of the user's `~/.claude-bottle`; without a file they are the defaults. */
export async function loadConfig(home: string): Promise<Config> {
  const path = join(home, "config.toml");
  const file = await readManifestFile(path);
  const config = parseConfig(file?.text ?? "", path);
  if (config.extra_ca_file === undefined) return config;
  const written = config.extra_ca_file;
  const extra_ca_file = written.startsWith("~/") ? join(dirname(home), written.slice(2)) : written;
  if (isAbsolute(extra_ca_file)) return { ...config, extra_ca_file };
  throw new UserError("manifest", `Cannot use settings "${path}"`, {
    hints: ['extra_ca_file: must start with "/" or "~/"'],
  });
}

/** Parses the text of a config.toml; `path` is for messages. */
export function parseConfig(text: string, path: string): Config {
  const refused = refusedTomlLine(text);
  if (refused !== undefined) {
    const { line, what } = refused;
    throw new UserError("manifest", `Cannot use settings "${path}": line ${line}: ${what}`);
  }
  return parseWith(Config, parseDocument(text, path), `settings "${path}"`);
}

function parseDocument(text: string, path: string): unknown {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const what = error.message.split("\n")[0]?.replace(/^Parse error on /, "");
    throw new UserError("manifest", `Cannot use settings "${path}": ${what}`);
  }
}

function imageReference() {
  // It becomes an argument of docker, so it may not begin with "-".
  return z.string().max(512).regex(
    /^[a-z0-9][a-zA-Z0-9._-]*(?::\d{1,5})?(?:\/[a-z0-9][a-z0-9._-]*)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/,
    "is not an image reference",
  ).optional();
}
