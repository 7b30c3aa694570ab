import { UserError } from "../system/errors.ts";
import { CommandError, type RunResult } from "../system/process.ts";
import { createTool, type Runners, type Tool } from "../system/tool.ts";

/** The `smolvm` command line tool. */
export type Smolvm = Tool;

/** The real one. `program` is absent when no smolvm was found on PATH. */
export function createSmolvm(program: string | undefined, runners: Runners): Smolvm {
  return createTool(program, runners, {
    missing: () =>
      new UserError("unavailable", `Cannot find "smolvm" in PATH`, {
        hints: ["install smolvm 1.9.0 or newer", "--backend docker"],
      }),
    failure: (args, result) => smolvmError(["smolvm", ...args], result),
  });
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
