import { createHash } from "node:crypto";
import { z } from "zod";
import { type Engine, engineError, parseJson } from "../engine/engine.ts";
import { type Smolvm, smolvmError } from "../smolvm/smolvm.ts";
import { join } from "../std/path.ts";
import { UserError } from "../system/errors.ts";
import { withFileLock } from "../system/lock.ts";
import type { Progress } from "../system/progress.ts";
import { serveImage } from "./registry.ts";
import { openSavedImage } from "./saved_image.ts";

export interface SmolmachineContext {
  engine: Engine;
  smolvm: Smolvm;
  /** `smolvm --version`, as `probeVersion` read it. */
  version: string;
  /** The folder of the artifacts. */
  dir: string;
  progress: Progress;
  signal: AbortSignal;
}

/** What is known of an artifact: written last, so that what has no record is no artifact. */
const Record = z.strictObject({
  image: z.string(),
  smolvm: z.string(),
  sha256: z.string(),
  size: z.number(),
  /** When the file was last written, in milliseconds: while it holds, the hash need not be made. */
  mtime: z.number(),
});
type Record = z.infer<typeof Record>;

/** The repository that the image has in our registry. */
const REPOSITORY = "claude-bottle";
/** How often progress is said, in bytes. */
const STEP_BYTES = 64 * 1024 * 1024;

/**
 * The path of the `.smolmachine` made from a docker image (by ID), which is made when there is
 * none, or when what is there is not what was made. Two at once make it once.
 */
export async function ensureSmolmachine(
  imageId: string,
  context: SmolmachineContext,
): Promise<string> {
  const { dir, version, progress, signal } = context;
  const key = `${imageId.replace(/^sha256:/, "").slice(0, 16)}-${version}`;
  const path = join(dir, `${key}.smolmachine`);
  const recordPath = join(dir, `${key}.json`);
  const found = await check(path, recordPath);
  if (found === "whole") return path;
  await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  return await withFileLock(join(dir, `${key}.lock`), async () => {
    signal.throwIfAborted();
    const now = await check(path, recordPath); // another may have made it while we waited
    if (now === "whole") return path;
    if (now === "changed") {
      progress.warn(`The microVM image ${key} is not what was made: it is made again`);
    }
    const work = join(dir, `${key}.work`);
    await Deno.remove(work, { recursive: true }).catch(ignoreAbsence); // of one that was killed
    await Deno.mkdir(work, { mode: 0o700 });
    try {
      await progress.step(
        "microVM image",
        (detail) => make({ imageId, key, path, recordPath, work }, { ...context, detail }),
      );
    } finally {
      await Deno.remove(work, { recursive: true });
    }
    return path;
  }, signal);
}

async function make(
  { imageId, key, path, recordPath, work }: {
    imageId: string;
    key: string;
    path: string;
    recordPath: string;
    /** For everything that is not finished; on the same file system as `path`. */
    work: string;
  },
  { engine, smolvm, version, signal, detail }: SmolmachineContext & {
    detail: (text: string) => void;
  },
): Promise<void> {
  const tarball = join(work, "image.tar");
  await save(engine, imageId, tarball, { signal, detail });
  const out = join(work, "packed");
  {
    await using registry = serveImage(await openSavedImage(tarball), {
      repository: REPOSITORY,
      tag: key,
    });
    detail("smolvm pack create");
    const args = ["pack", "create", "--image", registry.reference, "-o", out];
    const result = await smolvm.run(args, { signal });
    if (result.code !== 0) throw smolvmError(["smolvm", ...args], result);
  }
  const made = `${out}.smolmachine`;
  const sha256 = await hashOf(made);
  await Deno.rename(made, path);
  const { size, mtime } = await Deno.stat(path);
  const record: Record = { image: imageId, smolvm: version, sha256, size, mtime: mtime!.getTime() };
  await Deno.writeTextFile(join(work, "record"), JSON.stringify(record), { mode: 0o600 });
  await Deno.rename(join(work, "record"), recordPath);
}

/** `docker save` into a file. */
async function save(
  engine: Engine,
  imageId: string,
  path: string,
  { signal, detail }: { signal: AbortSignal; detail: (text: string) => void },
): Promise<void> {
  const args = ["save", imageId];
  await using client = engine.stream(args, { signal });
  let bytes = 0;
  let said = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.length;
      if (bytes - said >= STEP_BYTES) {
        said = bytes;
        detail(`docker save: ${Math.round(bytes / 1e6)} MB`);
      }
      controller.enqueue(chunk);
    },
  });
  const file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
  await client.stdout.pipeThrough(count).pipeTo(file.writable, { signal });
  const result = await client.end();
  signal.throwIfAborted();
  if (result.code !== 0) throw engineError(["docker", ...args], result);
}

/** Whether the artifact is there, and is what was made. */
async function check(path: string, recordPath: string): Promise<"whole" | "changed" | "absent"> {
  const stat = await Deno.stat(path).catch(absence);
  const text = await Deno.readTextFile(recordPath).catch(absence);
  if (stat === undefined || text === undefined) return "absent";
  const record = Record.safeParse(parseJson(text));
  if (!record.success || record.data.size !== stat.size) return "changed";
  if (record.data.mtime === stat.mtime?.getTime()) return "whole";
  // Touched or copied: its content decides.
  return await hashOf(path) === record.data.sha256 ? "whole" : "changed";
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await Deno.open(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserError("create", "Cannot make the microVM image: smolvm has written none", {
      hints: ["smolvm --version"],
    });
  });
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}

function absence(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

const ignoreAbsence: (error: unknown) => void = absence;
