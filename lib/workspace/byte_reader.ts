import { UserError } from "../system/errors.ts";

const EMPTY = new Uint8Array(0);

/** Takes a stream of chunks apart by counted bytes. Disposing it cancels what is left. */
export class ByteReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => void this.#reader.cancel(this.#signal?.reason).catch(() => {});
  #chunk: Uint8Array = EMPTY;

  constructor(stream: ReadableStream<Uint8Array>, signal?: AbortSignal) {
    this.#reader = stream.getReader();
    this.#signal = signal;
    // A stream that stalls must not outlive an abort.
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** The next `count` bytes, valid until the next call. */
  async exactly(count: number): Promise<Uint8Array> {
    if (this.#chunk.length === 0 && count > 0) await this.#more();
    if (this.#chunk.length >= count) return this.#take(count);
    const result = new Uint8Array(count);
    for (let filled = 0; filled < count;) {
      const part = await this.some(count - filled);
      result.set(part, filled);
      filled += part.length;
    }
    return result;
  }

  /** At least one byte and at most `limit`. */
  async some(limit: number): Promise<Uint8Array> {
    if (this.#chunk.length === 0) await this.#more();
    return this.#take(Math.min(limit, this.#chunk.length));
  }

  /** Passes over `count` bytes. */
  async skip(count: number): Promise<void> {
    for (let left = count; left > 0;) left -= (await this.some(left)).length;
  }

  /** Reads to the end, where at most `limit` bytes may be left. */
  async drain(limit: number): Promise<void> {
    for (let left = limit - this.#chunk.length; left >= 0;) {
      const chunk = await this.#next();
      if (chunk === undefined) return;
      left -= chunk.length;
    }
    throw new UserError("io", "Cannot read the archive: data follows its end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    await this.#reader.cancel().catch(() => {}); // its error has already been thrown
    this.#reader.releaseLock();
  }

  #take(count: number): Uint8Array {
    const part = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    return part;
  }

  async #more(): Promise<void> {
    do {
      const chunk = await this.#next();
      if (chunk === undefined) throw new UserError("io", "Cannot read the archive: it is cut off");
      this.#chunk = chunk;
    } while (this.#chunk.length === 0);
  }

  async #next(): Promise<Uint8Array | undefined> {
    this.#signal?.throwIfAborted();
    const { value, done } = await this.#reader.read();
    this.#signal?.throwIfAborted();
    return done ? undefined : value;
  }
}
