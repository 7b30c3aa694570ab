import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { Policy } from "../policy.ts";
import type { Audit, AuditEntry } from "./audit.ts";
import { decide, type Question, type Verdict } from "./decide.ts";
import { type Denial, rawDenial, sendDenial } from "./denial.ts";
import { explain } from "./failure.ts";
import { forward, hasBody, type Order, type Rules } from "./forward.ts";
import { createServer, ServerResponse as HttpResponse } from "./http.ts";
import { type Reading, readRequest } from "./read_request.ts";
import type { Traffic } from "./relay.ts";
import { Tunnels } from "./tunnel.ts";
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
  // Its absence is denied here, with a reason.
  requireHostHeader: false,
};
const MAX_CONNECTIONS = 1024;
/**
 * Requests that wait for their answers, on one connection and on all: pipelining is rare, a flood
 * is not, and each may hold 64 KB of headers.
 */
const MAX_PIPELINED = 16;
const MAX_UNANSWERED = 1024;
/** An exchange that takes longer is written down when it begins, too: this process could die. */
const UNDER_WAY_MS = 1_000;
const STALL_MS = 600_000;

type Judged =
  | { denial: Denial; order?: undefined }
  | {
    denial?: undefined;
    order: Order;
    entry: AuditEntry & { rule: string };
    started: number;
  };

/**
 * The front door: CONNECT and absolute-form HTTP. TLS is terminated for every host, granted or
 * not, so that a denial is an answer that the agent can read.
 */
