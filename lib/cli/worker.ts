/**
 * The inside of the two confined workers. main.ts starts each with exactly the permissions it
 * needs and asks it one thing: the reader to read, the runner to run.
 */
import { describeError, type ErrorReport, Interruption } from "../system/errors.ts";
import type { HostFacts, Input, Needs } from "./command.ts";
import { COMMANDS } from "./commands.ts";

export type ToWorker =
  | { type: "read"; input: Input; host: HostFacts }
  /** Load a command's code while another worker still reads what it will run with. */
  | { type: "load"; command: string }
  | { type: "run"; input: Input; host: HostFacts; data: unknown }
  | { type: "signal"; signal: "SIGINT" | "SIGTERM" | "SIGHUP" };

export type FromWorker =
  | { type: "needs"; needs: Needs }
  | { type: "exit"; code: number }
  | { type: "error"; report: ErrorReport };

/** The worker's side of its message port. */
export interface Port {
  postMessage(message: FromWorker): void;
  addEventListener(type: "message", listener: (event: MessageEvent<ToWorker>) => void): void;
}

/** Returns what handles a message of main.ts. */
export function createWorker(port: Port): (message: ToWorker) => void {
  const abort = new AbortController();
  return (message) => {
    if (message.type === "signal") {
      abort.abort(new Interruption(message.signal));
      return;
    }
    if (message.type === "load") {
      // What fails here fails again, and is said, when the command is run.
      COMMANDS.find(({ name }) => name === message.command)!.load().catch(() => {});
      return;
    }
    handle(message, abort.signal).then(
      (answer) => port.postMessage(answer),
      (error) => port.postMessage({ type: "error", report: describeError(error) }),
    );
  };
}

async function handle(
  message: Exclude<ToWorker, { type: "signal" | "load" }>,
  signal: AbortSignal,
): Promise<FromWorker> {
  const command = COMMANDS.find((entry) => entry.name === message.input.command)!;
  if (message.type === "read") {
    const read = await command.read!();
    return { type: "needs", needs: await read(message.input, message.host) };
  }
  const module = await command.load();
  const code = await module.run(message.input, message.data, message.host, signal);
  return { type: "exit", code };
}
