/** What a bottle's ID looks like: the agent's name and five characters of its own. */
export const BOTTLE_ID = /^[a-z][a-z0-9-]{0,39}-[0-9a-z]{5}$/;

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** Mints an ID. `random` fills its argument with random bytes. */
export function mintId(
  agent: string,
  random: (bytes: Uint8Array<ArrayBuffer>) => void = (bytes) => void crypto.getRandomValues(bytes),
): string {
  let suffix = "";
  const byte = new Uint8Array(1);
  while (suffix.length < 5) {
    random(byte);
    // 252 is the largest multiple of 36 in a byte: above it the first digits would be likelier.
    if (byte[0]! < 252) suffix += DIGITS[byte[0]! % 36];
  }
  return `${agent}-${suffix}`;
}
