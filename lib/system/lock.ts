import { dirname } from "../std/path.ts";

/**
 * Runs `work` while holding an exclusive lock on a file (flock): the kernel drops it when the
 * holder dies, however it dies. The file stays: removing it would let two hold "the" lock.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await Deno.mkdir(dirname(path), { recursive: true });
  using file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
  await file.lock(true);
  try {
    return await work();
  } finally {
    await file.unlock();
  }
}
