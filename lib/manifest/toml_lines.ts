/**
 * Finds what @std/toml 1.4 lets pass silently: a key that is set twice (the last one wins) and
 * `__proto__` (dropped). Reads line by line, which is enough for the settings: they have no
 * multi-line strings, and what an inline table repeats stays with the parser.
 */
export function refusedTomlLine(text: string): { line: number; what: string } | undefined {
  const seen = new Set<string>();
  let table = "";
  for (const [index, line] of text.split("\n").entries()) {
    const header = /^\s*\[([^[\]]+)\]\s*(?:#.*)?$/.exec(line)?.[1];
    const assigned = /^\s*([^#=\s[][^=#]*?)\s*=/.exec(line)?.[1];
    let key: string;
    if (header !== undefined) key = table = plain(header);
    else if (assigned !== undefined) key = (table === "" ? "" : `${table}.`) + plain(assigned);
    else continue;
    if (key.split(".").includes("__proto__")) {
      return { line: index + 1, what: `key "${key}" is not accepted` };
    }
    if (seen.has(key)) return { line: index + 1, what: `"${key}" is set twice` };
    seen.add(key);
  }
  return undefined;
}

/** A dotted key without the quotes and spaces that are not part of it. */
function plain(key: string): string {
  return key.split(".").map((part) => part.trim().replace(/^(["'])(.*)\1$/, "$2")).join(".");
}
