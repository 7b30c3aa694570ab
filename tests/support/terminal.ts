import { check, runProcess } from "../../lib/system/process.ts";
import { PROGRAM } from "./program.ts";

/** A real terminal (tmux's), driven by keys and read as a screen. */
export interface Terminal extends AsyncDisposable {
  /** Types text as it is. */
  type(text: string): Promise<void>;
  /** Presses keys by tmux's names: Enter, C-c, C-\\. */
  press(...keys: string[]): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  screen(): Promise<string>;
  /** Waits until the screen matches; fails with the screen after `seconds`. */
  see(pattern: RegExp, seconds?: number): Promise<string>;
  /** The process in the terminal. */
  pid(): Promise<number>;
  /** Closes the terminal, as when its window is closed. */
  close(): Promise<void>;
}

/** Opens a terminal that runs a shell with `claude-bottle` as a function. */
export async function openTerminal(env: Record<string, string>, cwd: string): Promise<Terminal> {
  // A server of its own: the user's tmux is not touched.
  const socket = `cb-test-${crypto.randomUUID().slice(0, 8)}`;
  const tmux = (...args: string[]) => check(runProcess, ["tmux", "-L", socket, ...args]);
  const dir = await Deno.makeTempDir({ prefix: "cb-term-" });
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const program = [Deno.execPath(), ...PROGRAM].map(quoted).join(" ");
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`);
  await Deno.writeTextFile(
    `${dir}/rc`,
    `${exports.join("\n")}\nPS1='shell> '\ncd ${
      quoted(cwd)
    }\nclaude-bottle() { ${program} "$@"; }\n`,
  );
  await tmux(
    "-f",
    "/dev/null",
    "new-session",
    "-d",
    "-s",
    "t",
    "-x",
    "100",
    "-y",
    "30",
    `bash --noprofile --rcfile ${quoted(`${dir}/rc`)} -i`,
  );
  const screen = () => tmux("capture-pane", "-p", "-t", "t");
  const close = async () => {
    await runProcess("tmux", ["-L", socket, "kill-server"]);
  };
  return {
    type: async (text) => void await tmux("send-keys", "-t", "t", "-l", text),
    press: async (...keys) => void await tmux("send-keys", "-t", "t", ...keys),
    resize: async (columns, rows) =>
      void await tmux("resize-window", "-t", "t", "-x", String(columns), "-y", String(rows)),
    screen,
    async see(pattern, seconds = 20) {
      let text = "";
      for (let tries = 0; tries < seconds * 10; tries++) {
        text = await screen();
        if (pattern.test(text)) return text;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`The terminal does not show ${pattern}:\n${text}`);
    },
    pid: async () => Number(await tmux("display-message", "-p", "-t", "t", "#{pane_pid}")),
    close,
    async [Symbol.asyncDispose]() {
      await close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}
