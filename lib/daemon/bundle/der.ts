/**
 * The few DER structures (ITU-T X.690) that two certificates need. Written here because the
 * libraries cost what the bundle does not have: @peculiar/x509 takes 170 ms to load and 78 MB.
 */

export function sequence(...items: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(items));
}

export function set(...items: Buffer[]): Buffer {
  return tagged(0x31, Buffer.concat(items));
}

/** A non-negative INTEGER from big-endian bytes. */
export function integer(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  // A leading 1 bit would make it negative.
  const positive = (trimmed[0]! & 0x80) === 0 ? trimmed : Buffer.concat([Buffer.of(0), trimmed]);
  return tagged(0x02, positive);
}

export function boolean(value: boolean): Buffer {
  return tagged(0x01, Buffer.of(value ? 0xff : 0));
}

export function octetString(bytes: Buffer): Buffer {
  return tagged(0x04, bytes);
}

/** A BIT STRING; `unused` is the number of unused bits in its last byte. */
export function bitString(bytes: Buffer, unused = 0): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.of(unused), bytes]));
}

export function utf8String(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text, "utf8"));
}

/** A time in whole seconds, UTC, in the form RFC 5280 §4.1.2.5 asks for until 2049. */
export function utcTime(date: Date): Buffer {
  const digits = date.toISOString().slice(2, 19).replace(/\D/g, "");
  return tagged(0x17, Buffer.from(`${digits}Z`, "ascii"));
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const bytes = [first! * 40 + second!];
  for (const part of rest) {
    const septets = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) {
      septets.unshift((left & 0x7f) | 0x80);
    }
    bytes.push(...septets);
  }
  return tagged(0x06, Buffer.from(bytes));
}

/** A value with its tag and its definite length. */
export function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const size: number[] = [];
  for (let left = length; left > 0; left >>>= 8) size.unshift(left & 0xff);
  return Buffer.concat([Buffer.of(tag, 0x80 | size.length, ...size), content]);
}
