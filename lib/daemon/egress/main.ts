/** The egress daemon: a child of the bundle's PID 1, which hands it policy, secrets and leaves. */
import { chmodSync, rmSync, writeSync } from "node:fs";
import type { FromDaemon, ToDaemon } from "../messages.ts";
import { type Policy, PROXY_SOCKET } from "../policy.ts";
import { createAudit } from "./audit.ts";
import { SecureContexts } from "./contexts.ts";
import { echoes } from "./credentials.ts";
import type { Rules } from "./forward.ts";
import { Patterns } from "./mask.ts";
import { createProxy } from "./proxy.ts";
import { createUpstream } from "./upstream.ts";

/** Upstream connections of a replaced policy may finish what they carry. */
const RETIRE_MS = 600_000;

const audit = createAudit(writeOut);
const minting = new Map<number, (certificate: string) => void>();
let mintingId = 0;
let current: { policy: Policy; rules: Rules } | undefined;
let contexts: SecureContexts | undefined;

const proxy = createProxy({
  current: () => current,
  secureContext: (host) =>
    contexts?.get(host) ??
      Promise.reject(new Error("The session's authority is not loaded yet")),
  audit,
});

process.on("message", (message: ToDaemon) => {
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
  // Later, but before it is needed: reading the system's roots takes tens of milliseconds.
  setImmediate(current.rules.upstream.warm);
  if (retired !== undefined) {
    setTimeout(() => retired.close(), RETIRE_MS).unref();
  }
  contexts ??= new SecureContexts(leafKey, mint);
  tell({ type: "configured", version });
});
// PID 1 is gone, and with it the container.
process.on("disconnect", () => process.exit(0));

rmSync(PROXY_SOCKET, { force: true }); // of a daemon that died
proxy.listen(PROXY_SOCKET, () => {
  // The bottle's forwarder is root without capabilities: permissions apply to it.
  chmodSync(PROXY_SOCKET, 0o666);
  tell({ type: "listening" });
});

function mint(host: string): Promise<string> {
  const id = ++mintingId;
  return new Promise((resolve) => {
    minting.set(id, resolve);
    tell({ type: "leaf", id, host });
  });
}

function tell(message: FromDaemon): void {
  process.send!(message, () => {}); // PID 1 is gone: "disconnect" ends this one
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
