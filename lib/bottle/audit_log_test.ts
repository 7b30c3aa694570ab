import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { fakeEngine } from "../engine/testing/fake_engine.ts";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import { auditLines, drainAudit } from "./audit_log.ts";
import { ID } from "./testing/fixtures.ts";

const LINE = '{"time":"2026-01-01T00:00:00Z","decision":"deny"}';
const RECORD = { bottle: ID, time: "2026-01-01T00:00:00Z", decision: "deny" };

Deno.test("auditLines() takes decisions, and neither answers nor half a line", () => {
  const text = ['{"ok":true}', LINE, "noise", LINE, '{"time":"2026', ""].join("\n");
  deepStrictEqual(auditLines(text, ID), [RECORD, RECORD]);
});

Deno.test("drainAudit() appends to a log that only the user can read", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/audit/${ID}.jsonl`;
  const { engine, lines } = fakeEngine(() => ({ stdout: `${LINE}\n` }));
  await drainAudit(engine, ID, path);
  await drainAudit(engine, ID, path);
  deepStrictEqual(lines(), Array(2).fill(`logs claude-bottle-${ID}-bundle`));
  const text = await Deno.readTextFile(path);
  deepStrictEqual(text.trim().split("\n").map((line) => JSON.parse(line)), [RECORD, RECORD]);
  strictEqual((await Deno.stat(path)).mode! & 0o777, 0o600);
  strictEqual((await Deno.stat(`${dir.path}/audit`)).mode! & 0o777, 0o700);
});

Deno.test("drainAudit() makes no file when nothing was decided, or there is no bundle", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/x.jsonl`;
  const gone = { code: 1, stderr: "Error response from daemon: No such container: x" };
  for (const answer of [{ stdout: '{"ok":true}\n' }, gone]) {
    await drainAudit(fakeEngine(() => answer).engine, ID, path);
    await rejects(Deno.stat(path), Deno.errors.NotFound);
  }
});

Deno.test("drainAudit() fails when the decisions cannot be had, and says why", async () => {
  const { engine } = fakeEngine(() => ({ code: 1, stderr: "driver does not support reading" }));
  await rejects(drainAudit(engine, ID, "/nowhere"), /driver does not support reading/);
});
