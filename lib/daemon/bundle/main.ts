/**
 * PID 1 of the bundle. Holds the session's authority, policy and secrets, serves the control
 * channel, and starts the daemons again when they die, so that the agent's trust stays valid.
 */
import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { eachLine } from "../json_lines.ts";
import { type ApplyRequest, CONTROL_SOCKET } from "../policy.ts";
import { createAuthority } from "./authority.ts";
import { keepDaemon } from "./daemon.ts";

let applied: ApplyRequest | undefined;
let restarts = 0;
let notes = 0;
let listening = false;
/** Those who wait until the running daemon has what they applied, or something newer. */
let waiting: { version: number; done: () => void }[] = [];
const authority = createAuthority();
// Before anything is asked: the bottle's trust store can be made while the daemon starts.
console.log(JSON.stringify({ ok: true, ca: authority.certificate }));

const daemon = keepDaemon({
  onMessage(message) {
    switch (message.type) {
      case "leaf": {
        const { id, host } = message;
        daemon.send({ type: "leaf", id, certificate: authority.leaf(host) });
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
  },
  onEnd(how) {
    restarts++;
    listening = false;
    note(`The egress daemon ended (${how}) and is started again`);
  },
});

function configure(): void {
  if (applied === undefined || !listening) return;
  const { version, policy, secrets, extraCa } = applied;
  const { leafKey } = authority;
  daemon.send({ type: "configure", version, policy, secrets, extraCa, leafKey });
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
function converse(input: Socket | typeof process.stdin, output: NodeJS.WritableStream): void {
  eachLine(input, async (line) => {
    if (line === "") return;
    let answer: unknown;
    try {
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
// The first policy comes with the container's start: one process less than a second `exec`.
converse(process.stdin, process.stdout);
process.on("SIGTERM", () => void daemon.end().then(() => process.exit(0)));
