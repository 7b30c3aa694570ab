import { dirname } from "../std/path.ts";

/** How often a lock that another holds is tried again. */
const RETRY_MS = 50;

/**
 * Runs `work` while holding an exclusive lock on a file (flock): the kernel drops it when the
 * holder dies, however it dies. The file stays: removing it would let two hold "the" lock. Who
 * waits gives up when `signal` is aborted.
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  await Deno.mkdir(dirname(path), { recursive: true });
  using file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
  // Tried and not awaited: a wait in the kernel cannot be taken back.
  while (!await file.tryLock(true)) {
    signal?.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  try {
    return await work();
  } finally {
    await file.unlock();
  }
}
