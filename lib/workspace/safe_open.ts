import * as fs from "node:fs";

/** What must not have changed about a file between two looks at it. */
export interface Identity {
  dev: number;
  ino: number | null;
}

/** An open regular file. Disposing it closes it. */
export class SafeFile implements Disposable {
  readonly #fd: number;
  readonly identity: Identity;
  readonly size: number;

  constructor(fd: number, identity: Identity, size: number) {
    this.#fd = fd;
    this.identity = identity;
    this.size = size;
  }

  /** Reads the next bytes into `buffer`; 0 means the end. */
  read(buffer: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      fs.read(
        this.#fd,
        buffer,
        0,
        buffer.length,
        null,
        (error, count) => error ? reject(error) : resolve(count),
      )
    );
  }

  /** Reads like `read`, at once: for files that fit in one buffer. */
  readSync(buffer: Uint8Array): number {
    return fs.readSync(this.#fd, buffer, 0, buffer.length, null);
  }

  [Symbol.dispose](): void {
    fs.closeSync(this.#fd);
  }
}

/**
 * Opens a regular file for reading and follows no link in its last component. `undefined` when
 * the path is anything else. A link in an earlier component shows in `identity`, which the
 * caller compares with what it saw before.
 */
export function openRegular(path: string): SafeFile | undefined {
  // Deno.open has no O_NOFOLLOW, and under a scoped --allow-read it follows a link out of the
  // scope; node:fs passes flags through. O_NONBLOCK: opening a fifo would wait for a writer.
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  let fd: number;
  try {
    fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (isLinkLoop(error)) return undefined;
    throw error;
  }
  try {
    const info = fs.fstatSync(fd);
    if (info.isFile()) return new SafeFile(fd, { dev: info.dev, ino: info.ino }, info.size);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  fs.closeSync(fd);
  return undefined;
}

function isLinkLoop(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "ELOOP" || code === "EMLINK" ||
    /ELOOP|too many symbolic links/i.test(message ?? "");
}
