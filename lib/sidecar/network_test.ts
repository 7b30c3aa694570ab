import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { fakeEngine } from "../engine/testing/fake_engine.ts";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import { ensureSidecarNetwork } from "./network.ts";

const signal = new AbortController().signal;

Deno.test("ensureSidecarNetwork() makes one network for ten who ask at once", async () => {
  await using dir = await tempDir();
  const made: string[] = [];
  const { engine, calls } = fakeEngine(async (line) => {
    if (line.startsWith("network ls")) return { stdout: made.map((id) => `${id}\n`).join("") };
    // As docker does: another network of the same name for everybody who asks.
    const id = `net${made.length}`;
    await Promise.resolve();
    made.push(id);
    return { stdout: `${id}\n` };
  });
  const ids = await Promise.all(
    Array.from({ length: 10 }, () => ensureSidecarNetwork(engine, dir.path, signal)),
  );
  deepStrictEqual(ids, Array(10).fill("net0"));
  const creates = calls.filter(({ args }) => args[1] === "create");
  strictEqual(creates.length, 1);
  ok(creates[0]!.args.includes("--opt=com.docker.network.bridge.enable_icc=false"));
});

Deno.test("ensureSidecarNetwork() has all take the same when there are two", async () => {
  const { engine, calls } = fakeEngine(() => ({ stdout: "b\na\n" }));
  strictEqual(await ensureSidecarNetwork(engine, "/nowhere", signal), "a");
  strictEqual(calls.length, 1);
});

Deno.test("ensureSidecarNetwork() passes docker's failure on and lets the lock go", async () => {
  await using dir = await tempDir();
  const { engine } = fakeEngine((line) =>
    line.startsWith("network create") ? { code: 1, stderr: "no address pool left" } : undefined
  );
  for (let i = 0; i < 2; i++) {
    await rejects(ensureSidecarNetwork(engine, dir.path, signal), /network create/);
  }
});
