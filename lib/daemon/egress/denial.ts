import type { ServerResponse } from "node:http";
import type { DenialReason } from "../policy.ts";

/** What was denied, for the agent to read. */
export interface Denial {
  reason: DenialReason;
  host: string;
  method: string;
  path: string;
  /** The route that came closest, as `host:port`. */
  rule: string | null;
  requestId: string;
  message?: string;
}

/** The status that tells a client's own retry logic the truth: refused, or failed upstream. */
const STATUS: Partial<Record<DenialReason, number>> = {
  malformed: 400,
  host_invalid: 400,
  host_mismatch: 400,
  resolve_failed: 502,
  upstream_failed: 502,
  upstream_tls: 502,
  encoding_unknown: 502,
  not_ready: 503,
};

/** The status with which a denial is answered. */
export function denialStatus(reason: DenialReason): number {
  return STATUS[reason] ?? 403;
}

/** The body of a denial: JSON, one object. */
export function denialBody(denial: Denial): string {
  return `${
    JSON.stringify({
      error: "egress_denied",
      reason: denial.reason,
      host: denial.host,
      method: denial.method,
      path: denial.path,
      rule: denial.rule,
      request_id: denial.requestId,
      ...(denial.message !== undefined && { message: denial.message }),
      next: nextSteps(denial),
    })
  }\n`;
}

/** A whole answer, for a connection that has no response object. It is the last one there. */
export function rawDenial(denial: Denial): string {
  const body = denialBody(denial);
  return `HTTP/1.1 ${denialStatus(denial.reason)} Denied\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nx-claude-bottle: denied\r\n` +
    `connection: close\r\n\r\n${body}`;
}

/** Answers a request with its denial. */
export function sendDenial(response: ServerResponse, denial: Denial): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = denialBody(denial);
  response.writeHead(denialStatus(denial.reason), {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "x-claude-bottle": "denied",
  });
  response.end(body);
}

function nextSteps({ reason, host, method, path }: Denial): string[] {
  const manifest = `in the bottle's manifest on the host, under egress.routes`;
  switch (reason) {
    case "host_not_granted":
      return [
        `This bottle may not reach "${host}". Ask the user to add "- host: ${host}" ${manifest}.`,
      ];
    case "port_not_granted":
      return [
        `Another port of "${host}" is granted. Ask the user to set "port" ${manifest}.`,
      ];
    case "method_not_granted":
      return [
        `Ask the user to add "${method}" to the route's "methods" ${manifest}.`,
      ];
    case "path_not_granted":
      return [
        `Ask the user to add a prefix of "${path}" to the route's "paths" ${manifest}.`,
      ];
    case "path_ambiguous":
      return [
        "Send the path without dot segments, double slashes, or encoded slashes and dots.",
      ];
    case "plaintext_not_allowed":
      return [`Use https:// for "${host}".`];
    case "upgrade_not_allowed":
      return ["Only WebSocket upgrades are passed on."];
    case "address_forbidden":
      return [
        "Private addresses are reached only through egress.extra_hosts in the bottle's manifest: ask the user.",
      ];
    case "host_invalid":
    case "host_mismatch":
    case "malformed":
      return [
        "Send one plain HTTP/1.1 request for the host that was connected to.",
      ];
    case "encoding_unknown":
      return ["Ask for another content encoding with Accept-Encoding."];
    case "resolve_failed":
    case "upstream_failed":
    case "upstream_tls":
    case "not_ready":
      return [
        "Nothing to grant: the destination could not be reached. Try again later.",
      ];
  }
}
