import { printable } from "./errors.ts";

/** Says what is being done, on stderr: stdout belongs to the answer. */
export interface Progress {
  /** Runs a step and prints it with its time; `detail` says what it is doing meanwhile. */
  step<T>(name: string, work: (detail: (text: string) => void) => Promise<T>): Promise<T>;
  /** A line for the user. */
  say(text: string): void;
  warn(text: string): void;
}

/** A step that ends sooner than this is not announced, only reported. */
const ANNOUNCE_MS = 400;
const TICK_MS = 1_500;

/**
 * Progress on a terminal (one line, redrawn) or in a log (plain lines, never silent for more
 * than two seconds when a step is announced for the first time).
 */
export function createProgress(
  { write, tty, color, quiet = false }: {
    write: (text: string) => void;
    tty: boolean;
    color: boolean;
    /** Only warnings. */
    quiet?: boolean;
  },
): Progress {
  const paint = (code: string, text: string) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    say: (text) => quiet ? undefined : write(`${printable(text)}\n`),
    warn: (text) => write(`${paint("33", "warning:")} ${printable(text)}\n`),
    async step(name, work) {
      const started = performance.now();
      const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)}s`;
      let current = "";
      const draw = () => {
        if (quiet) return;
        if (tty) write(`\r\x1b[K… ${name} ${seconds()} ${current}`.slice(0, 100));
        else write(`… ${name}${current === "" ? "" : ` (${current})`}\n`);
      };
      let timer: ReturnType<typeof setInterval> | undefined;
      const announce = setTimeout(() => {
        draw();
        if (tty) timer = setInterval(draw, TICK_MS);
      }, ANNOUNCE_MS);
      const clear = () => {
        clearTimeout(announce);
        if (timer !== undefined) clearInterval(timer);
        if (tty && !quiet) write("\r\x1b[K");
      };
      try {
        const result = await work((text) => {
          current = printable(text);
          if (!tty) draw();
        });
        clear();
        if (!quiet) write(`${paint("32", "✓")} ${name} ${seconds()}\n`);
        return result;
      } catch (error) {
        clear();
        if (!quiet) write(`${paint("31", "✗")} ${name} ${seconds()}\n`);
        throw error;
      }
    },
  };
}
