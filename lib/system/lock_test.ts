import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import { withFileLock } from "./lock.ts";

Deno.test("withFileLock() lets one in at a time and makes the folder", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/deep/er/lock`;
  let inside = 0;
  const most: number[] = [];
  await Promise.all(Array.from({ length: 10 }, () =>
    withFileLock(path, async () => {
      most.push(++inside);
      await Promise.resolve().then(() => Promise.resolve());
      inside--;
    })));
  deepStrictEqual(most, Array(10).fill(1));
});

Deno.test("withFileLock() lets go when the work fails, and passes its failure on", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/lock`;
  await rejects(withFileLock(path, () => Promise.reject(new Error("no"))), /^Error: no$/);
  strictEqual(await withFileLock(path, () => Promise.resolve("next")), "next");
});

Deno.test("withFileLock() that waits gives up when it is told to", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/lock`;
  const abort = new AbortController();
  await withFileLock(path, async () => {
    const waiting = withFileLock(path, () => Promise.resolve("held by two"), abort.signal);
    setTimeout(() => abort.abort(new Error("asked")), 20);
    await rejects(waiting, /asked/);
  });
  strictEqual(await withFileLock(path, () => Promise.resolve("free")), "free");
});
