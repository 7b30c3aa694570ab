import { VERSION } from "./lib/version.ts";
import { commandHelp, programHelp } from "./lib/cli/help.ts";
import { parseArguments } from "./lib/cli/arguments.ts";
import type { Command, HostFacts, Input } from "./lib/cli/command.ts";
import type { FromWorker, Port, ToWorker } from "./lib/cli/worker.ts";
import { needsMore, readerPermissions, runnerPermissions } from "./lib/cli/permissions.ts";
import { hostFacts } from "./lib/cli/host.ts";
import { describeError, EXIT_CODES } from "./lib/system/errors.ts";

// This file is also the workers' entry: one file is all that a bundle or an executable has.
if ("WorkerGlobalScope" in globalThis) {
  // Registered before anything is awaited: a message that finds no listener is lost.
  const port = globalThis as unknown as Port;
  const worker = import("./lib/cli/worker.ts").then(({ createWorker }) => createWorker(port));
  port.addEventListener("message", (event) => void worker.then((serve) => serve(event.data)));
} else if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    const { lines, exitCode } = describeError(error);
    for (const line of lines) console.error(line);
    Deno.exitCode = exitCode;
  }
}

async function main(argv: string[]): Promise<number> {
  const invocation = parseArguments(argv);
  switch (invocation.kind) {
    case "version":
      console.log(`claude-bottle ${VERSION}`);
      return 0;
    case "help":
      console.log(invocation.command ? commandHelp(invocation.command) : programHelp());
      return 0;
    case "run":
      return await confined(invocation.command, invocation.input, await hostFacts());
  }
}

/** Reads in one worker, runs in another: neither has more permissions than its part needs. */
async function confined(command: Command, input: Input, host: HostFacts): Promise<number> {
  // It loads its code while the reader reads; mostly what is read asks for no more permissions.
  let runner = startWorker(runnerPermissions(host, {}));
  runner.postMessage({ type: "load", input, host } satisfies ToWorker);
  try {
    let data: unknown;
    const env: Record<string, string> = {};
    const texts: Record<string, string> = {};
    if (command.read !== undefined) {
      const reader = startWorker(readerPermissions(host));
      const needs = await ask(reader, { type: "read", input, host }).finally(() =>
        reader.terminate()
      );
      if (needs.type === "error") return report(needs);
      if (needs.type !== "needs") return EXIT_CODES.internal;
      const { grants } = needs.needs;
      data = needs.needs.data;
      for (const name of grants.env ?? []) {
        const value = Deno.env.get(name);
        if (value !== undefined) env[name] = value;
      }
      for (const path of grants.texts ?? []) {
        // What cannot be read is absent, and said by whoever needs it.
        const text = await Deno.readTextFile(path).catch(() => undefined);
        if (text !== undefined) texts[path] = text;
      }
      if (needsMore(host, grants)) {
        runner.terminate();
        runner = startWorker(runnerPermissions(host, grants));
      }
    }
    using _signals = passSignals(runner);
    const end = await ask(runner, { type: "run", input, host: { ...host, env, texts }, data });
    if (end.type === "error") return report(end);
    return end.type === "exit" ? end.code : EXIT_CODES.internal;
  } finally {
    runner.terminate();
  }
}

function report({ report: { lines, exitCode } }: FromWorker & { type: "error" }): number {
  for (const line of lines) console.error(line);
  return exitCode;
}

function startWorker(permissions: Deno.PermissionOptionsObject): Worker {
  return new Worker(import.meta.url, { type: "module", deno: { permissions } });
}

/** Asks a worker one thing. */
async function ask(worker: Worker, message: ToWorker): Promise<FromWorker> {
  return await new Promise((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<FromWorker>) => resolve(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`A worker failed: ${event.message}`));
    };
    worker.postMessage(message);
  });
}

/** Passes signals on to a worker, which ends what it does in good order. */
function passSignals(worker: Worker): Disposable {
  const listeners: [Deno.Signal, () => void][] = [];
  let received = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const listener = () => {
      // Asked three times: stop cleaning up.
      if (++received > 2) Deno.exit(EXIT_CODES.interrupted);
      worker.postMessage({ type: "signal", signal } satisfies ToWorker);
    };
    Deno.addSignalListener(signal, listener);
    listeners.push([signal, listener]);
  }
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
