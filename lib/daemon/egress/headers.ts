import type { RouteAuth } from "../policy.ts";
import { isCredentialHeader } from "./credentials.ts";

/** Headers of one connection, not of the message (RFC 9110 §7.6.1). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** What says where a body ends is written anew: a `Connection` that names it must not hide it. */
const FRAMING = new Set(["content-length", "transfer-encoding"]);

/** What frameworks take for another method or path than the one that was decided on. */
const OVERRIDES = new Set([
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
]);

/** Every value of a header (lower-case name) in a flat list of names and values. */
export function headerValues(raw: string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.toLowerCase() === name) values.push(raw[i + 1]!);
  }
  return values;
}

/** The names that `Connection` declares to be of this hop only. */
function hopByHop(raw: string[]): Set<string> {
  const named = headerValues(raw, "connection").join(",").toLowerCase();
  if (named === "" || named === "keep-alive" || named === "close") {
    return HOP_BY_HOP;
  }
  return new Set([
    ...HOP_BY_HOP,
    ...named.split(",").map((name) => name.trim()),
  ]);
}

/**
 * The headers to send upstream, as a flat list: what the agent sent, without what belongs to
 * its connection and without any credential of its own, and with ours.
 */
export function requestHeaders(
  raw: string[],
  { host, framing, auth, inject, masked, narrow }: {
    host: string;
    /** The headers that frame the body, as a flat list. */
    framing: string[];
    auth: RouteAuth | undefined;
    inject: [string, string] | undefined;
    /** The response is masked as it streams: whole, and not encoded. */
    masked: boolean;
    /** The route says which methods or paths: no header may name another. */
    narrow: boolean;
  },
): string[] {
  const drop = hopByHop(raw);
  const headers = ["host", host];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (
      name === "host" || name === "expect" || FRAMING.has(name) ||
      drop.has(name)
    ) continue;
    // Parts of a body could hold parts of a secret, and neither would be known for one.
    if (masked && /^(accept-encoding|range|if-range)$/.test(name)) continue;
    if (narrow && OVERRIDES.has(name.replaceAll("_", "-"))) continue;
    if (isCredentialHeader(name, auth) || name === inject?.[0]) continue;
    headers.push(raw[i]!, raw[i + 1]!);
  }
  headers.push(...framing);
  if (masked) headers.push("accept-encoding", "identity");
  if (inject !== undefined) headers.push(...inject);
  return headers;
}

/** The headers to pass back to the agent, as a flat list. `decoded`: the body's coding is undone. */
export function responseHeaders(
  raw: string[],
  { mask, decoded }: { mask: (text: string) => string; decoded: boolean },
): string[] {
  const drop = hopByHop(raw);
  const headers: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    // Alternative services would name a way around this proxy.
    if (drop.has(name) || name === "alt-svc") continue;
    if (decoded && (name === "content-encoding" || name === "content-length")) {
      continue;
    }
    // A name can be an echo, too.
    headers.push(mask(raw[i]!), mask(raw[i + 1]!));
  }
  return headers;
}
