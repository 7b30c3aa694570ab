import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { type Duplex, pipeline, type Readable } from "node:stream";
import { createBrotliDecompress, createUnzip, createZstdDecompress } from "node:zlib";
import { ForwardError } from "./failure.ts";
import { headerValues, responseHeaders } from "./headers.ts";
import { Masker, type Patterns } from "./mask.ts";

/** What one exchange moved. */
export interface Traffic {
  status: number;
  sent: number;
  received: number;
}

/** Passes a response on, masked. */
export function relay(
  upstream: IncomingMessage,
  outgoing: ServerResponse,
  patterns: Patterns | undefined,
  traffic: Traffic,
): Promise<void> {
  const mask = (text: string) => patterns === undefined ? text : patterns.maskText(text);
  const decoder = patterns === undefined ? undefined : decoderOf(upstream);
  traffic.status = upstream.statusCode!;
  const headers = responseHeaders(upstream.rawHeaders, {
    mask,
    decoded: decoder !== undefined,
  });
  outgoing.writeHead(
    upstream.statusCode!,
    mask(upstream.statusMessage ?? ""),
    headers,
  );
  // A stream of events may begin with silence: its head must not wait for the first of them.
  setImmediate(flushHead, outgoing);
  // Its callback ignores the error because pump sees it, too.
  const body = decoder === undefined ? upstream : pipeline(upstream, decoder, () => {});
  return pump(body, outgoing, {
    count: (bytes) => void (traffic.received += bytes),
    ...(patterns !== undefined && { masker: new Masker(patterns) }),
  });
}

function flushHead(outgoing: ServerResponse): void {
  if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.flushHeaders();
}

/** Undoes the content encoding, so that a secret in it can be seen; refuses what it cannot undo. */
function decoderOf(upstream: IncomingMessage): Duplex | undefined {
  // node undoes "chunked" and nothing else; the header that names the rest is not passed on.
  const coding = upstream.headers["transfer-encoding"];
  if (coding !== undefined && coding.trim().toLowerCase() !== "chunked") {
    throw new ForwardError("encoding_unknown", `Upstream answered in "${coding.slice(0, 100)}"`);
  }
  const encoding = headerValues(upstream.rawHeaders, "content-encoding").join(
    ",",
  ).trim()
    .toLowerCase();
  if (encoding === "" || encoding === "identity") return undefined;
  const { statusCode, headers } = upstream;
  const empty = statusCode === 204 || statusCode === 304 ||
    headers["content-length"] === "0" ||
    (upstream as { req?: ClientRequest }).req?.method === "HEAD";
  if (empty) return undefined;
  switch (encoding) {
    case "gzip":
    case "x-gzip":
    case "deflate":
      return createUnzip();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      throw new ForwardError(
        "encoding_unknown",
        `Upstream answered in "${encoding}"`,
      );
  }
}

/** The part of a writable that a pump needs: requests and responses share no better type. */
interface Sink {
  write(chunk: Buffer): boolean;
  end(): unknown;
  destroyed: boolean;
  on(event: "drain" | "close", listener: () => void): unknown;
}

/** Moves bytes at the pace of the slower side; settles when the source has ended or failed. */
export function pump(
  source: Readable,
  sink: Sink,
  { count, masker }: { count: (bytes: number) => void; masker?: Masker },
): Promise<void> {
  return new Promise((resolve, reject) => {
    let settled = false;
    const fail = (message: string) => {
      if (!settled) reject(new Error(message));
    };
    source.on("data", (chunk: Buffer) => {
      if (sink.destroyed) return;
      count(chunk.length);
      const out = masker === undefined ? chunk : masker.push(chunk);
      if (out.length > 0 && !sink.write(out)) source.pause();
    });
    sink.on("drain", () => source.resume());
    source.on("end", () => {
      if (sink.destroyed) return; // its "close" rejects
      const rest = masker?.end();
      if (rest !== undefined && rest.length > 0) sink.write(rest);
      sink.end();
      settled = true;
      resolve();
    });
    source.on("error", reject);
    source.on("close", () => fail("The other side closed the connection early"));
    sink.on("close", () => fail("The bottle closed the connection early"));
  });
}
