const ASTERISK = 0x2a;
const EMPTY = Buffer.alloc(0);

/** Every spelling of one secret, prepared once for all the responses that could hold it. */
export class Patterns {
  readonly buffers: Buffer[];
  readonly longest: number;
  /** The bytes with which a spelling begins, as a table. */
  readonly firsts = new Uint8Array(256);
  readonly #texts: string[];
  readonly #shortest: number;

  constructor(buffers: Buffer[]) {
    this.buffers = buffers.filter((buffer) => buffer.length > 0);
    this.longest = Math.max(0, ...this.buffers.map((buffer) => buffer.length));
    this.#texts = this.buffers.map((buffer) => buffer.toString("latin1"));
    this.#shortest = Math.min(...this.buffers.map((buffer) => buffer.length));
    for (const buffer of this.buffers) this.firsts[buffer[0]!] = 1;
  }

  /** Masks a header's text, one character a byte. */
  maskText(text: string): string {
    if (text.length < this.#shortest) return text;
    if (!this.#texts.some((pattern) => text.includes(pattern))) return text;
    const bytes = Buffer.from(text, "latin1");
    return this.mask(bytes, bytes).toString("latin1");
  }

  /** Overwrites in `shown` what is found in `bytes`: two spellings may overlap. Copies before. */
  mask(bytes: Buffer, shown: Buffer): Buffer {
    let out = shown;
    for (const pattern of this.buffers) {
      for (
        let at = bytes.indexOf(pattern);
        at !== -1;
        at = bytes.indexOf(pattern, at + 1)
      ) {
        if (out === shown) out = Buffer.from(shown);
        out.fill(ASTERISK, at, at + pattern.length);
      }
    }
    return out;
  }
}

/**
 * Replaces secrets in a stream of bytes with asterisks, same length, also across chunk borders.
 * Only the bytes that could be the beginning of a secret are held back, so that a stream of
 * events is not delayed: usually none.
 */
export class Masker {
  readonly #patterns: Patterns;
  /** What came and was not passed on yet, and what of it is to be shown. */
  #held: Buffer = EMPTY;
  #shown: Buffer = EMPTY;

  constructor(patterns: Patterns) {
    this.#patterns = patterns;
  }

  /** The bytes that can be passed on now. */
  push(chunk: Buffer): Buffer {
    let bytes = chunk, shown = chunk;
    if (this.#held.length > 0) {
      bytes = Buffer.concat([this.#held, chunk]);
      shown = Buffer.concat([this.#shown, chunk]);
    }
    const masked = this.#patterns.mask(bytes, shown);
    const keep = this.#partial(bytes);
    if (keep === 0) {
      this.#held = this.#shown = EMPTY;
      return masked;
    }
    const at = bytes.length - keep;
    this.#held = Buffer.from(bytes.subarray(at));
    this.#shown = Buffer.from(masked.subarray(at));
    return masked.subarray(0, at);
  }

  /** What was held back; call once, at the end. */
  end(): Buffer {
    const rest = this.#shown;
    this.#held = this.#shown = EMPTY;
    return rest;
  }

  /** How many bytes at the end are the beginning of a secret. */
  #partial(bytes: Buffer): number {
    const { buffers, firsts, longest } = this.#patterns;
    const most = Math.min(bytes.length, longest - 1);
    for (let length = most; length > 0; length--) {
      const start = bytes.length - length;
      if (firsts[bytes[start]!] === 0) continue;
      const tail = bytes.subarray(start);
      for (const pattern of buffers) {
        if (
          pattern.length > length && pattern.subarray(0, length).equals(tail)
        ) return length;
      }
    }
    return 0;
  }
}
