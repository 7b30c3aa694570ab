import { check, runProcess } from "../../system/process.ts";

/** A directory for one test, removed when the test ends. */
export async function tempDir(): Promise<{ path: string } & AsyncDisposable> {
  // macOS's temp directory lies behind a link.
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "claude-bottle-test-" }));
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Runs a tool of this machine for a test and returns its stdout. */
export function tool(argv: [string, ...string[]], cwd: string): Promise<string> {
  return check(runProcess, argv, { cwd, env: { LC_ALL: "C" } });
}
