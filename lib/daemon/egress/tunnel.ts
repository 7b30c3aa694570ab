import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import type { Audit } from "./audit.ts";
import { type Authority, parseAuthority } from "./canonical.ts";
import { rawDenial } from "./denial.ts";

const HANDSHAKE_MS = 10_000;
const STALL_MS = 600_000;

/** What tunnels ask of their surroundings. */
export interface TunnelContext {
  /** The TLS context for a host, with a certificate from the session's authority. */
  secureContext(host: string): Promise<SecureContext>;
  audit: Audit;
}

/** What CONNECT opens: TLS is terminated, and what comes out of it knows where it was to go. */
export class Tunnels {
  readonly #context: TunnelContext;
  readonly #onSecure: (tls: TLSSocket) => void;
  readonly #authorities = new WeakMap<object, Authority>();

  /** `onSecure` gets each connection whose handshake has succeeded. */
  constructor(context: TunnelContext, onSecure: (tls: TLSSocket) => void) {
    this.#context = context;
    this.#onSecure = onSecure;
  }

  /** Where the tunnel of this connection goes; undefined when it is none. */
  authority(socket: object): Authority | undefined {
    return this.#authorities.get(socket);
  }

  /** Answers a CONNECT for `target`; `head` is what came right after it. */
  open(target: string, socket: Socket, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    socket.setTimeout(STALL_MS, () => socket.destroy());
    const authority = parseAuthority(target, 443);
    if (authority === undefined) this.#refuse(socket, target);
    else this.#secure(socket, head, authority).catch(() => socket.destroy());
  }

  async #secure(socket: Socket, head: Buffer, authority: Authority): Promise<void> {
    const secureContext = await this.#context.secureContext(authority.host);
    if (socket.destroyed) return;
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    if (head.length > 0) socket.unshift(head);
    const tls = new TLSSocket(socket, {
      isServer: true,
      secureContext,
      // HTTP/2 is not spoken yet: clients that offer both take this.
      ALPNProtocols: ["http/1.1"],
    });
    const timer = setTimeout(() => tls.destroy(new Error("handshake timeout")), HANDSHAKE_MS);
    tls.once("secure", () => {
      clearTimeout(timer);
      this.#authorities.set(tls, authority);
      this.#onSecure(tls);
    });
    tls.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      // Bytes that are no TLS, or a client that does not trust the authority.
      if (!this.#authorities.has(tls)) this.#note(authority, error.code ?? error.message);
      socket.destroy();
    });
    tls.on("close", () => {
      clearTimeout(timer);
      socket.destroy();
    });
  }

  #note({ host, port }: Authority, message: string): void {
    const { audit } = this.#context;
    audit.write({
      request_id: audit.nextId(),
      kind: "tunnel",
      decision: "deny",
      reason: "malformed",
      rule: null,
      host,
      port,
      message,
    });
  }

  #refuse(socket: Socket, target: string): void {
    const { audit } = this.#context;
    const requestId = audit.nextId();
    const denied = { reason: "host_invalid", rule: null, host: target.slice(0, 300) } as const;
    audit.write({ request_id: requestId, kind: "tunnel", decision: "deny", ...denied });
    socket.end(rawDenial({ ...denied, method: "CONNECT", path: "", requestId }));
  }
}
