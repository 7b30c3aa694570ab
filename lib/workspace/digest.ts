import { createHash } from "node:crypto";
import { readTar } from "./read_tar.ts";

/** What a tree holds: path → type, mode, link target and SHA-256 of the content. */
export type TreeDigest = Map<string, string>;

/** How a tar is digested. */
export interface DigestOptions {
  /** How many leading folders to drop from every name; what has no name left is not counted. */
  strip?: number;
  signal?: AbortSignal;
}

/** Digests a tar stream. Times and owners do not count, nor does the order of entries. */
export async function digestTar(
  tar: ReadableStream<Uint8Array>,
  { strip = 0, signal }: DigestOptions = {},
): Promise<TreeDigest> {
  const digest: TreeDigest = new Map();
  for await (const entry of readTar(tar, signal)) {
    const parts = entry.name.split("/").filter((part) => part !== "" && part !== ".");
    const path = parts.slice(strip).join("/");
    if (path === "") continue;
    const hash = createHash("sha256");
    for await (const chunk of entry.body()) hash.update(chunk);
    const content = entry.type === "file" ? hash.digest("hex") : "";
    // Docker gives a link any mode.
    const mode = entry.type === "symlink" ? 0o777 : entry.mode;
    digest.set(path, [entry.type, mode.toString(8), content, entry.linkname].join(" "));
  }
  return digest;
}

/**
 * Names, sorted, what differs between two digests. A change of nothing but `.git/index` is none:
 * `git status` refreshes it.
 */
export function changedPaths(before: TreeDigest, after: TreeDigest): string[] {
  const changed = [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path)).sort();
  return changed.every((path) => /(^|\/)\.git\/index$/.test(path)) ? [] : changed;
}

/**
 * Digests a tar while somebody else takes it from `tar`. Nothing is buffered: whoever is slower
 * sets the pace. A tar that cannot be digested fails `digest` and still passes whole.
 */
export function digestWhile(
  source: ReadableStream<Uint8Array>,
  options: DigestOptions = {},
): { tar: ReadableStream<Uint8Array>; digest: Promise<TreeDigest> } {
  const copy = new TransformStream<Uint8Array, Uint8Array>();
  const writer = copy.writable.getWriter();
  const reader = source.getReader();
  const digest = digestTar(copy.readable, options);
  digest.catch(() => {}); // the caller hears of it when it awaits, which may be later

  const tar = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await reader.read();
        if (done) {
          await writer.close().catch(() => {});
          controller.close();
          return;
        }
        await writer.write(value).catch(() => {}); // a failed digest must not lose the tar
        controller.enqueue(value);
      } catch (error) {
        await writer.abort(error).catch(() => {});
        throw error;
      }
    },
    async cancel(reason) {
      await writer.abort(reason).catch(() => {});
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return { tar, digest };
}
