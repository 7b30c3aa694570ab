import { UserError } from "../system/errors.ts";
import {
  CommandError,
  type Interact,
  type Run,
  type RunOptions,
  type RunResult,
  type Stream,
  type Streaming,
} from "../system/process.ts";

/** The `smolvm` command line tool, by the absolute path that was decided on once. */
export interface Smolvm {
  /** Says what happened. */
  run(args: string[], options?: RunOptions): Promise<RunResult>;
  /** Returns stdout; throws unless it exits with 0. */
  check(args: string[], options?: RunOptions): Promise<string>;
  stream(args: string[], options?: RunOptions): Streaming;
  /** On the user's terminal. */
  interact(args: string[], options?: Parameters<Interact>[2]): Promise<number>;
}

/** The real one. `program` is absent when no smolvm was found on PATH. */
export function createSmolvm(
  program: string | undefined,
  { run, stream, interact }: { run: Run; stream: Stream; interact: Interact },
): Smolvm {
  const found = () => {
    if (program !== undefined) return program;
    throw new UserError("unavailable", `Cannot find "smolvm" in PATH`, {
      hints: ["install smolvm 1.9.0 or newer", "--backend docker"],
    });
  };
  return {
    run: async (args, options) => await run(found(), args, options),
    async check(args, options) {
      const result = await run(found(), args, options);
      if (result.code === 0) return result.stdout;
      throw smolvmError(["smolvm", ...args], result);
    },
    stream: (args, options) => stream(found(), args, options),
    interact: async (args, options) => await interact(found(), args, options),
  };
}

/** Whether a result is smolvm's own failure: a guest's command can end with 1, too. */
export function isOwnError({ code, stderr }: Pick<RunResult, "code" | "stderr">): boolean {
  return code === 2 || (code === 1 && /^Error: /m.test(stderr));
}

/** smolvm's failure, with its own words. */
export function smolvmError(argv: string[], result: RunResult): Error {
  const cause = new CommandError(argv, result);
  if (/no space left on device/i.test(result.stderr)) {
    return new UserError("io", "Cannot go on: the disk is full", {
      hints: ["df -h", "claude-bottle cleanup"],
      cause,
    });
  }
  return cause;
}

/** Older ones drop an egress policy, hang on a socket, or lose outbound connections. */
const OLDEST = [1, 9, 0] as const;

/** Returns the version; refuses one that is too old to be trusted with a bottle. */
export async function probeVersion(smolvm: Smolvm, signal: AbortSignal): Promise<string> {
  const text = (await smolvm.check(["--version"], { signal })).trim();
  const match = /^smolvm (\d+)\.(\d+)\.(\d+)(?:[-+][\w.+-]+)?$/.exec(text);
  if (match === null) {
    throw new UserError(
      "unavailable",
      `Cannot understand smolvm's version: ${text.slice(0, 200)}`,
      {
        hints: ["smolvm --version"],
      },
    );
  }
  const version = match.slice(1, 4).map(Number);
  const difference = OLDEST.map((least, i) => version[i]! - least).find((step) => step !== 0) ?? 0;
  if (difference < 0) {
    const installed = version.join(".");
    throw new UserError("unavailable", `Cannot use smolvm ${installed}: 1.9.0 or newer is needed`, {
      hints: ["update smolvm", "--backend docker"],
    });
  }
  return version.join(".");
}
