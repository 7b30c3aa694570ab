import { z } from "zod";
import { type Canonical, canonicalString } from "./schema_parts.ts";

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/**
 * Decides the canonical spelling of a host: lower-cased ASCII (IDNA), or an IP literal, which must
 * already be written canonically (IPv6 without brackets). The proxy compares hosts as they come out
 * of here, so a spelling that resolvers understand and this does not must be an error.
 */
export function canonicalHost(text: string): Canonical {
  if (text === "") return problem(text, "is empty");
  if (text.includes("*")) return problem(text, 'must not contain "*"');
  if (/[\p{Cc}\p{Z}]/u.test(text)) return problem(text, "contains whitespace");
  if (text.includes("://")) return problem(text, "must be a bare host, without a scheme");
  if (/[/\\@?#%]/.test(text)) {
    return problem(text, "must be a bare host, without path, user or escapes");
  }
  if (/[:[\]]/.test(text)) return canonicalIpv6(text);
  if (/[.。．｡]$/.test(text)) return problem(text, "must not end with a dot");

  const host = hostname(text);
  if (host === undefined) return problem(text, "is not a host name");
  if (IPV4.test(host)) {
    return host === text ? { value: host } : problem(text, `must be written "${host}"`);
  }
  if (host.length > 253) return problem(text, "is longer than 253 characters");
  if (!host.split(".").every((label) => LABEL.test(label))) {
    return problem(text, "is not a host name");
  }
  return { value: host };
}

/** Decides the canonical spelling of a route's host: as `canonicalHost`, or `*.` before a name. */
export function canonicalHostPattern(text: string): Canonical {
  if (!text.startsWith("*.")) {
    return text.includes("*")
      ? problem(text, '"*" may only stand for all sub-domains, as in "*.example.com"')
      : canonicalHost(text);
  }
  const rest = canonicalHost(text.slice(2));
  if ("problem" in rest) return { problem: `${JSON.stringify(text)}: ${rest.problem}` };
  if (isIpLiteral(rest.value)) return problem(text, "an IP address has no sub-domains");
  return { value: `*.${rest.value}` };
}

/** Tells whether a canonical host is an IP address. */
export function isIpLiteral(host: string): boolean {
  return IPV4.test(host) || host.includes(":");
}

/** Schema of a map from host name to the address it has, canonical on both sides. */
export function extraHosts() {
  return z.record(z.string(), z.string()).transform((written, context) => {
    const hosts: Record<string, string> = {};
    const refuse = (key: string, message: string) =>
      context.issues.push({ code: "custom", path: [key], message, input: written });
    for (const [key, address] of Object.entries(written)) {
      const host = canonicalHost(key);
      const ip = canonicalHost(address);
      if ("problem" in host) refuse(key, host.problem);
      else if (isIpLiteral(host.value)) refuse(key, "must map a name, not an address");
      else if (Object.hasOwn(hosts, host.value)) refuse(key, `"${host.value}" is listed twice`);
      else if ("problem" in ip) refuse(key, ip.problem);
      else if (!isIpLiteral(ip.value)) refuse(key, `"${address}" is not an IP address`);
      else hosts[host.value] = ip.value;
    }
    return hosts;
  });
}

/** Schema of a route's host. */
export function hostPattern() {
  return canonicalString(canonicalHostPattern);
}

function canonicalIpv6(text: string): Canonical {
  const inner = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const bracketed = hostname(`[${inner}]`);
  if (bracketed === undefined) {
    return /^[^:]+:\d+$|^\[.*\]:\d+$/.test(text)
      ? problem(text, 'must be a bare host: the port goes into "port"')
      : problem(text, "is not an IP address");
  }
  const host = mappedIpv4(bracketed.slice(1, -1));
  return host === text ? { value: host } : problem(text, `must be written "${host}"`);
}

/** An IPv4-mapped IPv6 address reaches the IPv4 one, so that is its only spelling here. */
function mappedIpv4(host: string): string {
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (groups === null) return host;
  const bytes = groups.slice(1).map((group) => parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 255]);
  return bytes.join(".");
}

/** The host as the URL standard reads it, which is how clients and Node read it. */
function hostname(text: string): string | undefined {
  return URL.parse(`http://${text}/`)?.hostname;
}

function problem(text: string, what: string): Canonical {
  return { problem: `${JSON.stringify(text)} ${what}` };
}
