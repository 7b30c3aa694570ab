import type { Interact, Run, RunOptions, RunResult, Stream, Streaming } from "./process.ts";

/** A command line tool, by the absolute path that was decided on once. */
export interface Tool {
  /** Says what happened. */
  run(args: string[], options?: RunOptions): Promise<RunResult>;
  /** Returns stdout; throws unless it exits with 0. */
  check(args: string[], options?: RunOptions): Promise<string>;
  stream(args: string[], options?: RunOptions): Streaming;
  /** On the user's terminal. */
  interact(args: string[], options?: Parameters<Interact>[2]): Promise<number>;
}

/** How processes are run: the real ways, or a test's. */
export interface Runners {
  run: Run;
  stream: Stream;
  interact: Interact;
}

/** Makes a tool. `program` is absent when none was found on PATH: every use of it then throws. */
export function createTool(
  program: string | undefined,
  { run, stream, interact }: Runners,
  { missing, failure }: {
    missing: () => Error;
    /** What a code other than 0 means; `args` are without the program. */
    failure: (args: string[], result: RunResult) => Error;
  },
): Tool {
  const found = () => {
    if (program !== undefined) return program;
    throw missing();
  };
  return {
    run: async (args, options) => await run(found(), args, options),
    async check(args, options) {
      const result = await run(found(), args, options);
      if (result.code === 0) return result.stdout;
      throw failure(args, result);
    },
    stream: (args, options) => stream(found(), args, options),
    interact: async (args, options) => await interact(found(), args, options),
  };
}
