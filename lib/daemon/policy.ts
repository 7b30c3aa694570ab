/**
 * What the sidecars enforce, as the host sends it and the bundle keeps it. Only types and
 * constants, so that the host (Deno) and the daemons (Node, which strips types) share one file.
 */

/** How a credential is put on a request. The value itself travels apart, in `Secrets`. */
export interface RouteAuth {
  scheme: "bearer" | "basic" | "header";
  /** Lower-cased; only with `header`. */
  header?: string;
  /** A key of `Secrets`. */
  secret: string;
}

/** One thing a bottle may reach. Canonical: lower-case ASCII host, upper-case methods. */
export interface Route {
  /** Exact, or `*.example.com`: one or more labels below, not the domain itself. */
  host: string;
  port: number;
  /** Empty: any method but CONNECT and TRACE. */
  methods: string[];
  /** Segment-wise prefixes. Empty: any path. */
  paths: string[];
  auth?: RouteAuth;
}

export interface Policy {
  routes: Route[];
  /** Names that resolve to this address and to nothing else, private addresses included. */
  extraHosts: Record<string, string>;
}

/** Secret name → value. Held in memory by the bundle's PID 1 and its daemons, nowhere else. */
export type Secrets = Record<string, string>;

/** The first message of the control channel, and of every change of policy. */
export interface ApplyRequest {
  op: "apply";
  /** Grows by one with each policy of a session; an older one is refused. */
  version: number;
  policy: Policy;
  secrets: Secrets;
  /** PEM certificates trusted for upstream connections beside the system's. */
  extraCa: string;
}

/** Why a request was denied: closed, because users and agents act on it. */
export type DenialReason =
  | "host_not_granted"
  | "port_not_granted"
  | "method_not_granted"
  | "path_not_granted"
  | "path_ambiguous"
  | "host_invalid"
  | "host_mismatch"
  | "plaintext_not_allowed"
  | "upgrade_not_allowed"
  | "address_forbidden"
  | "resolve_failed"
  | "upstream_failed"
  | "upstream_tls"
  | "encoding_unknown"
  | "malformed"
  | "not_ready";

/** One decision. Written to the bundle's stdout, which docker keeps, in JSON arrays. */
export interface AuditLine {
  /** ISO 8601, UTC. */
  time: string;
  /** Start of this daemon: `seq` counts from 1 within one `run`. */
  run: string;
  seq: number;
  request_id: string;
  kind: "request" | "tunnel" | "daemon";
  decision: "allow" | "deny" | "note";
  reason?: DenialReason;
  /** The route that decided, as `host:port`. */
  rule: string | null;
  host?: string;
  port?: number;
  method?: string;
  /** Without the query: queries carry secrets. */
  path?: string;
  status?: number;
  /** Body bytes to and from upstream. */
  sent?: number;
  received?: number;
  /** Milliseconds from the request's head to the end of its response. */
  ms?: number;
  message?: string;
}

/** Where the bundle and the bottle find the sockets; the same paths in both. */
export const PROXY_SOCKET_DIR = "/run/claude-bottle/proxy";
export const PROXY_SOCKET = `${PROXY_SOCKET_DIR}/proxy.sock`;
/** On a tmpfs of the bundle's own, 0700: the bottle has no path to it. */
export const CONTROL_SOCKET_DIR = "/run/claude-bottle/control";
export const CONTROL_SOCKET = `${CONTROL_SOCKET_DIR}/control.sock`;
/** Where the egress daemon calls PID 1: for their user alone, and in no other container. */
export const DAEMON_SOCKET = `${CONTROL_SOCKET_DIR}/daemon.sock`;
