import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

/** Where a request goes, in the one spelling that is decided on, dialled and written down. */
export interface Authority {
  /** Lower-case ASCII name, dotted IPv4, or IPv6 without brackets. */
  host: string;
  port: number;
}

/**
 * Reads `host[:port]`. Undefined for anything that is not exactly one host and one port: an
 * empty or over-long name, credentials, a zone id, an unusual spelling of an IP address (which
 * a resolver would take and a rule would not).
 */
export function parseAuthority(
  text: string,
  defaultPort: number,
): Authority | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]@/?#\\%]+))(?::(\d{1,5}))?$/i
    .exec(text);
  if (match === null) return undefined;
  const port = match[3] === undefined ? defaultPort : Number(match[3]);
  if (port < 1 || port > 65535) return undefined;
  const host = match[1] === undefined ? canonicalName(match[2]!) : canonicalIpv6(match[1]);
  return host === undefined ? undefined : { host, port };
}

/** Lower-cases, applies IDNA, drops the root's dot. Undefined when it is no host name. */
function canonicalName(text: string): string | undefined {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  // Most names are canonical already; the conversion costs more than the rest of a decision.
  const ascii = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9]*)+$/.test(name) ? name : domainToASCII(name);
  if (ascii === "" || ascii.length > 253) return undefined;
  if (isIPv4(ascii)) return text === ascii ? ascii : undefined;
  // A name whose last label is a number is an IPv4 address in disguise (WHATWG URL §3.5).
  if (/(^|\.)(0x[0-9a-f]*|\d+)$/.test(ascii)) return undefined;
  const labels = ascii.split(".");
  return labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label)) ? ascii : undefined;
}

function canonicalIpv6(text: string): string | undefined {
  if (!isIPv6(text)) return undefined;
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

/** A request's path as it will be sent, and whether a rule may be decided on it. */
export interface Target {
  /** Without the query. */
  path: string;
  /** With its `?`, or empty. */
  query: string;
  /** Two readers could disagree about what it names (RFC 3986 §6: dots, slashes, encodings). */
  ambiguous: boolean;
}

/** Splits an origin-form request target; undefined when it is none. */
export function parseTarget(target: string): Target | undefined {
  // deno-lint-ignore no-control-regex
  if (!target.startsWith("/") || /[\u0000-\u0020\u007f-\uffff#]/.test(target)) {
    return undefined;
  }
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  return {
    path,
    query: mark === -1 ? "" : target.slice(mark),
    ambiguous: isAmbiguous(path),
  };
}

function isAmbiguous(path: string): boolean {
  if (/\\|;|\/\//.test(path) || /%(?![0-9a-f]{2})/i.test(path)) return true;
  // An encoded slash, backslash, dot, NUL or other control character, semicolon, or percent (twice encoded).
  if (/%(2f|5c|2e|25|3b|7f|[01][0-9a-f])/i.test(path)) return true;
  if (path.split("/").some((segment) => segment === "." || segment === "..")) return true;
  try {
    decodeURIComponent(path);
    return false;
  } catch {
    return true; // no UTF-8: overlong dots and slashes among it
  }
}
