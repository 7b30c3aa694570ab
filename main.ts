import { VERSION } from "./lib/version.ts";
import { commandHelp, programHelp } from "./lib/cli/help.ts";
import { parseArguments } from "./lib/cli/arguments.ts";
import type { HostFacts, Input, Needs } from "./lib/cli/command.ts";
import type { FromWorker, Port, ToWorker } from "./lib/cli/worker.ts";
import { readerPermissions, runnerPermissions } from "./lib/cli/permissions.ts";
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
      return await confined(invocation.input, await hostFacts());
  }
}

/** Reads in one worker, runs in another: neither has more permissions than its part needs. */
async function confined(input: Input, host: HostFacts): Promise<number> {
  const needs = await ask(readerPermissions(host), { type: "read", input, host });
  if (needs.type === "error") return report(needs);
  if (needs.type !== "needs") return EXIT_CODES.internal;
  const { grants, data } = needs.needs satisfies Needs;
  const run: ToWorker = { type: "run", input, host, data };
  const end = await ask(runnerPermissions(host, grants), run, true);
  if (end.type === "error") return report(end);
  return end.type === "exit" ? end.code : EXIT_CODES.internal;
}

function report({ report: { lines, exitCode } }: FromWorker & { type: "error" }): number {
  for (const line of lines) console.error(line);
  return exitCode;
}

/** Starts a worker, asks it, and ends it with its answer. Signals are passed on to it. */
async function ask(
  permissions: Deno.PermissionOptionsObject,
  message: ToWorker,
  signals = false,
): Promise<FromWorker> {
  const worker = new Worker(import.meta.url, { type: "module", deno: { permissions } });
  const listeners: [Deno.Signal, () => void][] = [];
  let received = 0;
  if (signals) {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const listener = () => {
        // Asked three times: stop cleaning up.
        if (++received > 2) Deno.exit(EXIT_CODES.interrupted);
        worker.postMessage({ type: "signal", signal } satisfies ToWorker);
      };
      Deno.addSignalListener(signal, listener);
      listeners.push([signal, listener]);
    }
  }
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = (event: MessageEvent<FromWorker>) => resolve(event.data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`A worker failed: ${event.message}`));
      };
      worker.postMessage(message);
    });
  } finally {
    worker.terminate();
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  }
}
