import { deepStrictEqual, match } from "node:assert/strict";
import { z } from "zod";
import { egressSchema } from "./egress_schema.ts";

function parseRoute(route: unknown) {
  return egressSchema().safeParse({ routes: [route] });
}

function problems(route: unknown): string {
  return (parseRoute(route).error?.issues ?? [])
    .map((issue) => `${z.core.toDotPath(issue.path)}: ${issue.message}`).join("\n");
}

Deno.test("egressSchema() defaults the port and nothing that must be known as not written", () => {
  deepStrictEqual(egressSchema().parse({}), {});
  deepStrictEqual(egressSchema().parse({ routes: [{ host: "A.com" }] }), {
    routes: [{ host: "a.com", port: 443 }],
  });
});

Deno.test("egressSchema() refuses bad hosts, ports, methods and paths with the key's path", () => {
  for (
    const [route, message] of [
      [{}, /^routes\[0\]\.host: /],
      [{ host: "a.com." }, /^routes\[0\]\.host: .*dot/],
      [{ host: "127.1" }, /must be written "127\.0\.0\.1"/],
      [{ host: "a.com", port: 0 }, /^routes\[0\]\.port: /],
      [{ host: "a.com", port: 65536 }, /^routes\[0\]\.port: /],
      [{ host: "a.com", port: "443" }, /^routes\[0\]\.port: /],
      [{ host: "a.com", port: 1.5 }, /^routes\[0\]\.port: /],
      [{ host: "a.com", methods: ["get"] }, /must be written "GET"/],
      [{ host: "a.com", methods: ["CONNECT"] }, /cannot be granted/],
      [{ host: "a.com", methods: ["trace"] }, /cannot be granted/],
      [{ host: "a.com", methods: ["GET\r\nX"] }, /is not an HTTP method/],
      [{ host: "a.com", methods: [] }, /must not be empty/],
      [{ host: "a.com", methods: ["GET", "GET"] }, /listed twice/],
      [{ host: "a.com", paths: [] }, /must not be empty/],
      [{ host: "a.com", paths: ["/a/../b"] }, /^routes\[0\]\.paths\[0\]: /],
      [{ host: "a.com", scan: "on" }, /^routes\[0\]\.scan: /],
      [{ host: "a.com", scan: "off", on_match: "ask" }, /no use with "scan: off"/],
      [{ host: "a.com", role: "admin" }, /^routes\[0\]\.role: /],
      [{ host: "a.com", allow_env: ["A-B"] }, /must be a key of env/],
      [{ host: "a.com", hosts: 1 }, /unknown key "hosts", did you mean "host"/],
    ] as const
  ) match(problems(route), message);
});

Deno.test("egressSchema() accepts each scheme of auth and canonicalises the header", () => {
  for (const scheme of ["bearer", "basic"]) {
    deepStrictEqual(problems({ host: "a.com", auth: { scheme, token_ref: "T" } }), "");
  }
  const auth = { scheme: "header", header: "X-Api-Key", token_ref: "T" };
  deepStrictEqual(parseRoute({ host: "a.com", auth }).data?.routes?.[0]?.auth, {
    ...auth,
    header: "x-api-key",
  });
});

Deno.test("egressSchema() refuses auth that would leak or smuggle", () => {
  for (
    const [auth, message] of [
      [{ scheme: "header", token_ref: "T" }, /auth\.header: is missing/],
      [{ scheme: "bearer", header: "x", token_ref: "T" }, /auth\.header: has no use/],
      [{ scheme: "header", header: "Host", token_ref: "T" }, /steers the connection/],
      [{ scheme: "header", header: "content-length", token_ref: "T" }, /steers the connection/],
      [{ scheme: "header", header: "Transfer-Encoding", token_ref: "T" }, /steers/],
      [{ scheme: "header", header: "Proxy-Authorization", token_ref: "T" }, /steers/],
      [{ scheme: "header", header: "x y", token_ref: "T" }, /is not a header name/],
      [{ scheme: "header", header: "x:\r\ny", token_ref: "T" }, /is not a header name/],
      [{ scheme: "bearer", token_ref: "$T" }, /auth\.token_ref: must be the name/],
      [{ scheme: "bearer", token: "secret" }, /unknown key "token"/],
      [{ scheme: "digest", token_ref: "T" }, /auth\.scheme: /],
    ] as const
  ) match(problems({ host: "a.com", auth }), message);
  const auth = { scheme: "bearer", token_ref: "T" };
  match(
    problems({ host: "a.com", port: 80, auth }),
    /auth: would send the credential in the clear/,
  );
});
