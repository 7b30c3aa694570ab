import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { DenialReason } from "../policy.ts";
import { type Authority, parseAuthority, parseTarget, type Target } from "./canonical.ts";
import type { Question } from "./decide.ts";
import { headerValues } from "./headers.ts";

/** One request, read canonically, or why it cannot be. */
export type Reading =
  | { question: Question; reason?: undefined }
  | { question?: undefined; reason: DenialReason; host: string };

/** Reads where a request goes: from its tunnel, or from its absolute form. One Host, and the same. */
export function readRequest(
  request: IncomingMessage,
  tunnel: Authority | undefined,
  socket: Socket,
): Reading {
  const hosts = headerValues(request.rawHeaders, "host");
  const malformed: Reading = { reason: "malformed", host: tunnel?.host ?? "" };
  if (hosts.length !== 1) return malformed;
  // Another coding than this one would be passed on without being named.
  const coding = request.headers["transfer-encoding"];
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    return malformed;
  }
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
