import type { RunOptions, RunResult } from "../../system/process.ts";
import { createEngine, type Engine } from "../engine.ts";

/** One run of docker that was asked for. */
export interface Call {
  kind: "run" | "stream" | "interact";
  args: string[];
  env: Record<string, string>;
  /** What was written to a stream's stdin. */
  written: string[];
}

/** What the docker of a test does; with `hang` its output stays open until it is killed. */
export interface Answer extends Partial<RunResult> {
  hang?: boolean;
}

/** Decides an answer from the arguments, joined by spaces. Nothing means success and no output. */
export type Script = (line: string, call: Call) => Answer | undefined | Promise<Answer | undefined>;

/** A docker that records what it is asked and answers as scripted. */
export function fakeEngine(
  script: Script = () => undefined,
): { engine: Engine; calls: Call[]; lines(): string[] } {
  const calls: Call[] = [];
  const record = (kind: Call["kind"], args: string[], options: RunOptions = {}) => {
    const call: Call = { kind, args, env: options.env ?? {}, written: [] };
    calls.push(call);
    return call;
  };
  const run = async (_program: string, args: string[], options: RunOptions = {}) => {
    options.signal?.throwIfAborted();
    const call = record("run", args, options);
    const { hang, ...answer } = await script(args.join(" "), call) ?? {};
    if (hang) await aborted(options.signal);
    options.signal?.throwIfAborted();
    return { code: 0, stdout: "", stderr: "", ...answer };
  };
  const engine = createEngine("/usr/bin/docker", {
    run,
    interact: async (_program, args, options) => {
      const call = record("interact", args, options);
      return (await script(args.join(" "), call))?.code ?? 0;
    },
    stream(_program, args, options = {}) {
      options.signal?.throwIfAborted();
      const call = record("stream", args, options);
      const answer = Promise.resolve(script(args.join(" "), call)).then((given) => given ?? {});
      const killed = new AbortController();
      const end = AbortSignal.any([killed.signal, ...options.signal ? [options.signal] : []]);
      const stdout = ReadableStream.from((async function* () {
        const { stdout = "", hang } = await answer;
        if (stdout !== "") yield new TextEncoder().encode(stdout) as Uint8Array<ArrayBuffer>;
        if (hang) await aborted(end);
      })());
      return {
        stdout,
        write: (text) => Promise.resolve(void call.written.push(text)),
        async end() {
          const { code = 0, stderr = "" } = await answer;
          return { code, stdout: "", stderr };
        },
        [Symbol.asyncDispose]: () => Promise.resolve(killed.abort()),
      };
    },
  });
  return { engine, calls, lines: () => calls.map(({ args }) => args.join(" ")) };
}

/** Resolves when `signal` is aborted. */
export function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener("abort", () => resolve(), { once: true });
  });
}
