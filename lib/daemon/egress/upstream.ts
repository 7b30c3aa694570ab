import { Agent as HttpAgent, type AgentOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { LookupFunction } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { resolveHost } from "./resolve.ts";

/** How the daemon reaches the outside: two connection pools that dial only checked addresses. */
export interface Upstream {
  secure: HttpsAgent;
  plain: HttpAgent;
  /** What makes a single connection dial like those of the pools. */
  dial: {
    lookup: LookupFunction;
    secureContext: SecureContext;
    rejectUnauthorized: true;
  };
  close(): void;
}

/** Idle sockets are dropped before common servers drop theirs (5 s): fewer resets on reuse. */
const IDLE_MS = 4_000;

/** Makes the pools. `extraCa` is PEM, trusted beside the system's certificates. */
export function createUpstream(
  extraHosts: Record<string, string>,
  extraCa: string,
): Upstream {
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
  const certificates = getCACertificates("default");
  // One context for all: with its roots it takes milliseconds to build.
  const secureContext = createSecureContext({
    ca: extraCa === "" ? certificates : [...certificates, extraCa],
    minVersion: "TLSv1.2",
  });
  const dial = { lookup, secureContext, rejectUnauthorized: true } as const;
  const secure = new HttpsAgent({ ...options, ...dial });
  const plain = new HttpAgent(options);
  for (const agent of [secure, plain]) {
    agent.on("free", (socket) => socket.setTimeout(IDLE_MS));
  }
  return {
    secure,
    plain,
    dial,
    close() {
      secure.destroy();
      plain.destroy();
    },
  };
}
