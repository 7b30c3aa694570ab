import type { RouteAuth, Secrets } from "../policy.ts";

/** Header names that carry credentials: whatever the agent puts there never leaves. */
const CREDENTIAL_HEADERS = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "x-api-key",
  "x-goog-api-key",
  "private-token",
]);

/** Query parameters that carry credentials, folded. */
const CREDENTIAL_PARAMETERS = new Set(["key", "apikey", "accesstoken"]);

/** Whether a header (lower-case) is the agent's own credential on a route with this auth. */
export function isCredentialHeader(
  name: string,
  auth: RouteAuth | undefined,
): boolean {
  // CGI and its heirs read a dash and an underscore as the same (RFC 3875 §4.1.18).
  const folded = name.replaceAll("_", "-");
  return CREDENTIAL_HEADERS.has(folded) ||
    (auth?.scheme === "header" && folded === auth.header?.replaceAll("_", "-"));
}

/** Removes credential parameters from a query (with its `?`), leaving every other byte alone. */
export function stripQuery(query: string): string {
  if (query.length < 2) return query;
  // Some servers take ";" for a separator, too. Each pair keeps the separator before it.
  const kept = query.slice(1).split(/(?=[&;])/).filter((pair) => {
    const name = pair.replace(/^[&;]/, "").split("=", 1)[0]!;
    return !CREDENTIAL_PARAMETERS.has(foldName(name));
  }).join("").replace(/^[&;]/, "");
  return kept === "" ? "" : `?${kept}`;
}

/** Encoded how often a name is still looked through. */
const MOST_DECODINGS = 4;

/**
 * A parameter's name as the most lenient server would read it: decoded more than once, and
 * without what some of them turn into an underscore or take for an index.
 */
function foldName(name: string): string {
  let decoded = name.replaceAll("+", " ");
  for (let i = 0; i < MOST_DECODINGS; i++) {
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      break; // not decodable: compared as it stands
    }
  }
  return decoded.toLowerCase().replace(/\[.*$/s, "").replace(/[\s._-]/g, "");
}

/** What a route puts on a request: the header's lower-case name and its value. */
export function injection(
  auth: RouteAuth,
  secrets: Secrets,
): [string, string] | undefined {
  const value = Object.hasOwn(secrets, auth.secret) ? secrets[auth.secret] : undefined;
  if (value === undefined) return undefined;
  switch (auth.scheme) {
    case "bearer":
      return ["authorization", `Bearer ${value}`];
    case "basic":
      return [
        "authorization",
        `Basic ${Buffer.from(value).toString("base64")}`,
      ];
    case "header":
      return [auth.header!, value];
  }
}

/** The byte strings in which an injected secret could come back. */
export function echoes(secret: string): Buffer[] {
  // Of "user:password" a server that has decoded it shows the halves.
  const colon = secret.indexOf(":");
  const password = colon === -1 ? "" : secret.slice(colon + 1);
  return [...spellings(secret), ...password.length < SHORTEST ? [] : spellings(password)];
}

/** A shorter half of a secret would be found in what is none. */
const SHORTEST = 8;

function spellings(secret: string): Buffer[] {
  const raw = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const percent = encodeURIComponent(secret);
  // What encodeURIComponent leaves alone and forms do not (WHATWG URL, form serializer).
  const form = percent.replace(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const found = new Set([
    secret,
    json,
    json.replaceAll("/", "\\/"),
    ...[percent, form, form.replaceAll("%20", "+")].flatMap((text) => [text, lowerEscapes(text)]),
    raw.toString("hex"),
    raw.toString("hex").toUpperCase(),
    ...base64Spellings(raw),
  ]);
  return [...found].filter((text) => text.length > 0).map((text) => Buffer.from(text));
}

/** `%2F` as `%2f`: both are right, and both are written. */
function lowerEscapes(text: string): string {
  return text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}

/** The characters of a base64 text that depend on the secret alone, for each alignment. */
function base64Spellings(raw: Buffer): string[] {
  const found: string[] = [];
  for (const shift of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(shift), raw]).toString("base64")
      .replace(/=+$/, "");
    const head = shift === 0 ? 0 : shift + 1;
    const tail = (shift + raw.length) % 3 === 0 ? 0 : 1;
    const core = text.slice(head, text.length - tail);
    if (core.length >= 8) {
      found.push(core, core.replaceAll("+", "-").replaceAll("/", "_"));
    }
  }
  return found;
}
