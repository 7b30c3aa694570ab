import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { fakeEngine } from "../engine/testing/fake_engine.ts";
import { Interruption } from "../system/errors.ts";
import { createProgress } from "../system/progress.ts";
import { RawTar } from "../workspace/testing/raw_tar.ts";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import type { Ending } from "./agent_session.ts";
import { discard, finish } from "./finish.ts";
import { keptWork } from "./settle.ts";
import { StateStore } from "./state.ts";
import { fakeBackend, type FakeBottle } from "./testing/fake_backend.ts";
import { ID, metadataOf } from "./testing/fixtures.ts";

async function fixture(bottle: FakeBottle = {}, workspace = false) {
  const dir = await tempDir();
  const store = new StateStore(`${dir.path}/state`);
  const metadata = metadataOf({ workspace });
  await store.create(metadata);
  const events: string[] = [];
  let said = "";
  const { engine } = fakeEngine((line) => void events.push(line.split(" ")[0]!));
  const progress = createProgress({
    write: (text) => void (said += text),
    tty: false,
    color: false,
  });
  const context = { engine, store, progress, auditPath: () => `${dir.path}/audit.jsonl` };
  const session = fakeBackend(events, bottle).open(ID);
  return {
    store,
    events,
    said: () => said,
    finish: (ending: Ending) => finish(context, session, metadata, ending),
    discard: () => discard(context, session, metadata),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

const workspace = (text: string) =>
  new RawTar().add({ name: "workspace/", flag: "5", mode: 0o755 })
    .add({ name: "workspace/a", body: text }).bytes();

Deno.test("finish() of an agent that ended with 0 removes everything, and keeps the transcript", async () => {
  const transcript = new RawTar().add({ name: "projects/", flag: "5", mode: 0o755 })
    .add({ name: "projects/x.jsonl", body: "{}" }).bytes();
  await using f = await fixture({ files: { "/home/node/.claude/projects": transcript } });
  deepStrictEqual(await f.finish({ kind: "ended", code: 0 }), { code: 0, left: "nothing" });
  deepStrictEqual(f.events.slice(-2), ["rm", "remove bottle"]);
  ok(f.events.includes("logs"));
  // What is copied out no longer changes.
  deepStrictEqual([f.events.indexOf("stop bottle"), f.events.lastIndexOf("stop bottle")], [0, 0]);
  strictEqual(await Deno.readTextFile(f.store.file(ID, "transcript/x.jsonl")), "{}");
  strictEqual((await f.store.read(ID))?.phase, "removed");
});

const KEPT: [Ending, number, RegExp][] = [
  [{ kind: "ended", code: 3 }, 3, /the agent ended with code 3; kept: claude-bottle resume /],
  [{ kind: "interrupted", by: new Interruption("SIGINT") }, 130, /stopped by SIGINT; kept:/],
  [{ kind: "interrupted", by: new Interruption("SIGTERM") }, 143, /stopped by SIGTERM; kept:/],
  [{ kind: "lost" }, 137, /from outside, or ran out of memory; kept:/],
];
for (const [ending, code, words] of KEPT) {
  Deno.test(`finish() keeps the bottle and removes its sidecars: ${ending.kind} ${code}`, async () => {
    await using f = await fixture({ state: { status: "stopped", code } });
    deepStrictEqual(await f.finish(ending), { code, left: "stopped" });
    deepStrictEqual(f.events.slice(0, 4), ["stop bottle", "stop", "logs", "rm"]);
    strictEqual(f.events.includes("remove bottle"), false);
    strictEqual((await f.store.read(ID))?.phase, "stopped");
    match(f.said(), words);
  });
}

Deno.test("finish() touches nothing when detached, but notes it", async () => {
  await using f = await fixture();
  deepStrictEqual(await f.finish({ kind: "detached" }), { code: 0, left: "running" });
  deepStrictEqual(f.events, []);
  const { phase, detached } = (await f.store.read(ID))!;
  deepStrictEqual([phase, detached], ["running", true]);
  match(f.said(), new RegExp(`claude-bottle attach ${ID}`));
});

Deno.test("finish() of a bottle that somebody else removed leaves nothing", async () => {
  await using f = await fixture({ state: { status: "gone" } });
  deepStrictEqual(await f.finish({ kind: "lost" }), { code: 137, left: "nothing" });
  strictEqual(f.events.at(-1), "remove bottle");
  deepStrictEqual(await f.store.ids(), []);
  match(f.said(), /removed by somebody else/);
});

Deno.test("discard() keeps a changed workspace, and says how to get it", async () => {
  await using f = await fixture({ files: { "/workspace": workspace("new") } }, true);
  await Deno.writeTextFile(f.store.file(ID, "workspace.json"), "[]");
  await f.discard();
  ok(await keptWork(f.store, ID));
  match(f.said(), new RegExp(` of the workspace changed: claude-bottle get ${ID} DEST`));
  strictEqual(f.events.at(-1), "remove bottle");
});

Deno.test("discard() keeps the bottle when its work cannot be kept", async () => {
  const cut = workspace("new").subarray(0, 700);
  await using f = await fixture({ files: { "/workspace": cut } }, true);
  await rejects(f.discard(), /cut off/);
  strictEqual(f.events.includes("remove bottle"), false);
  strictEqual((await f.store.read(ID))?.phase, "running");
});

Deno.test("discard() keeps all that there is when it is not known what was copied in", async () => {
  await using f = await fixture({ files: { "/workspace": workspace("new") } }, true);
  await f.discard();
  ok(await keptWork(f.store, ID));
  strictEqual(f.events.at(-1), "remove bottle");
});

Deno.test("finish() leaves a bottle to the process that removes it, and what that kept", async () => {
  await using f = await fixture({ state: { status: "gone" } });
  const metadata = (await f.store.read(ID))!;
  const held = Promise.withResolvers<void>();
  const other = f.store.settle(ID, async () => {
    held.resolve();
    await new Promise((resolve) => setTimeout(resolve, 150));
    await Deno.writeTextFile(f.store.file(ID, "work.tar"), "kept");
    await f.store.write({ ...metadata, phase: "removed" });
  });
  await held.promise;
  deepStrictEqual(await f.finish({ kind: "lost" }), { code: 137, left: "nothing" });
  await other;
  // The same goes for one that would remove it, too.
  await f.discard();
  strictEqual(f.said().match(/was stopped by another claude-bottle/g)?.length, 2);
  deepStrictEqual(f.events, []);
  strictEqual(await Deno.readTextFile(f.store.file(ID, "work.tar")), "kept");
});

Deno.test("discard() goes on without a transcript, and says so", async () => {
  await using f = await fixture({
    files: { "/home/node/.claude/projects": new Uint8Array(700).fill(9) },
  });
  await f.discard();
  match(f.said(), /warning: No transcript saved: /);
  strictEqual(f.events.at(-1), "remove bottle");
});
