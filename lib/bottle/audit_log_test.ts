import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { fakeEngine } from "../engine/testing/fake_engine.ts";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import { auditLines, drainAudit } from "./audit_log.ts";
import { ID } from "./testing/fixtures.ts";

const LINE = '{"time":"2026-01-01T00:00:00Z","decision":"deny"}';
const RECORD = { bottle: ID, time: "2026-01-01T00:00:00Z", decision: "deny" };

Deno.test("auditLines() takes decisions, and neither answers nor half a line", () => {
  const text = ['{"ok":true}', LINE, "noise", LINE, '{"time":"2026', ""].join("\n");
  const lines = auditLines(text, ID);
  deepStrictEqual(lines.slice(0, 2), [RECORD, RECORD]);
  // Half a line is said, not passed over.
  deepStrictEqual(lines.slice(2).map(({ message }) => message), [
    "13 bytes of the log cannot be read",
  ]);
});

Deno.test("drainAudit() appends to a log that only the user can read", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/audit/${ID}.jsonl`;
  const { engine, lines } = fakeEngine(() => ({ stdout: `${LINE}\n` }));
  await drainAudit(engine, ID, path);
  await drainAudit(engine, ID, path);
  const bundle = `claude-bottle-${ID}-bundle`;
  deepStrictEqual(lines().slice(0, 2), [`stop --time=3 ${bundle}`, `logs ${bundle}`]);
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

Deno.test("drainAudit() says how many decisions are missing", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/x.jsonl`;
  const line = (run: string, seq: number) =>
    `{"time":"2026-01-01T00:00:00Z","run":"${run}","seq":${seq}}\n`;
  const drained = async (stdout: string) => {
    await drainAudit(fakeEngine(() => ({ stdout })).engine, ID, path);
    const text = await Deno.readTextFile(path);
    await Deno.remove(path);
    return JSON.parse(text.trim().split("\n").at(-1)!).message;
  };
  strictEqual(await drained(line("a", 1) + line("a", 2) + line("b", 1)), undefined);
  match(await drained(line("a", 3) + line("a", 4)), /^2 decisions before the end are missing$/);
  match(await drained(line("a", 1) + line("a", 3) + line("b", 2)), /^2 decisions/);
});
