import { fileURLToPath } from "node:url";
import { runProcess, type RunResult } from "../../lib/system/process.ts";

/** The checkout. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** The flags of `deno task start`: what the program is given, and no more. */
export const PROGRAM = [
  "run",
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-run",
  "--allow-sys",
  "--allow-net=127.0.0.1",
  `--config=${ROOT}/deno.json`,
  `${ROOT}/main.ts`,
];

/** A home directory of its own for the program, with manifests. */
export interface Home extends AsyncDisposable {
  path: string;
  env: Record<string, string>;
  /** Writes a file below `~/.claude-bottle`. */
  write(name: string, text: string): Promise<void>;
  read(name: string): Promise<string>;
  /** Runs `claude-bottle ARGS` to its end. */
  run(
    args: string[],
    options?: { env?: Record<string, string>; cwd?: string; stdin?: string; signal?: AbortSignal },
  ): Promise<RunResult>;
}

/** Makes an empty home. The cache stays the user's, so that nothing is downloaded twice. */
export async function createHome(env: Record<string, string> = {}): Promise<Home> {
  const path = await Deno.makeTempDir({ prefix: "cb-home-" });
  const denoDir = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
  const base = {
    HOME: path,
    XDG_CACHE_HOME: `${path}/cache`,
    DENO_DIR: denoDir,
    NO_COLOR: "1",
    ...env,
  };
  const file = (name: string) => `${path}/.claude-bottle/${name}`;
  return {
    path,
    env: base,
    async write(name, text) {
      await Deno.mkdir(file(name).replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(file(name), text);
    },
    read: (name) => Deno.readTextFile(file(name)),
    run: (args, options = {}) =>
      runProcess(Deno.execPath(), [...PROGRAM, ...args], {
        env: { ...base, ...options.env },
        cwd: options.cwd ?? path,
        ...(options.stdin !== undefined && { stdin: options.stdin }),
        ...(options.signal && { signal: options.signal }),
      }),
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true });
    },
  };
}
