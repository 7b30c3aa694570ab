const ASTERISK = 0x2a;
const EMPTY = Buffer.alloc(0);

/**
 * Replaces secrets in a stream of bytes with asterisks, same length, also across chunk borders.
 * Only the bytes that could be the beginning of a secret are held back, so that a stream of
 * events is not delayed: usually none.
 */
export class Masker {
  readonly #patterns: Buffer[];
  readonly #longest: number;
  /** The bytes with which a secret begins, as a table. */
  readonly #firsts = new Uint8Array(256);
  #held: Buffer = EMPTY;

  constructor(patterns: Buffer[]) {
    this.#patterns = patterns;
    this.#longest = Math.max(0, ...patterns.map((pattern) => pattern.length));
    for (const pattern of patterns) this.#firsts[pattern[0]!] = 1;
  }

  /** The bytes that can be passed on now. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const masked = this.#mask(bytes);
    const keep = this.#partial(masked);
    if (keep === 0) {
      this.#held = EMPTY;
      return masked;
    }
    this.#held = Buffer.from(masked.subarray(masked.length - keep));
    return masked.subarray(0, masked.length - keep);
  }

  /** What was held back; call once, at the end. */
  end(): Buffer {
    const rest = this.#held;
    this.#held = EMPTY;
    return rest;
  }

  #mask(bytes: Buffer): Buffer {
    let out = bytes;
    for (const pattern of this.#patterns) {
      for (
        let at = bytes.indexOf(pattern);
        at !== -1;
        at = bytes.indexOf(pattern, at + 1)
      ) {
        if (out === bytes) out = Buffer.from(bytes);
        out.fill(ASTERISK, at, at + pattern.length);
      }
    }
    return out;
  }

  /** How many bytes at the end are the beginning of a secret. */
  #partial(bytes: Buffer): number {
    const most = Math.min(bytes.length, this.#longest - 1);
    for (let length = most; length > 0; length--) {
      if (this.#firsts[bytes[bytes.length - length]!] === 0) continue;
      const tail = bytes.subarray(bytes.length - length);
      for (const pattern of this.#patterns) {
        if (
          pattern.length > length && pattern.subarray(0, length).equals(tail)
        ) return length;
      }
    }
    return 0;
  }
}
