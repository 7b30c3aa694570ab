import { UserError } from "../system/errors.ts";
import { CommandError, type RunResult } from "../system/process.ts";
import { createTool, type Runners, type Tool } from "../system/tool.ts";

/** The labels by which everything of a bottle is found again: the truth about what runs. */
export const LABELS = {
  id: "claude-bottle.id",
  role: "claude-bottle.role",
  agent: "claude-bottle.agent",
  backend: "claude-bottle.backend",
  /** Whose: an engine may be shared by users and machines. */
  owner: "claude-bottle.owner",
  inputs: "claude-bottle.inputs",
} as const;

/** The `docker` command line tool. `check` tells an engine that is down: a `UserError`. */
export type Engine = Tool;

/** The real one. `program` is absent when no docker was found on PATH. */
export function createEngine(program: string | undefined, runners: Runners): Engine {
  return createTool(program, runners, {
    missing: () =>
      new UserError("unavailable", `Cannot find "docker" in PATH`, {
        hints: [
          "install Docker: https://docs.docker.com/engine/install/",
          "only absolute entries of PATH are searched, and none below the working directory",
        ],
      }),
    failure: (args, result) => engineError(["docker", ...args], result),
  });
}

/** Tells an engine that is down from a command that failed. Docker's own words are kept. */
export function engineError(argv: string[], result: RunResult): Error {
  const cause = new CommandError(argv, result);
  if (
    /Cannot connect to the Docker daemon|error during connect|failed to connect to the docker API|Is the docker daemon running/i
      .test(result.stderr)
  ) {
    return new UserError("unavailable", "Cannot reach the docker engine", {
      hints: ["start Docker, then try again", "claude-bottle doctor"],
      cause,
    });
  }
  if (/permission denied.*docker\.sock|docker API.*permission denied/i.test(result.stderr)) {
    return new UserError("unavailable", "Cannot reach the docker engine: permission denied", {
      hints: ["add your user to the group that owns docker's socket, then log in again"],
      cause,
    });
  }
  if (/no space left on device/i.test(result.stderr)) {
    return new UserError("io", "Cannot go on: the docker engine's disk is full", {
      hints: ["docker system df", "claude-bottle cleanup"],
      cause,
    });
  }
  const cpus = /(range of CPUs is from|only \d+ CPUs available)[^\n]*/i.exec(result.stderr);
  if (cpus !== null) {
    return new UserError("manifest", `Cannot give the bottle its "resources.cpus": ${cpus[0]}`, {
      hints: ["docker info --format {{.NCPU}}"],
      cause,
    });
  }
  return cause;
}

/** Asks the engine who it is: JSON, for `readVersion`. */
export async function askVersion(engine: Engine, signal: AbortSignal): Promise<string> {
  return await engine.check(["version", "--format", "{{json .Server}}"], { signal });
}

/** JSON from a tool, or undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