export function createProxy(context: ProxyContext): Server {
  const { audit } = context;
  const unanswered = new WeakMap<Socket, number>();
  let allUnanswered = 0;
  const inner = createServer(LIMITS);
  const outer = createServer(LIMITS);
  const tunnels = new Tunnels(context, (tls) => inner.emit("connection", tls));
  outer.maxConnections = MAX_CONNECTIONS;
  outer.timeout = STALL_MS;

  outer.on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    tunnels.open(request.url ?? "", socket, head);
  });
  inner.on("connect", (_request: IncomingMessage, socket: Socket) => {
    malformed(socket, "CONNECT inside a tunnel");
    socket.destroySoon();
  });

  for (const server of [outer, inner]) {
    const handle = (
      request: IncomingMessage,
      response: ServerResponse,
      waits: boolean,
    ) => {
      if (!admit(request.socket, response)) return;
      const judged = judge(request, {});
      if (judged.denial !== undefined) {
        // The client may go on without the body that it announced: nothing can follow it.
        if (waits) response.setHeader("connection", "close");
        sendDenial(response, judged.denial);
        return;
      }
      // 100 is sent once the request is allowed: a denied body is not asked for.
      if (waits) response.writeContinue();
      carry(judged, response, forward(request, response, judged.order))
        .catch(() => response.destroy());
    };
    server.on(
      "request",
      (request, response) => handle(request, response, false),
    );
    server.on(
      "checkContinue",
      (request, response) => handle(request, response, true),
    );
    // Only "100-continue" is known (RFC 9110 §10.1.1); node would answer without a word here.
    server.on("checkExpectation", (request: IncomingMessage) => {
      malformed(request.socket, "unknown expectation");
      request.socket.destroySoon();
    });
    server.on(
      "upgrade",
      (request: IncomingMessage, socket: Socket, head: Buffer) => {
        socket.on("error", () => socket.destroy());
        const outgoing = answerOn(socket, request);
        const judged = judge(request, { upgrading: true });
        if (judged.denial !== undefined) sendDenial(outgoing, judged.denial);
        else {
          carry(
            judged,
            outgoing,
            upgrade(request, { socket, head, outgoing }, judged.order),
          )
            .catch(() => socket.destroy());
        }
      },
    );
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      const closed = error.code === "ECONNRESET" || error.code === "EPIPE" ||
        !socket.writable;
      // While a response is under way, more bytes would be taken for a part of it.
      const speaking = (unanswered.get(socket) ?? 0) > 0;
      if (!closed) malformed(socket, error.code ?? error.message, { answer: !speaking });
      if (speaking) socket.destroy();
      else socket.destroySoon();
    });
  }
  // It never listens, and node looks for connections that send no head only in servers that do.
  inner.emit("listening");

  /** Writes down what is no request, and answers it where an answer would not be mistaken. */
  function malformed(socket: Socket, message: string, { answer = true } = {}): void {
    const { host, port } = tunnels.authority(socket) ?? {};
    const requestId = audit.nextId();
    const denied = { reason: "malformed", rule: null } as const;
    audit.write({
      request_id: requestId,
      kind: "request",
      decision: "deny",
      ...denied,
      ...(host !== undefined && { host, port: port! }),
      message,
    });
    if (!answer) return;
    const asked = { host: host ?? "", method: "", path: "" };
    socket.write(rawDenial({ ...denied, ...asked, requestId, message }));
  }

  /** Counts a request of a connection; false when too many are unanswered: then all of them end. */
  function admit(socket: Socket, response: ServerResponse): boolean {
    const count = (unanswered.get(socket) ?? 0) + 1;
    if (count > MAX_PIPELINED || allUnanswered >= MAX_UNANSWERED) {
      malformed(socket, "too many requests at once", { answer: false });
      socket.destroy();
      return false;
    }
    unanswered.set(socket, count);
    allUnanswered++;
    response.once("close", () => {
      unanswered.set(socket, unanswered.get(socket)! - 1);
      allUnanswered--;
    });
    return true;
  }

  /** Waits for an exchange and writes down how it went; answers in its place when it failed. */
  async function carry(
    { order: { question }, entry, started }: Judged & { order: Order },
    response: ServerResponse,
    exchange: Promise<Traffic>,
  ): Promise<void> {
    const ms = () => Math.round((performance.now() - started) * 10) / 10;
    const underWay = setTimeout(
      () => audit.write({ ...entry, decision: "allow", message: "under way" }),
      UNDER_WAY_MS,
    );
    try {
      const traffic = await exchange;
      audit.write({ ...entry, decision: "allow", ...traffic, ms: ms() });
    } catch (error) {
      const { reason, message } = explain(error);
      const denied = reason === "address_forbidden" ||
        reason === "encoding_unknown";
      audit.write({
        ...entry,
        decision: denied ? "deny" : "allow",
        reason,
        message,
        ms: ms(),
      });
      const denial = denialOf(question, entry.rule, entry.request_id);
      sendDenial(response, { ...denial, reason, message });
    } finally {
      clearTimeout(underWay);
    }
  }

  /** Reads and decides; writes the audit line of a denial. */
  function judge(request: IncomingMessage, { upgrading = false }): Judged {
    const started = performance.now();
    const requestId = audit.nextId();
    const current = context.current();
    const reading: Reading = current === undefined
      ? { reason: "not_ready", host: "" }
      : readRequest(request, tunnels.authority(request.socket), request.socket);
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
      return {
        denial: { reason, host, method, path: "", rule: null, requestId },
      };
    }
    const { question } = reading;
    const verdict = upgradeVerdict(request, upgrading) ??
      decide(current.policy, question);
    const rule = verdict.route === null ? null : `${verdict.route.host}:${verdict.route.port}`;
    const { host, port, method, target: { path } } = question;
    if (!verdict.allowed) {
      const { reason } = verdict;
      audit.write({
        ...base,
        decision: "deny",
        reason,
        rule,
        host,
        port,
        method,
        path,
      });
      return { denial: { ...denialOf(question, rule, requestId), reason } };
    }
    return {
      order: { question, route: verdict.route, rules: current.rules },
      entry: {
        ...base,
        decision: "allow",
        rule: rule!,
        host,
        port,
        method,
        path,
      },
      started,
    };
  }

  return outer;
}

/** A response on a connection that node has handed over: what is no upgrade is answered by it. */
function answerOn(socket: Socket, request: IncomingMessage): ServerResponse {
  const response = new HttpResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  socket.on("drain", () => response.emit("drain"));
  response.on("error", () => socket.destroy());
  response.on("finish", () => socket.destroySoon());
  return response;
}

/** Only a WebSocket may take a connection over: anything else would speak what nobody reads. */
function upgradeVerdict(
  request: IncomingMessage,
  upgrading: boolean,
): Verdict | undefined {
  if (!upgrading) return undefined;
  const websocket = request.headers.upgrade?.toLowerCase() === "websocket";
  if (websocket && request.method === "GET" && !hasBody(request)) {
    return undefined;
  }
  return { allowed: false, reason: "upgrade_not_allowed", route: null };
}

function denialOf(question: Question, rule: string | null, requestId: string) {
  const { host, method, target: { path } } = question;
  return { host, method, path, rule, requestId };
}
