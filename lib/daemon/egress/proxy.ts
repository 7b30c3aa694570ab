import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import type { DenialReason, Policy } from "../policy.ts";
import type { Audit } from "./audit.ts";
import { type Authority, parseAuthority, parseTarget, type Target } from "./canonical.ts";
import { decide, type Question, type Verdict } from "./decide.ts";
import { denialBody, denialStatus, sendDenial } from "./denial.ts";
import { forward, ForwardError, type Rules } from "./forward.ts";
import { headerValues } from "./headers.ts";
import { createServer } from "./http.ts";
import { upgrade } from "./upgrade.ts";

/** What the proxy asks of its surroundings. */
export interface ProxyContext {
  /** What is enforced now; undefined until the first policy has been applied. */
  current(): { policy: Policy; rules: Rules } | undefined;
  /** The TLS context for a host, with a certificate from the session's authority. */
  secureContext(host: string): Promise<SecureContext>;
  audit: Audit;
}

const LIMITS: ServerOptions = {
  maxHeaderSize: 64 * 1024,
  headersTimeout: 30_000,
  // A body may take as long as it takes; a connection that stalls is closed by its socket's timeout.
  requestTimeout: 0,
  keepAliveTimeout: 60_000,
};
const MAX_CONNECTIONS = 1024;
const HANDSHAKE_MS = 10_000;
const STALL_MS = 600_000;

/** One request, read canonically, or why it cannot be. */
type Reading =
  | { question: Question; reason?: undefined }
  | { question?: undefined; reason: DenialReason; host: string };

/**
 * The front door: CONNECT and absolute-form HTTP. TLS is terminated for every host, granted or
 * not, so that a denial is an answer that the agent can read.
 */
