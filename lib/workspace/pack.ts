import { createTarPacker } from "modern-tar";
import { UserError } from "../system/errors.ts";
import { openRegular, type SafeFile } from "./safe_open.ts";
import type { Survey, SurveyEntry } from "./survey.ts";

const CHUNK = 64 * 1024;

/** How a packed workspace looks in the bottle. */
export interface PackOptions {
  /** The folder everything lies under, such as "workspace": relative, no "./". */
  prefix: string;
  /** The owner of every entry; root unless given. */
  uid?: number;
  gid?: number;
  /** Sends an entry for `prefix` too, so that the folder itself gets this owner. */
  includePrefix?: boolean;
  signal?: AbortSignal;
}

/**
 * Streams a tar of exactly what `survey` found in `dir`. A file that was replaced, or shrank,
 * since then is an error of the stream; of one that grew the surveyed part is sent. No link is
 * followed. Hard links are sent as separate files. Reading pauses while nobody takes the stream.
 */
export function packWorkspace(
  dir: string,
  survey: Survey,
  options: PackOptions,
): ReadableStream<Uint8Array> {
  const { prefix, signal, uid = 0, gid = 0 } = options;
  const { readable, controller } = createTarPacker();

  async function pack(): Promise<void> {
    if (options.includePrefix) {
      const header = { name: `${prefix}/`, type: "directory", mode: 0o755 } as const;
      await controller.add({ ...header, uid, gid, size: 0, mtime: new Date(0) }).close();
    }
    for (const entry of survey.entries) {
      signal?.throwIfAborted();
      using file = entry.type === "file" ? openUnchanged(dir, entry) : undefined;
      if (entry.type === "symlink") checkLink(dir, entry);
      const name = `${prefix}/${entry.path}${entry.type === "directory" ? "/" : ""}`;
      const { type, size, mode, mtime, linkname } = entry;
      const body = controller.add({ name, type, size, mode, mtime, linkname, uid, gid });
      if (file === undefined || size === 0) await body.close();
      else await copy(file, body, dir, entry, signal);
    }
    controller.finalize();
  }

  // Also wakes a pack that waits for its reader.
  const abort = () => controller.error(signal?.reason);
  signal?.addEventListener("abort", abort);
  pack()
    // Every failure becomes the stream's; after a cancel there is nobody left to tell.
    .catch((error) => controller.error(error))
    .finally(() => signal?.removeEventListener("abort", abort));
  return readable;
}

async function copy(
  file: SafeFile,
  body: WritableStream<Uint8Array>,
  dir: string,
  entry: SurveyEntry,
  signal: AbortSignal | undefined,
): Promise<void> {
  const writer = body.getWriter();
  let left = entry.size;
  while (left > 0) {
    signal?.throwIfAborted();
    const buffer = new Uint8Array(Math.min(left, CHUNK));
    const count = left <= CHUNK ? file.readSync(buffer) : await file.read(buffer);
    if (count === 0) throw changed(dir, entry, "it became shorter");
    await writer.write(buffer.subarray(0, count));
    left -= count;
  }
  await writer.close();
}

function openUnchanged(dir: string, entry: SurveyEntry): SafeFile {
  let file: SafeFile | undefined;
  try {
    file = openRegular(`${dir}/${entry.path}`);
  } catch (error) {
    throw failed(dir, entry, error);
  }
  if (file === undefined) throw changed(dir, entry, "it is no longer a regular file");
  // Also how a folder that was swapped for a link shows: another file is then found in it.
  if (file.identity.dev === entry.dev && file.identity.ino === entry.ino) {
    if (file.size >= entry.size) return file;
    file[Symbol.dispose]();
    throw changed(dir, entry, "it became shorter");
  }
  file[Symbol.dispose]();
  throw changed(dir, entry, "it was replaced");
}

function checkLink(dir: string, entry: SurveyEntry): void {
  let target: string | undefined;
  try {
    target = Deno.readLinkSync(`${dir}/${entry.path}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw failed(dir, entry, error);
  }
  if (target !== entry.linkname) throw changed(dir, entry, "it was replaced");
}

function changed(dir: string, entry: SurveyEntry, how: string): UserError {
  return new UserError("io", `Cannot copy "${dir}/${entry.path}": ${how} while being copied`, {
    hints: ["start again when nothing writes there"],
  });
}

function failed(dir: string, entry: SurveyEntry, cause: unknown): UserError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new UserError("io", `Cannot copy "${dir}/${entry.path}": ${detail}`, { cause });
}
