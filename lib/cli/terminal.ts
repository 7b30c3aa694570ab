import { printable, UserError } from "../system/errors.ts";
import { writeStderr } from "../system/terminal.ts";

/** Asks on the terminal; the answer without its end. Undefined at the end of input. */
export async function ask(question: string, signal: AbortSignal): Promise<string | undefined> {
  writeStderr(`${printable(question)} `);
  const answer = await readLine(signal);
  // Nobody's Enter has ended the question's line.
  if (!Deno.stdin.isTerminal()) writeStderr("\n");
  return answer;
}

/** Asks for a yes; anything else, the end of input too, is a no. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const answer = await ask(`${question} [y/N]`, signal);
  return /^y(es)?$/i.test(answer?.trim() ?? "");
}

/** Asks without showing what is typed. */
export async function askSecret(question: string, signal: AbortSignal): Promise<string> {
  writeStderr(`${printable(question)} (hidden): `);
  Deno.stdin.setRaw(true, { cbreak: true }); // Ctrl-C still interrupts
  try {
    const answer = await readLine(signal);
    if (answer === undefined) throw new UserError("usage", "No answer: the input ended");
    return answer;
  } finally {
    Deno.stdin.setRaw(false);
    writeStderr("\n");
  }
}

/** One line, byte by byte: what follows it belongs to the next reader. */
async function readLine(signal: AbortSignal): Promise<string | undefined> {
  const bytes: number[] = [];
  const byte = new Uint8Array(1);
  // A read of a terminal cannot be taken back; it ends with the worker.
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  interrupted.catch(() => {});
  while (true) {
    signal.throwIfAborted();
    const count = await Promise.race([Deno.stdin.read(byte), interrupted]);
    if (count === null) return bytes.length === 0 ? undefined : decode(bytes);
    if (byte[0] === 0x0a || byte[0] === 0x0d) return decode(bytes);
    if (byte[0] === 0x04 && bytes.length === 0) return undefined; // Ctrl-D, of a raw terminal
    if (byte[0] === 0x7f || byte[0] === 0x08) rubOut(bytes);
    else bytes.push(byte[0]!);
  }
}

/** Takes the last character away: all of its bytes (UTF-8). */
function rubOut(bytes: number[]): void {
  for (let byte = bytes.pop(); byte !== undefined && (byte & 0xc0) === 0x80;) byte = bytes.pop();
}

function decode(bytes: number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
