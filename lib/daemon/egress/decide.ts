import type { DenialReason, Policy, Route } from "../policy.ts";
import type { Target } from "./canonical.ts";

/** What is asked, canonical. */
export interface Question {
  host: string;
  port: number;
  method: string;
  target: Target;
  /** TLS between the daemon and upstream. */
  secure: boolean;
}

export type Verdict =
  | { allowed: true; route: Route }
  | { allowed: false; reason: DenialReason; route: Route | null };

/**
 * Judges a request. The first route whose host, port, method and path all match allows it; when
 * none does, the reason is the furthest that any of them got. Anything not understood is denied.
 */
export function decide(policy: Policy, question: Question): Verdict {
  if (question.method === "TRACE" || question.method === "CONNECT") {
    return { allowed: false, reason: "method_not_granted", route: null };
  }
  let denial: Verdict = {
    allowed: false,
    reason: "host_not_granted",
    route: null,
  };
  let depth = 0;
  for (const route of policy.routes) {
    const [reached, reason] = match(route, question);
    if (reason === null) return { allowed: true, route };
    if (reached > depth) {
      depth = reached;
      denial = { allowed: false, reason, route };
    }
  }
  return denial;
}

/** How far a route got (0 = its host does not match) and what stopped it; null when nothing did. */
function match(
  route: Route,
  question: Question,
): [number, DenialReason | null] {
  const { host, port, method, target, secure } = question;
  if (!hostMatches(route.host, host)) return [0, "host_not_granted"];
  if (route.port !== port) return [1, "port_not_granted"];
  // A credential never travels in the clear, and 443 speaks TLS: http:// on it is a mistake.
  if (!secure && (route.auth !== undefined || port === 443)) {
    return [2, "plaintext_not_allowed"];
  }
  if (route.methods.length > 0 && !route.methods.includes(method)) {
    return [3, "method_not_granted"];
  }
  if (route.paths.length > 0) {
    if (target.ambiguous) return [4, "path_ambiguous"];
    if (!route.paths.some((prefix) => pathMatches(prefix, target.path))) {
      return [4, "path_not_granted"];
    }
  }
  return [5, null];
}

/** `*.x` is one or more labels below x, and never an IP address. */
export function hostMatches(rule: string, host: string): boolean {
  if (!rule.startsWith("*.")) return rule === host;
  const suffix = rule.slice(1);
  return host.length > suffix.length && host.endsWith(suffix);
}

/** Segment-wise: `/api` covers `/api` and `/api/x`, not `/apiv2`. */
function pathMatches(prefix: string, path: string): boolean {
  const bare = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
  // "/v1/" names what is below it; "/v1" names itself too.
  return (path === bare && !(prefix.endsWith("/") && bare !== "")) ||
    path.startsWith(`${bare}/`);
}
