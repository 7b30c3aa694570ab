import type { ClientRequest, IncomingMessage, RequestOptions, ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createUnzip, createZstdDecompress } from "node:zlib";
import type { DenialReason, Route, Secrets } from "../policy.ts";
import { echoes, injection, stripQuery } from "./credentials.ts";
import type { Question } from "./decide.ts";
import { headerValues, requestHeaders, responseHeaders } from "./headers.ts";
import { request as httpRequest } from "./http.ts";
import { Masker } from "./mask.ts";
import { ResolveError, resolveHost } from "./resolve.ts";
import type { Upstream } from "./upstream.ts";

/** A response that stops moving for this long is given up, and so is a connection attempt. */
const STALL_MS = 600_000;

/** A request that was allowed and then failed, with the reason the agent is told. */
export class ForwardError extends Error {
  readonly reason: DenialReason;

  constructor(reason: DenialReason, message: string) {
    super(message);
    this.name = "ForwardError";
    this.reason = reason;
  }
}

/** What one exchange moved. */
export interface Traffic {
  status: number;
  sent: number;
  received: number;
}

/** What the daemon enforces at this moment. */
export interface Rules {
  secrets: Secrets;
  extraHosts: Record<string, string>;
  upstream: Upstream;
}

/** The patterns of a route's secret, computed once per set of rules. */
const maskPatterns = new WeakMap<Secrets, Map<string, Buffer[]>>();

function patternsOf(route: Route, secrets: Secrets): Buffer[] {
  const name = route.auth?.secret;
  if (name === undefined) return [];
  let known = maskPatterns.get(secrets);
  if (known === undefined) maskPatterns.set(secrets, known = new Map());
  let patterns = known.get(name);
  if (patterns === undefined) {
    known.set(name, patterns = echoes(secrets[name]!));
  }
  return patterns;
}

/** The request as it goes out: rewritten headers, and ours the only credential. */
export async function openUpstream(
  incoming: IncomingMessage,
  question: Question,
  route: Route,
  rules: Rules,
  upgrade?: string,
): Promise<ClientRequest> {
  const { host, port, method, target, secure } = question;
  // net.connect does not look up what is an address already, so it is checked here.
  if (isIP(host) !== 0) await resolveHost(host, rules.extraHosts);
  const inject = route.auth === undefined ? undefined : injection(route.auth, rules.secrets);
  if (route.auth !== undefined && inject === undefined) {
    throw new ForwardError(
      "not_ready",
      "The credential of this route is not loaded",
    );
  }
  const shown = isIP(host) === 6 ? `[${host}]` : host;
  const headers = requestHeaders(incoming.rawHeaders, {
    host: port === (secure ? 443 : 80) ? shown : `${shown}:${port}`,
    auth: route.auth,
    inject,
    identity: route.auth !== undefined,
  });
  if (upgrade !== undefined) {
    headers.push("connection", "upgrade", "upgrade", upgrade);
  } else if (incoming.headers["transfer-encoding"] !== undefined) {
    headers.push("transfer-encoding", "chunked");
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
    ...(secure && isIP(host) === 0 && { servername: host }),
  };
  return secure ? httpsRequest(options) : httpRequest(options);
}

/** Forwards one allowed request and its response; resolves when the response has ended. */
export async function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  question: Question,
  route: Route,
  rules: Rules,
): Promise<Traffic> {
  const traffic: Traffic = { status: 0, sent: 0, received: 0 };
  const bodiless = incoming.headers["content-length"] === undefined &&
    incoming.headers["transfer-encoding"] === undefined;
  for (let attempt = 1;; attempt++) {
    const request = await openUpstream(incoming, question, route, rules);
    const gone = () => request.destroy();
    outgoing.once("close", gone);
    try {
      const answered = response(request);
      if (bodiless) request.end();
      else {
        pump(incoming, request, (bytes) => void (traffic.sent += bytes))
          .catch((error) => request.destroy(error));
      }
      const upstream = await answered;
      await relay(
        upstream,
        outgoing,
        patternsOf(route, rules.secrets),
        traffic,
      );
      return traffic;
    } catch (error) {
      request.destroy();
      // The pool handed out a connection that upstream had just closed: nothing was processed.
      const stale = request.reusedSocket &&
        (error as NodeJS.ErrnoException).code === "ECONNRESET";
      const safe = bodiless && /^(GET|HEAD|OPTIONS)$/.test(question.method);
      if (stale && safe && attempt < 3 && !outgoing.headersSent) continue;
      throw explain(error);
    } finally {
      outgoing.off("close", gone);
    }
  }
}

