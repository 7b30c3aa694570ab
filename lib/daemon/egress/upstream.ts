import type { Agent as HttpAgent, AgentOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { LookupFunction } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { Agent } from "./http.ts";
import { resolveHost } from "./resolve.ts";

/** How the daemon reaches the outside: two connection pools that dial only checked addresses. */
export interface Upstream {
  /** The pools. The context is made when it is first asked for. */
  secure(): HttpsAgent;
  plain: HttpAgent;
  /** What makes a single connection dial like those of the pools. */
  dial(): { lookup: LookupFunction; secureContext: SecureContext; rejectUnauthorized: true };
  /** Makes now what would be made at the first request. */
  warm(): void;
  close(): void;
}

/** Idle sockets are dropped before common servers drop theirs (5 s): fewer resets on reuse. */
const IDLE_MS = 4_000;

/** Makes the pools. `extraCa` is PEM, trusted beside the system's certificates. */
export function createUpstream(extraHosts: Record<string, string>, extraCa: string): Upstream {
  // Called once per connection, and what it answers is what is dialled.
  const lookup: LookupFunction = (host, options, callback) => {
    resolveHost(host, extraHosts).then((found) => {
      if (options.all) callback(null, found);
      else callback(null, found[0]!.address, found[0]!.family);
    }, (error) => callback(error, []));
  };
  const options: AgentOptions & { lookup: LookupFunction } = {
    keepAlive: true,
    maxSockets: 256, // a host
    maxTotalSockets: 1024,
    maxFreeSockets: 32,
    lookup,
  };
  const plain = new Agent(options);
  plain.on("free", (socket) => socket.setTimeout(IDLE_MS));
  let context: SecureContext | undefined;
  let agent: HttpsAgent | undefined;
  const dial = () => {
    // One context for all connections: with its roots it takes milliseconds to build.
    context ??= createSecureContext({
      minVersion: "TLSv1.2",
      ...(extraCa !== "" && { ca: [...getCACertificates("default"), extraCa] }),
    });
    return { lookup, secureContext: context, rejectUnauthorized: true } as const;
  };
  const secure = () => {
    if (agent === undefined) {
      agent = new HttpsAgent({ ...options, ...dial() });
      agent.on("free", (socket) => socket.setTimeout(IDLE_MS));
    }
    return agent;
  };
  return {
    secure,
    plain,
    dial,
    warm: () => void secure(),
    close() {
      agent?.destroy();
      plain.destroy();
    },
  };
}
