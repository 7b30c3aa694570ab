/** Writes to stderr. When the terminal is gone there is nobody to tell, and that is no error. */
export function writeStderr(text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  } catch {
    // EIO of a closed terminal, EPIPE of a closed pipe.
  }
}

/**
 * Hands the terminal to a child that sets its modes, and takes it back as it was, also when the
 * child was killed before it could restore anything.
 */
export function lendTerminal(): Disposable {
  // What the child finds, and so what it restores, is raw; what was before is kept here.
  Deno.stdin.setRaw(true);
  return {
    [Symbol.dispose]() {
      try {
        Deno.stdin.setRaw(false);
      } catch {
        // The terminal is gone.
      }
    },
  };
}

/**
 * Ends the modes that a program in a bottle left a terminal in when it was cut off. Harmless on
 * a terminal that is in none of them.
 */
export function resetTerminal(): void {
  const modes = [1000, 1002, 1003, 1004, 1006, 2004, 2031].map((mode) => `\x1b[?${mode}l`).join("");
  // Leave the alternate screen, pop the keyboard protocol, show the cursor, plain text.
  writeStderr(`\x1b[?1049l${modes}\x1b[<u\x1b[>4m\x1b[?25h\x1b[0m\r\n`);
}
