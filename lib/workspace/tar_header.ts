import { UserError } from "../system/errors.ts";

/** The fields of a 512-byte header that are used here; names as bytes. */
export interface RawHeader {
  path: Uint8Array;
  linkpath: Uint8Array;
  flag: string;
  mode: number;
  size: number;
}

/** What the PAX and GNU headers before an entry say instead of its own header. */
export interface Overrides {
  path?: Uint8Array;
  linkpath?: Uint8Array;
  size?: number;
  sparse?: boolean;
}

/** Decodes a header block, whose checksum and magic must be right. */
export function decodeHeader(block: Uint8Array): RawHeader {
  let sum = 8 * 32; // the checksum's own field counts as spaces
  for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += block[i] ?? 0;
  if (number(block.subarray(148, 156)) !== sum) throw malformed("a header's checksum is wrong");
  const magic = String.fromCharCode(...block.subarray(257, 263));
  if (!magic.startsWith("ustar")) throw malformed("it is not in the ustar format");

  const name = field(block.subarray(0, 100));
  // In the GNU format ("ustar ") other fields lie where the prefix would be.
  const prefix = magic === "ustar\0" ? field(block.subarray(345, 500)) : new Uint8Array(0);
  return {
    path: prefix.length > 0 ? new Uint8Array([...prefix, 0x2f, ...name]) : name,
    linkpath: field(block.subarray(157, 257)),
    flag: String.fromCharCode(block[156] ?? 0),
    mode: number(block.subarray(100, 108)) & 0o7777,
    size: number(block.subarray(124, 136)),
  };
}

/** Decodes PAX records, `<length> <key>=<value>\n`, in one pass and by the letter. */
export function decodePax(body: Uint8Array): Overrides {
  const overrides: Overrides = {};
  for (let at = 0; at < body.length;) {
    // Lengths have at most 7 digits here, so a hostile one costs no long search.
    const space = body.subarray(at, at + 8).indexOf(0x20);
    const digits = ascii(body.subarray(at, at + Math.max(space, 0)));
    const end = at + Number(digits);
    if (!/^[1-9][0-9]*$/.test(digits) || end > body.length || body[end - 1] !== 0x0a) {
      throw malformed("a PAX record has a wrong length");
    }
    const record = body.subarray(at + space + 1, end - 1);
    const equals = record.indexOf(0x3d);
    if (equals < 1) throw malformed("a PAX record has no key");
    const key = equals <= 64 ? ascii(record.subarray(0, equals)) : "";
    const value = record.subarray(equals + 1);
    if (key === "path") overrides.path = value;
    else if (key === "linkpath") overrides.linkpath = value;
    else if (key === "size") overrides.size = decimal(value);
    else if (key.startsWith("GNU.sparse.")) overrides.sparse = true;
    at = end;
  }
  return overrides;
}

/** A name as text, and why it is none. */
export function text(bytes: Uint8Array): { text: string; problem?: string } {
  const decoded = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (bytes.includes(0)) return { text: decoded, problem: "a name with a NUL" };
  // A real U+FFFD is refused with the rest: nobody misses it.
  if (decoded.includes("\ufffd")) return { text: decoded, problem: "a name that is not UTF-8" };
  return { text: decoded };
}

function field(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

function number(bytes: Uint8Array): number {
  const first = bytes[0] ?? 0;
  if ((first & 0x80) !== 0) { // GNU's base 256, for what octal digits cannot hold
    let value = first & 0x7f;
    for (const byte of bytes.subarray(1)) value = value * 256 + byte;
    if (!Number.isSafeInteger(value)) throw malformed("a number in a header is too large");
    return value;
  }
  const digits = ascii(field(bytes)).trim();
  if (!/^[0-7]*$/.test(digits)) throw malformed("a number in a header is wrong");
  return digits === "" ? 0 : parseInt(digits, 8);
}

function decimal(bytes: Uint8Array): number {
  const digits = bytes.length <= 16 ? ascii(bytes) : "";
  if (!/^[0-9]+$/.test(digits) || !Number.isSafeInteger(Number(digits))) {
    throw malformed("a size in a PAX record is wrong");
  }
  return Number(digits);
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function malformed(detail: string): UserError {
  return new UserError("io", `Cannot read the archive: ${detail}`);
}
