/**
 * The inside of the two confined workers. main.ts starts each with exactly the permissions it
 * needs and asks it one thing: the reader to read, the runner to run.
 */
import { describeError, type ErrorReport, Interruption } from "../system/errors.ts";
import type { Inquiry } from "../bottle/inquiry.ts";
import type { Command, HostFacts, Input, Needs } from "./command.ts";
import { COMMANDS } from "./commands.ts";

export type ToWorker =
  | { type: "read"; input: Input; host: HostFacts }
  /** Load a command's code while another worker still reads what it will run with. */
  | { type: "load"; input: Input; host: HostFacts }
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
  let inquiry: Inquiry | undefined;
  return (message) => {
    if (message.type === "signal") {
      abort.abort(new Interruption(message.signal));
      return;
    }
    if (message.type === "load") {
      // What fails here fails again, and is said, when the command is run.
      const { inquire, load } = entry(message.input);
      const asked = inquire?.().then((ask) => {
        inquiry = ask(message.input, message.host, abort.signal);
      });
      Promise.resolve(asked).then(load).catch(() => {});
      return;
    }
    const { input, host } = message;
    const answer = message.type === "read"
      ? read(input, host)
      : run(input, message.data, host, abort.signal, () => inquiry);
    answer.then(
      (done) => port.postMessage(done),
      (error) => port.postMessage({ type: "error", report: describeError(error) }),
    );
  };
}

async function read(input: Input, host: HostFacts): Promise<FromWorker> {
  const needs = await entry(input).read!();
  return { type: "needs", needs: await needs(input, host) };
}

async function run(
  input: Input,
  data: unknown,
  host: HostFacts,
  signal: AbortSignal,
  inquiry: () => Inquiry | undefined,
): Promise<FromWorker> {
  const module = await entry(input).load();
  return { type: "exit", code: await module.run(input, data, host, signal, inquiry()) };
}

function entry(input: Input): Command {
  return COMMANDS.find(({ name }) => name === input.command)!;
}
