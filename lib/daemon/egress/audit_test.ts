import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { auditLines } from "../../bottle/audit_log.ts";
import { type AuditEntry, createAudit } from "./audit.ts";

const ENTRY: AuditEntry = { request_id: "r", kind: "request", decision: "allow", rule: null };

Deno.test("createAudit() gathers what is allowed, and a denial takes it along at once", () => {
  const out: string[] = [];
  const audit = createAudit((text) => void out.push(text));
  audit.write(ENTRY);
  audit.write(ENTRY);
  strictEqual(out.length, 0);
  audit.write({ ...ENTRY, decision: "deny", reason: "host_not_granted" });
  strictEqual(out.length, 1);
  match(out[0]!, /^\[\{"time":.*\}\]\n$/);
  deepStrictEqual(
    auditLines(out[0]!, "b").map(({ seq, decision, bottle }) => [seq, decision, bottle]),
    [
      [1, "allow", "b"],
      [2, "allow", "b"],
      [3, "deny", "b"],
    ],
  );
});

Deno.test("createAudit() emits what is allowed by itself, in lines that docker does not cut", async () => {
  const out: string[] = [];
  const done = Promise.withResolvers<void>();
  const audit = createAudit((text) => {
    out.push(text);
    if (auditLines(out.join(""), "b").length === 300) done.resolve();
  });
  for (let i = 0; i < 300; i++) audit.write({ ...ENTRY, path: `/${"x".repeat(200)}` });
  await done.promise;
  for (const line of out) strictEqual(line.length < 16_384, true);
  deepStrictEqual(
    auditLines(out.join(""), "b").map(({ seq }) => seq),
    Array.from({ length: 300 }, (_, i) => i + 1),
  );
});

Deno.test("createAudit() cuts the agent's words, whatever they are written in", () => {
  const out: string[] = [];
  const audit = createAudit((text) => void out.push(text));
  const deny = { ...ENTRY, decision: "deny" as const };
  for (const char of ["a", "\u00e9", "\ud83d\ude00", "\u0000", '"']) {
    audit.write({
      ...deny,
      path: `/${char.repeat(60_000)}`,
      host: char.repeat(9_000),
      message: char.repeat(9_000),
    });
  }
  strictEqual(out.length, 5);
  for (const line of out) {
    strictEqual(Buffer.byteLength(line) < 16_384, true);
    match(String(auditLines(line, "b")[0]!.path), /… \(\d+ characters\)$/);
  }
});

Deno.test("createAudit() counts a flood of denials, and still writes what is allowed", () => {
  const out: string[] = [];
  const audit = createAudit((text) => void out.push(text));
  for (let i = 0; i < 5_000; i++) audit.write({ ...ENTRY, decision: "deny" });
  audit.write({ ...ENTRY, path: "/allowed" });
  audit.flush();
  const lines = auditLines(out.join(""), "b");
  strictEqual(lines.length < 1_200, true);
  strictEqual(lines.at(-1)!.path, "/allowed");
  match(
    String(lines.at(-2)!.message),
    /^(39\d\d|4000) more denials were not written down one by one$/,
  );
  deepStrictEqual(lines.map(({ seq }) => seq), lines.map((_, i) => i + 1));
});