/** Waits for the head of the response. */
export function response(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", reject);
    request.once(
      "timeout",
      () => request.destroy(new Error("Upstream did not answer in time")),
    );
  });
}

async function relay(
  upstream: IncomingMessage,
  outgoing: ServerResponse,
  patterns: Buffer[],
  traffic: Traffic,
): Promise<void> {
  const maskText = (text: string) => {
    if (patterns.length === 0) return text;
    const masker = new Masker(patterns);
    return Buffer.concat([
      masker.push(Buffer.from(text, "latin1")),
      masker.end(),
    ])
      .toString("latin1");
  };
  traffic.status = upstream.statusCode!;
  const headers = responseHeaders(upstream.rawHeaders, maskText);
  const { body, decoded } = patterns.length > 0
    ? decode(upstream)
    : { body: upstream, decoded: false };
  if (decoded) {
    for (const name of ["content-encoding", "content-length"]) {
      removeHeader(headers, name);
    }
  }
  outgoing.writeHead(
    upstream.statusCode!,
    maskText(upstream.statusMessage ?? ""),
    headers,
  );
  // A stream of events may begin with silence: its head must not wait for the first of them.
  setImmediate(() => {
    if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.flushHeaders();
  });
  await pump(
    body,
    outgoing,
    (bytes) => void (traffic.received += bytes),
    patterns.length > 0 ? new Masker(patterns) : undefined,
  );
}

/** Undoes the content encoding, so that a secret in it can be seen; refuses what it cannot undo. */
function decode(
  upstream: IncomingMessage,
): { body: Readable; decoded: boolean } {
  const encoding = headerValues(upstream.rawHeaders, "content-encoding").join(
    ",",
  ).trim()
    .toLowerCase();
  const hasBody = upstream.statusCode !== 204 && upstream.statusCode !== 304 &&
    upstream.headers["content-length"] !== "0" &&
    (upstream as { req?: ClientRequest }).req?.method !== "HEAD";
  if (encoding === "" || encoding === "identity" || !hasBody) {
    return { body: upstream, decoded: false };
  }
  const decoder = encoding === "gzip" || encoding === "x-gzip" || encoding === "deflate"
    ? createUnzip()
    : encoding === "br"
    ? createBrotliDecompress()
    : encoding === "zstd"
    ? createZstdDecompress()
    : undefined;
  if (decoder === undefined) {
    upstream.destroy();
    throw new ForwardError(
      "encoding_unknown",
      `Upstream answered in "${encoding}"`,
    );
  }
  upstream.on("error", (error) => decoder.destroy(error));
  upstream.on(
    "aborted",
    () => decoder.destroy(new Error("Upstream closed the connection")),
  );
  return { body: upstream.pipe(decoder), decoded: true };
}

function removeHeader(headers: string[], name: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (headers[i]!.toLowerCase() === name) headers.splice(i, 2);
  }
}

/** The part of a writable that a pump needs: requests and responses share no better type. */
interface Sink {
  write(chunk: Buffer): boolean;
  end(): void;
  destroyed: boolean;
  on(event: "drain" | "close", listener: () => void): unknown;
}

/** Moves bytes at the pace of the slower side; settles when the source has ended or failed. */
export function pump(
  source: Readable,
  sink: Sink,
  count: (bytes: number) => void,
  masker?: Masker,
): Promise<void> {
  return new Promise((resolve, reject) => {
    source.on("data", (chunk: Buffer) => {
      count(chunk.length);
      const out = masker === undefined ? chunk : masker.push(chunk);
      if (out.length > 0 && !sink.write(out)) source.pause();
    });
    sink.on("drain", () => source.resume());
    source.on("end", () => {
      const rest = masker?.end();
      if (rest !== undefined && rest.length > 0) sink.write(rest);
      sink.end();
      resolve();
    });
    source.on("error", reject);
    source.on(
      "close",
      () => reject(new Error("The other side closed the connection early")),
    );
    sink.on(
      "close",
      () => reject(new Error("The bottle closed the connection early")),
    );
  });
}

/** Turns what the network threw into what the agent is told. */
function explain(error: unknown): ForwardError {
  if (error instanceof ForwardError) return error;
  if (error instanceof ResolveError) {
    return new ForwardError(error.reason, error.message);
  }
  const { code, message } = error as NodeJS.ErrnoException;
  const tls = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_|ALTNAME|EPROTO/.test(
    code ?? "",
  );
  return new ForwardError(
    tls ? "upstream_tls" : "upstream_failed",
    code ?? message,
  );
}
