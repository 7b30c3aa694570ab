import { printable, UserError } from "../system/errors.ts";

/** Asks on the terminal; the answer without its end. Undefined at the end of input. */
export async function ask(question: string, signal: AbortSignal): Promise<string | undefined> {
  Deno.stderr.writeSync(new TextEncoder().encode(`${printable(question)} `));
  return await readLine(signal);
}

/** Asks for a yes; anything else, the end of input too, is a no. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const answer = await ask(`${question} [y/N]`, signal);
  return /^y(es)?$/i.test(answer?.trim() ?? "");
}

/** Asks without showing what is typed. */
export async function askSecret(question: string, signal: AbortSignal): Promise<string> {
  Deno.stderr.writeSync(new TextEncoder().encode(`${printable(question)} (hidden): `));
  Deno.stdin.setRaw(true, { cbreak: true }); // Ctrl-C still interrupts
  try {
    const answer = await readLine(signal);
    if (answer === undefined) throw new UserError("usage", "No answer: the input ended");
    return answer;
  } finally {
    Deno.stdin.setRaw(false);
    Deno.stderr.writeSync(new TextEncoder().encode("\n"));
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
    if (byte[0] === 0x7f || byte[0] === 0x08) bytes.pop();
    else bytes.push(byte[0]!);
  }
}

function decode(bytes: number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/**
 * Brings a terminal back from whatever a program in a bottle left it in: modes that a session
 * which was cut off could not end itself. Harmless on a terminal that is in none of them.
 */
export function resetTerminal(): void {
  const modes = [1000, 1002, 1003, 1004, 1006, 2004, 2031].map((mode) => `\x1b[?${mode}l`).join("");
  // Leave the alternate screen, pop the keyboard protocol, show the cursor, plain text.
  const text = `\x1b[?1049l${modes}\x1b[<u\x1b[>4m\x1b[?25h\x1b[0m\r`;
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
