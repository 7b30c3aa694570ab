import type { Canonical } from "./schema_parts.ts";

/** Characters that may stand in a path as themselves (RFC 3986 pchar without ";" and "*"). */
const PLAIN = /^[A-Za-z0-9\-._~!$&'()+,=:@/%]*$/;
/** Escapes that servers decode before they split, or twice: "/", "\", ";", "%" and controls. */
const AMBIGUOUS_ESCAPE = /%(?:2f|5c|3b|25|[01][0-9a-f]|7f)/i;

/**
 * Decides whether a route's path prefix is canonical. The proxy matches it against canonical
 * request paths, so a prefix that no canonical path can have would silently grant nothing, and an
 * ambiguous one could grant more than it says.
 */
export function canonicalPathPrefix(text: string): Canonical {
  const refuse = (what: string) => ({ problem: `${JSON.stringify(text)} ${what}` });
  if (!text.startsWith("/")) return refuse('must start with "/"');
  if (text.includes("*")) return refuse('must not contain "*": every path is a prefix');
  if (/[?#]/.test(text)) return refuse("must not contain a query or a fragment");
  if (text.includes("\\")) return refuse("must not contain a backslash");
  if (text.includes(";")) return refuse('must not contain ";"');
  if (text.includes("//")) return refuse('must not contain "//"');
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return refuse('contains a stray "%"');
  if (AMBIGUOUS_ESCAPE.test(text)) {
    return refuse("contains an escape that servers read differently");
  }
  if (!PLAIN.test(text)) return refuse(`must be written "${encodeURI(text.toWellFormed())}"`);

  const canonical = text.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const char = String.fromCharCode(parseInt(escape.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(char) ? char : escape.toUpperCase();
  });
  if (canonical.split("/").some((segment) => segment === "." || segment === "..")) {
    return refuse('must not contain "." or ".." segments');
  }
  return canonical === text ? { value: text } : refuse(`must be written "${canonical}"`);
}
