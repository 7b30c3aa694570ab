import { deepStrictEqual } from "node:assert/strict";
import { bottleOf } from "../bottle/testing/fixtures.ts";
import { bundlePolicy } from "./policy.ts";

Deno.test("bundlePolicy() names every part of a route, and a credential only by name", async () => {
  const bottle = await bottleOf(`
env: { SECRET: "\${SECRET}" }
egress:
  routes:
    - host: API.Example.com
      methods: [GET]
      paths: ["/v1/"]
      auth: { scheme: header, header: X-Api-Key, token_ref: KEY }
    - { host: "*.example.org", port: 8443 }
    - { host: b.org, auth: { scheme: basic, token_ref: LOGIN } }
  extra_hosts: { internal.example: 10.0.0.5 }`);
  deepStrictEqual(bundlePolicy(bottle), {
    routes: [
      {
        host: "api.example.com",
        port: 443,
        methods: ["GET"],
        paths: ["/v1/"],
        auth: { scheme: "header", secret: "KEY", header: "x-api-key" },
      },
      { host: "*.example.org", port: 8443, methods: [], paths: [] },
      {
        host: "b.org",
        port: 443,
        methods: [],
        paths: [],
        auth: { scheme: "basic", secret: "LOGIN" },
      },
    ],
    extraHosts: { "internal.example": "10.0.0.5" },
  });
});

Deno.test("bundlePolicy() of a bottle without egress grants nothing", async () => {
  deepStrictEqual(bundlePolicy(await bottleOf("{}")), { routes: [], extraHosts: {} });
});
