import { z } from "zod";
import { ENV_NAME, hostEnvName } from "./env.ts";
import { extraHosts, hostPattern } from "./host.ts";
import { canonicalPathPrefix } from "./path_prefix.ts";
import { canonicalString, strict, uniqueList } from "./schema_parts.ts";

/** Headers that say where a request goes and where it ends: injecting one would be smuggling. */
const REFUSED_HEADERS = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Schema of `egress`. Nothing is defaulted here that the caller must know was not written. */
export function egressSchema() {
  return strict({
    routes: z.array(route()).optional()
      .describe("What may be reached, first match wins; nothing when empty"),
    extra_hosts: extraHosts().optional()
      .describe("Addresses of names, as in /etc/hosts: the only way to reach a private address"),
    pipelock: z.boolean().optional()
      .describe(
        "Whether pipelock is the last hop, a second opinion on every request; default true",
      ),
    on_canary: z.enum(["block", "stop"]).optional()
      .describe("What the use of a canary credential does to the bottle; default block"),
  });
}

function route() {
  return strict({
    host: hostPattern().describe("Exact host, or *.example.com for all its sub-domains"),
    port: z.int().min(1).max(65535).default(443).describe("Port; 80 means plain HTTP"),
    methods: atLeastOne(uniqueList(method(), (name) => name)).optional()
      .describe("HTTP methods, upper-case; default any"),
    paths: atLeastOne(z.array(canonicalString(canonicalPathPrefix))).optional()
      .describe('Path prefixes, matched by whole segments, like "/v1/"; default any'),
    auth: auth().optional().describe("Credential to inject into each request"),
    scan: z.enum(["off", "secrets", "patterns"]).optional()
      .describe("What requests are searched for before they leave; default patterns"),
    on_match: z.enum(["block", "redact", "ask"]).optional()
      .describe("What happens to a request in which the scan found something; default block"),
    role: z.literal("model").optional().describe("Marks the agent's own API"),
    allow_env: uniqueList(
      z.string().regex(ENV_NAME, "must be a key of env"),
      (name) => name,
    ).optional().describe("Granted variables whose values may travel to this host"),
  }).superRefine((value, context) => {
    if (value.auth !== undefined && value.port === 80) {
      context.addIssue({
        code: "custom",
        path: ["auth"],
        message: "would send the credential in the clear: port 80 is plain HTTP",
      });
    }
    if (value.scan === "off" && value.on_match !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["on_match"],
        message: 'has no use with "scan: off"',
      });
    }
  });
}

function auth() {
  return strict({
    scheme: z.enum(["bearer", "basic", "header"])
      .describe("How it is sent; the value for basic is user:password"),
    header: canonicalString(canonicalHeader).optional()
      .describe("Name of the header, for scheme header and only there"),
    token_ref: hostEnvName()
      .describe("Variable of the host that holds the credential; it never enters the bottle"),
  }).superRefine((value, context) => {
    if ((value.scheme === "header") === (value.header !== undefined)) return;
    const message = value.scheme === "header"
      ? 'is missing: scheme "header" needs the name of the header'
      : `has no use with scheme "${value.scheme}"`;
    context.addIssue({ code: "custom", path: ["header"], message });
  });
}

function canonicalHeader(text: string) {
  const name = text.toLowerCase();
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name)) {
    return { problem: `${JSON.stringify(text)} is not a header name` };
  }
  if (REFUSED_HEADERS.has(name)) {
    return { problem: `"${text}" steers the connection and cannot carry a credential` };
  }
  return { value: name };
}

function method() {
  return z.string().superRefine((text, context) => {
    const upper = text.toUpperCase();
    let message: string | undefined;
    if (!/^[A-Z]+(?:-[A-Z]+)*$/.test(upper) || text.length > 32) {
      message = `${JSON.stringify(text)} is not an HTTP method`;
    } else if (["CONNECT", "TRACE", "TRACK"].includes(upper)) {
      message = `"${text}" cannot be granted`;
    } else if (text !== upper) message = `"${text}" must be written "${upper}"`;
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}

/** An empty list could be read as "none" or as "any": it is neither. */
function atLeastOne<List extends z.ZodArray>(list: List): List {
  return list.min(1, "must not be empty: leave the key out to allow any");
}
