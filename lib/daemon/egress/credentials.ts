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

/** Query parameters that carry credentials. */
const CREDENTIAL_PARAMETERS = new Set(["key", "api_key", "access_token"]);

/** Whether a header (lower-case) is the agent's own credential on a route with this auth. */
export function isCredentialHeader(
  name: string,
  auth: RouteAuth | undefined,
): boolean {
  return CREDENTIAL_HEADERS.has(name) ||
    (auth?.scheme === "header" && name === auth.header);
}

/** Removes credential parameters from a query (with its `?`), leaving every other byte alone. */
export function stripQuery(query: string): string {
  if (query.length < 2) return query;
  const kept = query.slice(1).split("&").filter((pair) => {
    const name = pair.split("=", 1)[0]!;
    return !CREDENTIAL_PARAMETERS.has(decodeName(name).toLowerCase());
  });
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

/** A parameter's name as a lenient server would read it. */
function decodeName(name: string): string {
  let decoded = name.replaceAll("+", " ");
  try {
    decoded = decodeURIComponent(decoded);
  } catch {
    // Not decodable: compared as it stands.
  }
  return decoded.trim();
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
  const raw = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const spellings = new Set([
    secret,
    json,
    json.replaceAll("/", "\\/"),
    encodeURIComponent(secret),
    raw.toString("hex"),
    raw.toString("hex").toUpperCase(),
    ...base64Spellings(raw),
  ]);
  return [...spellings].filter((text) => text.length > 0).map((text) => Buffer.from(text));
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
