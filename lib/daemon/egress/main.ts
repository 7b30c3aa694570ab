/** The egress daemon: PID 1 of the bundle hands it policy, secrets and leaves. */
import { chmodSync, rmSync, writeSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { eachLine } from "../json_lines.ts";
import type { FromDaemon, ToDaemon } from "../messages.ts";
import { DAEMON_SOCKET, type Policy, PROXY_SOCKET } from "../policy.ts";
import { createAudit } from "./audit.ts";
import { SecureContexts } from "./contexts.ts";
import { echoes } from "./credentials.ts";
import type { Rules } from "./forward.ts";
import { Patterns } from "./mask.ts";
import { createProxy } from "./proxy.ts";
import { createUpstream } from "./upstream.ts";

/** Upstream connections of a replaced policy may finish what they carry. */
const RETIRE_MS = 600_000;

const WARM_MS = 400;
/** How often, and for how long, to call PID 1. */
const RETRY_MS = 5;
/** How long exchanges have to see that their connections are gone. */
const END_MS = 50;
const CALL_MS = 10_000;

const audit = createAudit(writeOut);
const minting = new Map<number, (certificate: string) => void>();
let mintingId = 0;
let current: { policy: Policy; rules: Rules } | undefined;
let parent: Socket | undefined;
/** Tunnels that are asked for before the first policy wait for it: the launcher's check is one. */
const contexts = Promise.withResolvers<SecureContexts>();

const proxy = createProxy({
  current: () => current,
  secureContext: async (host) => (await contexts.promise).get(host),
  audit,
});

function handle(message: ToDaemon): void {
  if (message.type === "end") {
    end();
    return;
  }
  if (message.type === "leaf") {
    minting.get(message.id)?.(message.certificate);
    minting.delete(message.id);
    return;
  }
  const { version, policy, secrets, extraCa, leafKey } = message;
  const retired = current?.rules.upstream;
  const { extraHosts } = policy;
  current = {
    policy,
    rules: {
      secrets,
      patterns: new Map(
        Object.entries(secrets).map((
          [name, value],
        ) => [name, new Patterns(echoes(value))]),
      ),
      extraHosts,
      upstream: createUpstream(extraHosts, extraCa),
    },
  };
  // Reading the system's roots takes 40 to 100 ms: not while the launcher waits for the
  // self-check, but before the agent asks for something.
  setTimeout(current.rules.upstream.warm, WARM_MS).unref();
  if (retired !== undefined) {
    setTimeout(() => retired.close(), RETIRE_MS).unref();
  }
  contexts.resolve(new SecureContexts(leafKey, mint)); // the first one stays
  tell({ type: "configured", version });
}

rmSync(PROXY_SOCKET, { force: true }); // of a daemon that died
proxy.listen(PROXY_SOCKET, () => {
  // The bottle's forwarder is root without capabilities: permissions apply to it.
  chmodSync(PROXY_SOCKET, 0o666);
  call(performance.now() + CALL_MS);
});

/** Calls PID 1, which may still be loading: it was started at the same time. */
function call(deadline: number): void {
  const socket = createConnection(DAEMON_SOCKET);
  socket.on("connect", () => {
    parent = socket;
    tell({ type: "listening", pid: process.pid });
  });
  eachLine(socket, (line) => handle(JSON.parse(line) as ToDaemon));
  socket.on("error", (error) => {
    if (parent === undefined && performance.now() < deadline) {
      setTimeout(() => call(deadline), RETRY_MS);
      return;
    }
    throw error;
  });
  // PID 1 is gone, and with it the container; or it took this process for dead.
  socket.on("close", () => parent === socket && process.exit(0));
}

/** Connections of the bottle, tunnels included: node's own list leaves those out. */
const connections = new Set<Socket>();
proxy.on("connection", (socket: Socket) => {
  connections.add(socket);
  socket.once("close", () => connections.delete(socket));
});

/** Ends what is under way; each exchange writes its line when its connection is gone. */
function end(): void {
  proxy.close();
  for (const socket of connections) socket.destroy();
  setTimeout(() => {
    audit.flush();
    process.exit(0);
  }, END_MS);
}

function mint(host: string): Promise<string> {
  const id = ++mintingId;
  return new Promise((resolve) => {
    minting.set(id, resolve);
    tell({ type: "leaf", id, host });
  });
}

function tell(message: FromDaemon): void {
  parent!.write(`${JSON.stringify(message)}\n`);
}

/** All of it, also when docker's end of the pipe is slow: a decision is not lost, but waited for. */
function writeOut(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
