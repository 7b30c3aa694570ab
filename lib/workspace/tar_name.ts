/** What a name from an archive means. */
export type NameVerdict =
  | { kind: "ok"; parts: string[] }
  /** Not unpacked, and said so. */
  | { kind: "skip"; reason: string }
  /** No honest tool writes it: the whole archive is refused. */
  | { kind: "refuse"; reason: string };

/** Bounds of a name. */
export interface NameLimits {
  pathBytes: number;
  depth: number;
}

/** Judges the name of an entry. A leading "./" and one trailing "/" are how tar spells things. */
export function judgeName(name: string, limits: NameLimits): NameVerdict {
  if (name.startsWith("/")) return { kind: "refuse", reason: "an absolute name" };
  const parts = name.replace(/^(\.\/)+/, "").replace(/\/$/, "").split("/");
  if (parts.includes("..")) return { kind: "refuse", reason: 'a name with ".."' };
  if (name === "." || (parts.length === 1 && parts[0] === "" && name !== "")) {
    return { kind: "ok", parts: [] };
  }
  if (parts.includes("") || parts.includes(".")) return { kind: "skip", reason: "an odd name" };
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) {
    return { kind: "skip", reason: "a name with control characters" };
  }
  if (parts.length > limits.depth) return { kind: "skip", reason: "too deep" };
  if (byteLength(name) > limits.pathBytes || parts.some((part) => byteLength(part) > 255)) {
    return { kind: "skip", reason: "a name that is too long" };
  }
  return { kind: "ok", parts };
}

/**
 * Says why a symlink at `depth` folders below the destination may not be made, or `undefined`.
 *
 * ".." is allowed at the start of a target only. There it climbs real folders; after a name it
 * would climb from wherever that name, perhaps another link, leads: with `up -> ../..` in `a/b`,
 * `a/b/up/..` is lexically `a/b` and in truth outside.
 */
export function judgeLink(target: string, depth: number, limits: NameLimits): string | undefined {
  if (target === "") return "a link without a target";
  if (target.startsWith("/")) return "a link to an absolute path";
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f]/.test(target)) return "a link with control characters";
  if (byteLength(target) > limits.pathBytes) return "a link that is too long";
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const climb = parts.findIndex((part) => part !== "..");
  const ups = climb === -1 ? parts.length : climb;
  if (ups > depth) return "a link that leaves the destination";
  if (parts.slice(ups).includes("..")) return 'a link with ".." after a name';
  return undefined;
}

/**
 * One key for all spellings that some file system takes for the same name: APFS and HFS+ ignore
 * case and normalisation, HFS+ also invisible characters.
 */
export function foldName(name: string): string {
  return name
    .replace(/[\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, "")
    .normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
