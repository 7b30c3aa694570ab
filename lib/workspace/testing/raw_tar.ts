/** An entry as a test writes it, lies included. */
export interface RawEntry {
  name: string | Uint8Array;
  /** The type flag: "0" unless given. */
  flag?: string;
  mode?: number;
  linkname?: string;
  body?: string | Uint8Array;
  /** What the header claims, when that is not the body's length. */
  size?: number;
  magic?: string;
  prefix?: string;
  badChecksum?: boolean;
}

/** Builds tar archives header by header, for tests: no packer would write what these need. */
export class RawTar {
  readonly #parts: Uint8Array[] = [];

  /** Adds an entry. */
  add(entry: RawEntry): this {
    const body = typeof entry.body === "string" ? encode(entry.body) : entry.body ?? encode("");
    const block = new Uint8Array(512);
    const put = (at: number, value: string | Uint8Array) =>
      block.set(typeof value === "string" ? encode(value) : value, at);
    put(0, entry.name);
    put(100, octal(entry.mode ?? 0o644, 7));
    put(108, octal(0, 7));
    put(116, octal(0, 7));
    put(124, octal(entry.size ?? body.length, 11));
    put(136, octal(0, 11));
    put(148, "        ");
    put(156, entry.flag ?? "0");
    put(157, entry.linkname ?? "");
    put(257, entry.magic ?? "ustar\x0000");
    put(345, entry.prefix ?? "");
    const sum = block.reduce((total, byte) => total + byte, entry.badChecksum ? 1 : 0);
    put(148, `${octal(sum, 6)}\0 `.slice(0, 8));
    this.#parts.push(block, body, new Uint8Array(-body.length & 511));
    return this;
  }

  /** Adds a PAX header for the next entry (or, flag "g", for all). */
  pax(records: Record<string, string>, flag = "x"): this {
    const body = Object.entries(records).map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      let length = encode(rest).length;
      while (String(length).length + encode(rest).length !== length) length++;
      return `${length}${rest}`;
    }).join("");
    return this.add({ name: "PaxHeader", flag, body });
  }

  /** The archive, with its end unless `open`. */
  bytes({ open = false } = {}): Uint8Array {
    const parts = open ? this.#parts : [...this.#parts, new Uint8Array(1024)];
    const result = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
    let at = 0;
    for (const part of parts) {
      result.set(part, at);
      at += part.length;
    }
    return result;
  }

  /** The archive as a stream, in chunks whose borders fall anywhere. */
  stream(): ReadableStream<Uint8Array> {
    return chunked(this.bytes());
  }
}

/** Streams `bytes` in odd chunks. */
export function chunked(bytes: Uint8Array, size = 700): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += size));
    },
  });
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0") + (digits === 6 ? "" : "\0");
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
