/**
 * PID 1 of the bundle. Holds the session's authority, policy and secrets, serves the control
 * channel, and starts the daemons again when they die, so that the agent's trust stays valid.
 */
import { type ChildProcess, fork } from "node:child_process";
import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { FromDaemon, ToDaemon } from "../messages.ts";
import { type ApplyRequest, CONTROL_SOCKET } from "../policy.ts";
import { createAuthority } from "./authority.ts";

const RESTART_MS = 100;
const LINE_LIMIT = 16 * 1024 * 1024;

let applied: ApplyRequest | undefined;
let restarts = 0;
let notes = 0;
let listening = false;
/** Those who wait until the running daemon has what they applied, or something newer. */
let waiting: { version: number; done: () => void }[] = [];
// First of all: the daemon loads while the keys are made.
let egress = startEgress();
const authority = createAuthority();

/** Starts the egress daemon and keeps it: what it knew is told to the next one. */
function startEgress(): ChildProcess {
  const child = fork(new URL("../egress/main.ts", import.meta.url), {
    // Audit lines go straight to docker's log.
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    execArgv: [
      "--disable-warning=ExperimentalWarning",
      "--max-semi-space-size=4",
    ],
  });
  child.on("message", (message: FromDaemon) => {
    switch (message.type) {
      case "leaf": {
        const { id, host } = message;
        send(child, { type: "leaf", id, certificate: authority.leaf(host) });
        break;
      }
      case "listening":
        listening = true;
        configure();
        break;
      case "configured":
        for (const { version, done } of waiting) {
          if (version <= message.version) done();
        }
        waiting = waiting.filter(({ version }) => version > message.version);
        break;
    }
  });
  const ended = (how: unknown) => {
    restarts++;
    note(`The egress daemon ended (${how}) and is started again`);
    listening = false;
    setTimeout(() => {
      egress = startEgress();
    }, RESTART_MS);
  };
  child.on("exit", (code, signal) => ended(signal ?? code));
  child.on("error", (error) => {
    if (child.pid === undefined) ended(error.message); // never started: no "exit" follows
  });
  return child;
}

function send(child: ChildProcess, message: ToDaemon): void {
  if (child.connected) child.send(message, () => {}); // a death in between is seen by "exit"
}

function configure(): void {
  if (applied === undefined || !listening) return;
  const { version, policy, secrets, extraCa } = applied;
  const { leafKey } = authority;
  send(egress, {
    type: "configure",
    version,
    policy,
    secrets,
    extraCa,
    leafKey,
  });
}

/** Something the user should find in the log beside the decisions. */
function note(message: string): void {
  const line = {
    time: new Date().toISOString(),
    run: "bundle",
    seq: ++notes,
    request_id: "",
    kind: "daemon",
    decision: "note",
    rule: null,
    message,
  };
  console.log(JSON.stringify(line));
}

/** Answers one request of the host. It is ours, so a mistake is a fault: said, not guessed at. */
async function serve(line: string): Promise<unknown> {
  const request = JSON.parse(line) as ApplyRequest | { op: "ca" } | {
    op: "stats";
  };
  switch (request.op) {
    case "apply": {
      if (applied !== undefined && request.version <= applied.version) {
        return {
          ok: false,
          error: `Policy ${request.version} is older than ${applied.version}`,
        };
      }
      applied = request;
      const { version } = request;
      const enforced = new Promise<void>((done) => waiting.push({ version, done }));
      configure();
      await enforced;
      return { ok: true, version };
    }
    case "ca":
      return { ok: true, ca: authority.certificate };
    case "stats":
      return { ok: true, version: applied?.version ?? 0, restarts };
    default:
      return { ok: false, error: "Unknown operation" };
  }
}

/** Serves JSON lines from `input`, one answer a line. */
function converse(
  input: NodeJS.ReadableStream,
  output: { write(text: string): unknown },
): void {
  const lines = createInterface({ input, crlfDelay: Infinity });
  lines.on("line", async (line) => {
    if (line === "") return;
    let answer: unknown;
    try {
      if (line.length > LINE_LIMIT) throw new Error("The line is too long");
      answer = await serve(line);
    } catch (error) {
      // The parser's message could quote a secret.
      const message = error instanceof SyntaxError ? "Not JSON" : (error as Error).message;
      answer = { ok: false, error: message };
    }
    output.write(`${JSON.stringify(answer)}\n`);
  });
}

const control = createServer((socket: Socket) => {
  socket.on("error", () => socket.destroy());
  converse(socket, socket);
});
rmSync(CONTROL_SOCKET, { force: true });
control.listen(CONTROL_SOCKET);
// Before anything is asked: the bottle's trust store can be made while the daemon starts.
console.log(JSON.stringify({ ok: true, ca: authority.certificate }));
// The first policy comes with the container's start: one process less than a second `exec`.
converse(process.stdin, process.stdout);
process.on("SIGTERM", () => process.exit(0));
