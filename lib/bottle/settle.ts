import type { Session } from "../backend/backend.ts";
import { TRANSCRIPTS, WORKSPACE } from "../backend/layout.ts";
import type { Progress } from "../system/progress.ts";
import { UserError } from "../system/errors.ts";
import { changedPaths, digestTar, digestWhile } from "../workspace/digest.ts";
import { unpackInto } from "../workspace/unpack.ts";
import type { StateStore } from "./state.ts";

/** The workspace's tar entries begin with its name; digests leave it out. */
const STRIP = { strip: 1 };
const WORK = "work.tar";
const BASELINE = "workspace.json";

/** Notes what went into the workspace while it goes, to be compared with what comes out. */
export function recordBaseline(
  store: StateStore,
  id: string,
  tar: ReadableStream<Uint8Array>,
): { tar: ReadableStream<Uint8Array>; recorded: Promise<void> } {
  const { tar: passed, digest } = digestWhile(tar, STRIP);
  const recorded = digest.then(async (tree) => {
    const text = JSON.stringify([...tree]);
    await Deno.writeTextFile(store.file(id, BASELINE), text, { mode: 0o600 });
  });
  return { tar: passed, recorded };
}

/**
 * Keeps the copied workspace as `work.tar`, byte for byte and never unpacked, when it differs
 * from what was copied in. Returns how many paths changed.
 */
export async function keepWork(
  store: StateStore,
  session: Session,
  signal: AbortSignal,
): Promise<number> {
  const path = store.file(session.id, `${WORK}.new`); // it gets its name when it is whole
  await using download = session.get(WORKSPACE, signal);
  const { tar, digest } = digestWhile(download.tar, STRIP);
  const file = await Deno.open(path, { create: true, write: true, truncate: true, mode: 0o600 });
  // Closes the file, too: with preventClose Deno 2.9 loses what it has not yet written.
  const [after] = await Promise.all([digest, tar.pipeTo(file.writable)]);
  const before = await readBaseline(store.file(session.id, BASELINE));
  const changed = changedPaths(before, after).length;
  if (changed === 0) {
    await Deno.remove(path);
    return 0;
  }
  // The bottle goes next: what is on the disk must be the work, and not only have been written.
  using written = await Deno.open(path);
  const stored = await digestTar(written.readable, STRIP);
  if (changedPaths(after, stored).length > 0) {
    throw new UserError("io", `Cannot keep the work of "${session.id}": "${path}" is not whole`, {
      hints: [`claude-bottle get ${session.id} DEST`, "df -h"],
    });
  }
  await Deno.rename(path, store.file(session.id, WORK));
  return changed;
}

/** What was copied in. When that is not known any more, all that there is counts as changed. */
async function readBaseline(path: string): Promise<Map<string, string>> {
  try {
    return new Map(JSON.parse(await Deno.readTextFile(path)) as [string, string][]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return new Map();
    throw error;
  }
}

/** Whether a workspace was kept for this bottle, and where. */
export async function keptWork(store: StateStore, id: string): Promise<string | undefined> {
  const path = store.file(id, WORK);
  return await Deno.stat(path).then(() => path, () => undefined);
}

/** Saves the agent's transcripts; what cannot be had is said, and is no error. */
export async function saveTranscript(
  store: StateStore,
  session: Session,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const target = store.file(session.id, "transcript");
  const fresh = `${target}.new`;
  await Deno.remove(fresh, { recursive: true }).catch(() => {});
  try {
    await using download = session.get(TRANSCRIPTS, signal);
    const tar = await nonEmpty(download.tar);
    if (tar === undefined) return; // an agent that said nothing yet
    await unpackInto(tar, fresh, { strip: 1, signal });
    await Deno.remove(target, { recursive: true }).catch(() => {});
    await Deno.rename(fresh, target);
  } catch (error) {
    await Deno.remove(fresh, { recursive: true }).catch(() => {});
    const message = error instanceof Error ? error.message : String(error);
    progress.warn(`No transcript saved: ${message}`);
  }
}

/** The stream, unless it ends without a byte: then there is no such path. */
async function nonEmpty(
  stream: ReadableStream<Uint8Array>,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const reader = stream.getReader();
  const first = await reader.read();
  if (first.done) return undefined;
  return ReadableStream.from((async function* () {
    try {
      yield first.value;
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    } finally {
      await reader.cancel();
    }
  })());
}
