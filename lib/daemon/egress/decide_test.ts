import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Route } from "../policy.ts";
import { parseTarget } from "./canonical.ts";
import { decide, hostMatches, type Question } from "./decide.ts";

function route(host: string, more: Partial<Route> = {}): Route {
  return { host, port: 443, methods: [], paths: [], ...more };
}

function ask(
  routes: Route[],
  path = "/",
  more: Partial<Omit<Question, "target">> = {},
) {
  const target = parseTarget(path)!;
  const base = {
    host: "api.example.com",
    port: 443,
    method: "GET",
    secure: true,
  };
  const verdict = decide({ routes, extraHosts: {} }, {
    ...base,
    ...more,
    target,
  });
  return verdict.allowed ? "allowed" : verdict.reason;
}

const auth = { scheme: "bearer", secret: "T" } as const;

Deno.test("decide() denies everything when there is no route", () => {
  strictEqual(ask([]), "host_not_granted");
});

Deno.test("decide() takes the first route that matches in full", () => {
  const first = route("api.example.com", { paths: ["/a"], auth });
  const second = route("api.example.com");
  const question = {
    host: "api.example.com",
    port: 443,
    method: "GET",
    secure: true,
  };
  const judge = (path: string) =>
    decide({ routes: [first, second], extraHosts: {} }, {
      ...question,
      target: parseTarget(path)!,
    });
  deepStrictEqual(judge("/a/b"), { allowed: true, route: first });
  deepStrictEqual(judge("/b"), { allowed: true, route: second });
});

Deno.test("decide() says how far the closest route got", () => {
  const closest = route("api.example.com", {
    methods: ["GET"],
    paths: ["/v1"],
  });
  const routes = [
    route("other.example"),
    closest,
    route("api.example.com", { port: 8443 }),
  ];
  strictEqual(ask(routes, "/v2"), "path_not_granted");
  strictEqual(ask(routes, "/v1", { method: "POST" }), "method_not_granted");
  strictEqual(ask(routes, "/v1", { port: 444 }), "port_not_granted");
  strictEqual(
    ask(routes, "/v1", { host: "api.example.org" }),
    "host_not_granted",
  );
  strictEqual(ask(routes, "/v1/../x"), "path_ambiguous");
  strictEqual(ask(routes, "/v1"), "allowed");
});

Deno.test("hostMatches() takes an exact rule exactly", () => {
  strictEqual(hostMatches("example.com", "example.com"), true);
  for (
    const host of [
      "www.example.com",
      "example.com.evil.test",
      "notexample.com",
      "example.co",
    ]
  ) {
    strictEqual(hostMatches("example.com", host), false, host);
  }
});

Deno.test("hostMatches() takes `*.x` as one or more labels, and not x itself", () => {
  strictEqual(hostMatches("*.example.com", "a.example.com"), true);
  strictEqual(hostMatches("*.example.com", "a.b.example.com"), true);
  for (
    const host of [
      "example.com",
      ".example.com",
      "aexample.com",
      "a.example.com.evil.test",
    ]
  ) {
    strictEqual(hostMatches("*.example.com", host), false, host);
  }
});

Deno.test("decide() never allows TRACE or CONNECT, and other methods only when granted", () => {
  const open = [route("api.example.com")];
  for (const method of ["TRACE", "CONNECT"]) {
    strictEqual(ask(open, "/", { method }), "method_not_granted");
    const named = [route("api.example.com", { methods: [method] })];
    strictEqual(ask(named, "/", { method }), "method_not_granted");
  }
  for (const method of ["GET", "POST", "DELETE", "PROPFIND"]) {
    strictEqual(ask(open, "/", { method }), "allowed");
  }
  const get = [route("api.example.com", { methods: ["GET"] })];
  strictEqual(ask(get, "/", { method: "HEAD" }), "method_not_granted");
  strictEqual(ask(get, "/", { method: "get" }), "method_not_granted");
});

Deno.test("decide() compares paths by segments", () => {
  const cases: [string, string, string][] = [
    ["/api", "/api", "allowed"],
    ["/api", "/api/", "allowed"],
    ["/api", "/api/x?y", "allowed"],
    ["/api", "/apiv2", "path_not_granted"],
    ["/api", "/API", "path_not_granted"],
    ["/api", "/ap", "path_not_granted"],
    ["/api", "/x/api", "path_not_granted"],
    ["/v1/", "/v1/", "allowed"],
    ["/v1/", "/v1/x", "allowed"],
    ["/v1/", "/v1", "path_not_granted"],
    ["/", "/", "allowed"],
    ["/", "/anything", "allowed"],
    ["/api", "/api%2fx", "path_ambiguous"],
    ["/api", "/x/%2e%2e/api", "path_ambiguous"],
  ];
  for (const [prefix, path, expected] of cases) {
    strictEqual(
      ask([route("api.example.com", { paths: [prefix] })], path),
      expected,
      prefix + path,
    );
  }
  strictEqual(ask([route("api.example.com")], "/x/../y"), "allowed"); // no rule depends on it
});

Deno.test("decide() lets nothing out in the clear on 443, and no credential at all", () => {
  const plain = { port: 80, secure: false };
  strictEqual(
    ask([route("api.example.com", { port: 80 })], "/", plain),
    "allowed",
  );
  strictEqual(
    ask([route("api.example.com")], "/", { secure: false }),
    "plaintext_not_allowed",
  );
  const injected = [route("api.example.com", { port: 80, auth })];
  strictEqual(ask(injected, "/", plain), "plaintext_not_allowed");
  strictEqual(ask(injected, "/", { port: 80, secure: true }), "allowed");
});
