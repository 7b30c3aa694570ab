import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { DenialReason } from "../policy.ts";
import { denialBody, denialStatus, rawDenial } from "./denial.ts";

const STATUS: Record<DenialReason, number> = {
  host_not_granted: 403,
  port_not_granted: 403,
  method_not_granted: 403,
  path_not_granted: 403,
  path_ambiguous: 403,
  plaintext_not_allowed: 403,
  upgrade_not_allowed: 403,
  address_forbidden: 403,
  host_invalid: 400,
  host_mismatch: 400,
  malformed: 400,
  resolve_failed: 502,
  upstream_failed: 502,
  upstream_tls: 502,
  encoding_unknown: 502,
  not_ready: 503,
};

Deno.test("denialBody() explains every reason and says what to do next", () => {
  for (
    const [reason, status] of Object.entries(STATUS) as [DenialReason, number][]
  ) {
    const denial = {
      reason,
      host: "a.example",
      method: "GET",
      path: "/x",
      rule: null,
    };
    const body = JSON.parse(denialBody({ ...denial, requestId: "r-1" }));
    const { next, ...rest } = body;
    deepStrictEqual(rest, {
      error: "egress_denied",
      reason,
      host: "a.example",
      method: "GET",
      path: "/x",
      rule: null,
      request_id: "r-1",
    });
    strictEqual(
      next.length > 0 && next.every((text: string) => text.length > 10),
      true,
      reason,
    );
    strictEqual(denialStatus(reason), status, reason);
  }
});

Deno.test("rawDenial() cannot be split by what the agent wrote", () => {
  const host = 'x\r\nset-cookie: a=b\r\n\r\n"';
  const raw = rawDenial({
    reason: "host_invalid",
    host,
    method: "CONNECT",
    path: "",
    rule: null,
    requestId: "r",
  });
  const [head, body] = raw.split("\r\n\r\n") as [string, string];
  match(head, /^HTTP\/1\.1 400 Denied\r\n/);
  strictEqual(/set-cookie/i.test(head), false);
  strictEqual(JSON.parse(body).host, host);
  strictEqual(
    head.includes(`content-length: ${Buffer.byteLength(body)}`),
    true,
  );
});