export function createProxy(context: ProxyContext): Server {
  const { audit } = context;
  const tunnels = new WeakMap<object, Authority>();
  const inner = createServer(LIMITS);
  const outer = createServer(LIMITS);
  outer.maxConnections = MAX_CONNECTIONS;

  outer.on(
    "connect",
    (request: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on("error", () => socket.destroy());
      socket.setTimeout(STALL_MS, () => socket.destroy());
      const authority = parseAuthority(request.url ?? "", 443);
      if (authority === undefined) {
        refuseConnect(socket, request.url ?? "");
        return;
      }
      openTunnel(socket, head, authority).catch(() => socket.destroy());
    },
  );

  async function openTunnel(
    socket: Socket,
    head: Buffer,
    authority: Authority,
  ): Promise<void> {
    const secureContext = await context.secureContext(authority.host);
    if (socket.destroyed) return;
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    if (head.length > 0) socket.unshift(head);
    const tls = new TLSSocket(socket, {
      isServer: true,
      secureContext,
      // HTTP/2 is not spoken yet: clients that offer both take this.
      ALPNProtocols: ["http/1.1"],
    });
    const timer = setTimeout(
      () => tls.destroy(new Error("handshake timeout")),
      HANDSHAKE_MS,
    );
    tls.once("secure", () => {
      clearTimeout(timer);
      tunnels.set(tls, authority);
      inner.emit("connection", tls);
    });
    tls.on("error", (error) => {
      clearTimeout(timer);
      if (!tunnels.has(tls)) {
        // Bytes that are no TLS, or a client that does not trust the authority.
        const { host, port } = authority;
        const message = (error as NodeJS.ErrnoException).code ?? error.message;
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
      socket.destroy();
    });
    tls.on("close", () => {
      clearTimeout(timer);
      socket.destroy();
    });
  }

  function refuseConnect(socket: Socket, target: string): void {
    const requestId = audit.nextId();
    const denial = {
      host: target.slice(0, 300),
      method: "CONNECT",
      path: "",
      rule: null,
      requestId,
    };
    const body = denialBody({ ...denial, reason: "host_invalid" });
    audit.write({
      request_id: requestId,
      kind: "tunnel",
      decision: "deny",
      reason: "host_invalid",
      rule: null,
      host: denial.host,
    });
    socket.end(
      `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  }

  for (const server of [outer, inner]) {
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      answer(request, response).catch(() => response.destroy());
    };
    server.on("request", handle);
    server.on(
      "checkContinue",
      (request: IncomingMessage, response: ServerResponse) => {
        // 100 is sent once the request is allowed: a denied body is not asked for.
        continues.add(request);
        handle(request, response);
      },
    );
    server.on(
      "upgrade",
      (request: IncomingMessage, socket: Socket, head: Buffer) => {
        socket.on("error", () => socket.destroy());
        serveUpgrade(request, socket, head).catch(() => socket.destroy());
      },
    );
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      const closed = error.code === "ECONNRESET" || error.code === "EPIPE" ||
        !socket.writable;
      if (!closed) {
        const known = tunnels.get(socket);
        const requestId = audit.nextId();
        const host = known?.host ?? "";
        const denial = { host, method: "", path: "", rule: null, requestId };
        const body = denialBody({
          ...denial,
          reason: "malformed",
          message: error.code ?? "",
        });
        audit.write({
          request_id: requestId,
          kind: "request",
          decision: "deny",
          reason: "malformed",
          rule: null,
          ...(known !== undefined && { host: known.host, port: known.port }),
          message: error.code ?? error.message,
        });
        socket.write(
          `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n` +
            `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
        );
      }
      socket.destroySoon();
    });
  }
  const continues = new WeakSet<IncomingMessage>();

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const started = performance.now();
    const judged = judge(request);
    if (!judged.allowed) {
      sendDenial(response, judged.denial);
      return;
    }
    if (continues.has(request)) response.writeContinue();
    const { question, route, rules, entry, requestId } = judged;
    const done = () => ({
      ms: Math.round((performance.now() - started) * 10) / 10,
    });
    try {
      const traffic = await forward(request, response, question, route, rules);
      audit.write({ ...entry, decision: "allow", ...traffic, ...done() });
    } catch (error) {
      const { reason, message } = error instanceof ForwardError
        ? error
        : new ForwardError("upstream_failed", String(error));
      const decision = reason === "address_forbidden" || reason === "encoding_unknown"
        ? "deny"
        : "allow";
      audit.write({ ...entry, decision, reason, message, ...done() });
      sendDenial(response, {
        ...denialOf(question, entry.rule, requestId),
        reason,
        message,
      });
    }
  }

  async function serveUpgrade(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
  ): Promise<void> {
    const judged = judge(request, true);
    if (!judged.allowed) {
      const body = denialBody(judged.denial);
      socket.end(
        `HTTP/1.1 ${denialStatus(judged.denial.reason)} Denied\r\n` +
          `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
          `connection: close\r\n\r\n${body}`,
      );
      return;
    }
    const { question, route, rules, entry } = judged;
    const traffic = await upgrade(
      request,
      socket,
      head,
      question,
      route,
      rules,
    );
    audit.write({ ...entry, decision: "allow", ...traffic });
  }

  /** Reads and decides; writes the audit line of a denial. */
  function judge(request: IncomingMessage, upgrading = false) {
    const requestId = audit.nextId();
    const current = context.current();
    const reading: Reading = current === undefined
      ? { reason: "not_ready", host: "" }
      : read(request, tunnels.get(request.socket), request.socket);
    const base = { request_id: requestId, kind: "request" as const };
    if (reading.reason !== undefined || current === undefined) {
      const reason = reading.reason ?? "not_ready";
      const host = reading.reason === undefined ? "" : reading.host;
      const method = request.method ?? "";
      audit.write({
        ...base,
        decision: "deny",
        reason,
        rule: null,
        host,
        method,
      });
      const denial = { reason, host, method, path: "", rule: null, requestId };
      return { allowed: false as const, denial };
    }
    const { question } = reading;
    const verdict = upgradeVerdict(request, upgrading) ??
      decide(current.policy, question);
    const rule = verdict.route === null ? null : `${verdict.route.host}:${verdict.route.port}`;
    const { host, port, method, target: { path } } = question;
    const entry = { ...base, rule, host, port, method, path };
    if (!verdict.allowed) {
      const { reason } = verdict;
      audit.write({ ...entry, decision: "deny", reason });
      return {
        allowed: false as const,
        denial: { ...denialOf(question, rule, requestId), reason },
      };
    }
    return {
      allowed: true as const,
      question,
      route: verdict.route,
      rules: current.rules,
      entry,
      requestId,
    };
  }

  return outer;
}

/** Only a WebSocket may take a connection over: anything else would speak what nobody reads. */
function upgradeVerdict(
  request: IncomingMessage,
  upgrading: boolean,
): Verdict | undefined {
  if (!upgrading) return undefined;
  const websocket = request.headers.upgrade?.toLowerCase() === "websocket";
  if (websocket && request.method === "GET") return undefined;
  return { allowed: false, reason: "upgrade_not_allowed", route: null };
}

function denialOf(question: Question, rule: string | null, requestId: string) {
  const { host, method, target: { path } } = question;
  return { host, method, path, rule, requestId };
}

/** Reads where a request goes: from its tunnel, or from its absolute form. One Host, and the same. */
function read(
  request: IncomingMessage,
  tunnel: Authority | undefined,
  socket: Socket,
): Reading {
  const hosts = headerValues(request.rawHeaders, "host");
  const malformed: Reading = { reason: "malformed", host: tunnel?.host ?? "" };
  if (hosts.length !== 1) return malformed;
  const secure = tunnel !== undefined;
  const absolute = secure ? undefined : splitAbsolute(request.url ?? "");
  if (!secure && absolute === undefined) return malformed;
  const authority = tunnel ?? parseAuthority(absolute!.authority, 80);
  if (authority === undefined) return { reason: "host_invalid", host: "" };
  const { host, port } = authority;
  const named = parseAuthority(hosts[0]!, secure ? 443 : 80);
  const sni = secure ? (socket as TLSSocket & { servername?: string | false }).servername : false;
  const spoken = typeof sni === "string" && sni !== "" ? parseAuthority(sni, port) : authority;
  if (named?.host !== host || named.port !== port || spoken?.host !== host) {
    return { reason: "host_mismatch", host };
  }
  const target: Target | undefined = parseTarget(
    secure ? request.url ?? "" : absolute!.target,
  );
  if (target === undefined) return { reason: "malformed", host };
  return {
    question: { host, port, method: request.method ?? "", target, secure },
  };
}

/** `http://authority/path?query` in its two parts (RFC 9112 §3.2.2). */
function splitAbsolute(
  url: string,
): { authority: string; target: string } | undefined {
  const match = /^http:\/\/([^/?#]+)([/?][^#]*)?$/i.exec(url);
  if (match === null) return undefined;
  const rest = match[2] ?? "/";
  return {
    authority: match[1]!,
    target: rest.startsWith("?") ? `/${rest}` : rest,
  };
}
