import { parse as parseYaml } from "../std/yaml.ts";
import { UserError } from "../system/errors.ts";

/** The largest manifest that is read, in bytes. */
export const MAX_MANIFEST_BYTES = 256 * 1024;

/** A manifest file taken apart; `data` is not validated yet. */
export interface Frontmatter {
  data: unknown;
  body: string;
}

/**
 * Splits a manifest into its YAML frontmatter and its body. Only plain trees come out: duplicate
 * keys, anchors and aliases (whose expansion grows without bound) and `__proto__` are refused.
 */
export function parseFrontmatter(text: string, path: string): Frontmatter {
  if (text.length > MAX_MANIFEST_BYTES) throw problem(path, "it is larger than 256 KiB");
  const lines = text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n").split("\n");
  if (lines[0]?.trimEnd() !== "---") {
    throw problem(path, 'line 1: a manifest starts with a line "---", then YAML, then "---"');
  }
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === "---");
  if (end < 0) throw problem(path, 'line 1: the frontmatter is never closed with "---"');

  // The empty first line stands for the "---", so that YAML's line numbers are the file's.
  const yaml = ["", ...lines.slice(1, end)].join("\n");
  return { data: parseTree(yaml, path) ?? {}, body: lines.slice(end + 1).join("\n").trim() };
}

function parseTree(yaml: string, path: string): unknown {
  try {
    const data = load(yaml);
    const found = notATree(data) ?? (hasAnchors(yaml, data) ? "anchors" : undefined);
    if (found === "anchors") {
      throw problem(path, `line ${anchorLine(yaml)}: YAML anchors and aliases are not accepted`);
    }
    if (found !== undefined) throw problem(path, `key "${found}" is not accepted`);
    return data;
  } catch (error) {
    if (error instanceof RangeError) throw problem(path, "its YAML is nested too deeply");
    if (!(error instanceof SyntaxError)) throw error;
    const [, what, line, column] = /^(.*?) at line (\d+), column (\d+)/s.exec(error.message) ??
      [undefined, error.message];
    const where = line === undefined ? "" : `line ${line}, column ${column}: `;
    throw problem(path, `${where}${what?.split("\n")[0]}`);
  }
}

/** The core schema has no merge keys, timestamps or binary: nothing here is expanded or executed. */
function load(yaml: string): unknown {
  return parseYaml(yaml, { schema: "core", allowDuplicateKeys: false });
}

/**
 * Finds what keeps parsed YAML from being a plain tree: a collection that is there twice (an
 * alias; the parser shares it, walking it as a tree would expand it) or a `__proto__` key.
 */
function notATree(data: unknown): "anchors" | "__proto__" | undefined {
  const seen = new Set<object>();
  const rest: unknown[] = [data];
  while (rest.length > 0) {
    const value = rest.pop();
    if (typeof value !== "object" || value === null) continue;
    if (seen.has(value)) return "anchors";
    seen.add(value);
    if (Object.hasOwn(value, "__proto__")) return "__proto__";
    for (const child of Object.values(value)) rest.push(child);
  }
  return undefined;
}

/**
 * Tells whether some "&" or "*" is syntax. The parser does not say, so it is asked twice: when
 * every one of them is only text, replacing the characters before parsing or after is the same.
 */
function hasAnchors(yaml: string, data: unknown): boolean {
  if (!/[&*]/.test(yaml)) return false;
  const replaced = (text: string) => text.replace(/[&*]/g, "\ue000");
  try {
    return replaced(JSON.stringify(data)) !== JSON.stringify(load(replaced(yaml)));
  } catch (error) {
    if (error instanceof SyntaxError) return true;
    throw error;
  }
}

/** The likely line of the first anchor or alias, for the message only. */
function anchorLine(yaml: string): number {
  return yaml.split("\n").findIndex((line) => /(?:^|[\s[{,])[&*]\S/.test(line)) + 1;
}

function problem(path: string, what: string): UserError {
  return new UserError("manifest", `Cannot use manifest "${path}": ${what}`);
}
