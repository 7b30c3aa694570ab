import { z } from "zod";
import { type Engine, engineError, parseJson } from "../../engine/engine.ts";
import { removeContainer, removeVolume } from "../../engine/remove.ts";
import { readLines } from "../../system/process.ts";
import { type BottleState, BottleStopped, type ExecOptions, type Session } from "../backend.ts";
import { AGENT_USER } from "../layout.ts";
import { dockerNames } from "./plan.ts";

/** When a running command's container begins to be watched, and what its client may lag behind. */
const WATCH_MS = 1_000;
const GRACE_MS = 1_000;

const State = z.object({ Status: z.string(), Running: z.boolean(), ExitCode: z.number() });

/** A handle on a bottle's container, which need not exist. */
export function openSession(engine: Engine, id: string): Session {
  const { container, proxyVolume } = dockerNames(id);
  const execArgs = (
    argv: string[],
    { env = {}, workdir, tty }: ExecOptions & { tty?: boolean },
  ) => [
    "exec",
    "--interactive",
    ...(tty ? ["--tty"] : []),
    `--user=${AGENT_USER}`,
    ...(workdir === undefined ? [] : [`--workdir=${workdir}`]),
    // The name alone: docker takes the value from its own environment, and no argv shows it.
    ...Object.keys(env).map((name) => `--env=${name}`),
    container,
    ...argv,
  ];
  const state = async (signal?: AbortSignal): Promise<BottleState> => {
    const args = ["container", "inspect", "--format", "{{json .State}}", container];
    const result = await engine.run(args, signal && { signal });
    if (result.code !== 0) {
      if (/no such container/i.test(result.stderr)) return { status: "gone" };
      throw engineError(["docker", ...args], result);
    }
    const { Running, ExitCode } = State.parse(parseJson(result.stdout));
    return Running ? { status: "running" } : { status: "stopped", code: ExitCode };
  };
  const ended = async (signal: AbortSignal): Promise<BottleState> => {
    // `docker wait` says when; the state says what, also when the container was never there.
    await using client = engine.stream(["wait", container]);
    const lines = readLines(client.stdout);
    const enough = Promise.withResolvers<void>();
    const stop = () => enough.resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (!signal.aborted) await Promise.race([lines.next(), enough.promise]);
    signal.removeEventListener("abort", stop);
    await lines.cancel();
    return await state();
  };
  /**
   * Runs a client for as long as the container lives: docker's can wait for ever on the streams
   * of a container that was killed (20.10). Not watched before WATCH_MS: most are done by then.
   */
  const whileAlive = async <T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const done = new AbortController();
    const cut = new AbortController();
    const watch = async () => {
      const { status } = await ended(done.signal);
      // The client is given time to notice by itself, and to pass on what it still holds.
      if (status !== "running") {
        grace = setTimeout(() => cut.abort(new BottleStopped(id)), GRACE_MS);
      }
    };
    let grace: ReturnType<typeof setTimeout> | undefined;
    let watching = Promise.resolve();
    const timer = setTimeout(() => watching = watch().catch(() => {}), WATCH_MS);
    try {
      return await work(signal ? AbortSignal.any([signal, cut.signal]) : cut.signal);
    } finally {
      clearTimeout(timer);
      done.abort();
      await watching;
      clearTimeout(grace);
    }
  };
  const remove = async (sidecars: Promise<unknown>) => {
    await Promise.all([removeContainer(engine, container), sidecars.catch(() => {})]);
    await removeVolume(engine, proxyVolume); // in use until both are gone
  };
  return {
    id,
    state,
    exec: (argv, options = {}) =>
      whileAlive(options.signal, (signal) =>
        engine.run(execArgs(argv, options), {
          ...(options.env && { env: options.env }),
          ...(options.stdin !== undefined && { stdin: options.stdin }),
          signal,
        })),
    interact: (argv, options) =>
      whileAlive(options.signal, (signal) =>
        engine.interact(execArgs(argv, options), {
          ...(options.env && { env: options.env }),
          signal,
        })),
    get(path, signal) {
      const client = engine.stream(["cp", `${container}:${path}`, "-"], { signal });
      return {
        tar: client.stdout,
        [Symbol.asyncDispose]: async () => {
          await client[Symbol.asyncDispose]();
        },
      };
    },
    wait: ended,
    async stop() {
      let result = await engine.run(["kill", container]);
      if (result.code !== 0 && /paused/i.test(result.stderr)) {
        await engine.run(["unpause", container]);
        result = await engine.run(["kill", container]);
      }
      const over = /no such container|is not running/i.test(result.stderr);
      if (result.code !== 0 && !over) throw engineError(["docker", "kill", container], result);
    },
    remove,
    [Symbol.asyncDispose]: () => remove(Promise.resolve()),
  };
}
