import type { ClientRequest, IncomingMessage, RequestOptions, ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { Route, Secrets } from "../policy.ts";
import { injection, stripQuery } from "./credentials.ts";
import type { Question } from "./decide.ts";
import { explain, ForwardError } from "./failure.ts";
import { requestHeaders } from "./headers.ts";
import { request as httpRequest } from "./http.ts";
import type { Patterns } from "./mask.ts";
import { pump, relay, type Traffic } from "./relay.ts";
import { resolveHost } from "./resolve.ts";
import type { Upstream } from "./upstream.ts";

/** A response that stops moving for this long is given up, and so is a connection attempt. */
const STALL_MS = 600_000;

/** What the daemon enforces at this moment. */
export interface Rules {
  secrets: Secrets;
  /** Secret name → what must not come back. */
  patterns: Map<string, Patterns>;
  extraHosts: Record<string, string>;
  upstream: Upstream;
}

/** One allowed request. */
export interface Order {
  question: Question;
  route: Route;
  rules: Rules;
}

/** What to mask in the responses of a route. */
export function patternsOf({ route, rules }: Order): Patterns | undefined {
  return route.auth === undefined ? undefined : rules.patterns.get(route.auth.secret);
}

/** The request as it goes out: rewritten headers, and ours the only credential. */
export function openUpstream(
  incoming: IncomingMessage,
  { question, route, rules }: Order,
  upgrade?: string,
): ClientRequest {
  const { host, port, method, target, secure } = question;
  const inject = route.auth === undefined ? undefined : injection(route.auth, rules.secrets);
  if (route.auth !== undefined && inject === undefined) {
    throw new ForwardError(
      "not_ready",
      "The credential of this route is not loaded",
    );
  }
  const family = isIP(host);
  const shown = family === 6 ? `[${host}]` : host;
  const headers = requestHeaders(incoming.rawHeaders, {
    host: port === (secure ? 443 : 80) ? shown : `${shown}:${port}`,
    framing: framing(incoming),
    auth: route.auth,
    inject,
    masked: route.auth !== undefined,
    narrow: route.methods.length > 0 || route.paths.length > 0,
  });
  if (upgrade !== undefined) {
    headers.push("connection", "upgrade", "upgrade", upgrade);
  }
  const options: RequestOptions = {
    host,
    port,
    method,
    path: target.path + stripQuery(target.query),
    headers,
    setHost: false,
    timeout: STALL_MS,
    // A socket that changes protocol never returns to a pool, but is dialled the same way.
    ...(upgrade === undefined
      ? { agent: secure ? rules.upstream.secure() : rules.upstream.plain }
      : { agent: false, ...rules.upstream.dial() }),
    ...(secure && family === 0 && { servername: host }),
  };
  return secure ? httpsRequest(options) : httpRequest(options);
}

/** What says where the request's body ends, as the parser understood it. */
function framing({ headers }: IncomingMessage): string[] {
  if (headers["transfer-encoding"] !== undefined) {
    return ["transfer-encoding", "chunked"];
  }
  const length = headers["content-length"];
  return length === undefined ? [] : ["content-length", length];
}

/** Whether a request comes with a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["content-length"] !== undefined ||
    headers["transfer-encoding"] !== undefined;
}

/** Checks what no lookup will: a connection to an address written as such asks no resolver. */
export async function checkLiteral(
  { question: { host }, rules }: Order,
): Promise<void> {
  if (isIP(host) !== 0) await resolveHost(host, rules.extraHosts);
}

/** Forwards one allowed request and its response; resolves when the response has ended. */
export async function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  order: Order,
): Promise<Traffic> {
  const traffic: Traffic = { status: 0, sent: 0, received: 0 };
  const bodiless = !hasBody(incoming);
  let request: ClientRequest | undefined;
  // Whoever goes first takes the other along; errors of a side that is gone say nothing more.
  const gone = () => request?.destroy();
  outgoing.on("close", gone);
  outgoing.on("error", gone);
  incoming.on("error", gone);
  for (let attempt = 1;; attempt++) {
    try {
      if (isIP(order.question.host) !== 0) await checkLiteral(order);
      if (outgoing.destroyed) {
        throw new Error("The bottle closed the connection early");
      }
      request = openUpstream(incoming, order);
      const answered = response(request);
      if (bodiless) request.end();
      else upload(incoming, request, traffic);
      await relay(await answered, outgoing, patternsOf(order), traffic);
      return traffic;
    } catch (error) {
      request?.destroy();
      // The pool handed out a connection that upstream had just closed: nothing was processed.
      const stale = request?.reusedSocket &&
        /^(ECONNRESET|EPIPE)$/.test(
          (error as NodeJS.ErrnoException).code ?? "",
        );
      const safe = bodiless &&
        /^(GET|HEAD|OPTIONS)$/.test(order.question.method);
      if (
        stale && safe && attempt < 3 && !outgoing.headersSent &&
        !outgoing.destroyed
      ) continue;
      throw explain(error);
    }
  }
}

function upload(
  incoming: IncomingMessage,
  request: ClientRequest,
  traffic: Traffic,
): void {
  pump(incoming, request, { count: (bytes) => void (traffic.sent += bytes) })
    .catch((error) => request.destroy(error));
}

/** Waits for the head of the response. */
export function response(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answered = false;
    request.once("response", (message) => {
      answered = true;
      resolve(message);
    });
    request.on("error", reject);
    request.once(
      "timeout",
      () => request.destroy(new Error("Upstream did not answer in time")),
    );
    // Without an error, too: after a 101 that nobody asked for. It always comes: an error that
    // says nothing new would cost each request 5 % of its time.
    request.once("close", () => {
      if (!answered) reject(new Error("Upstream closed the connection early"));
    });
  });
}
