import { deepStrictEqual, notStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { changedPaths, digestTar, digestWhile } from "./digest.ts";
import { chunked, RawTar } from "./testing/raw_tar.ts";

const base = () =>
  new RawTar()
    .add({ name: "workspace/", flag: "5", mode: 0o755 })
    .add({ name: "workspace/a", body: "one" })
    .add({ name: "workspace/l", flag: "2", linkname: "a" });
const digest = (tar: RawTar) => digestTar(tar.stream(), { strip: 1 });

Deno.test("digestTar() counts content, mode, type and link target, not order or spelling", async () => {
  const before = await digest(base());
  deepStrictEqual([...before.keys()], ["a", "l"]);
  const same = new RawTar()
    .add({ name: "./workspace/l", flag: "2", linkname: "a", mode: 0o777 })
    .add({ name: "./workspace/a", body: "one" });
  deepStrictEqual(changedPaths(before, await digest(same)), []);

  const other = new RawTar()
    .add({ name: "workspace/a", body: "two" })
    .add({ name: "workspace/l", flag: "2", linkname: "b" })
    .add({ name: "workspace/new", body: "" });
  deepStrictEqual(changedPaths(before, await digest(other)), ["a", "l", "new"]);
  deepStrictEqual(changedPaths(before, new Map()), ["a", "l"]);
  const executable = await digest(new RawTar().add({ name: "w/a", body: "one", mode: 0o755 }));
  notStrictEqual(executable.get("a"), before.get("a"));
});

Deno.test("changedPaths() takes a refreshed index for no change", () => {
  const before = new Map([["a", "1"], [".git/index", "1"], ["sub/.git/index", "1"]]);
  deepStrictEqual(changedPaths(before, new Map([...before, [".git/index", "2"]])), []);
  deepStrictEqual(changedPaths(before, new Map([...before, ["sub/.git/index", "2"]])), []);
  deepStrictEqual(
    changedPaths(before, new Map([...before, [".git/index", "2"], ["a", "2"]])),
    [".git/index", "a"],
  );
});

Deno.test("digestWhile() passes every byte and digests it", async () => {
  const { tar, digest } = digestWhile(base().stream(), { strip: 1 });
  deepStrictEqual(await new Response(tar).bytes(), base().bytes());
  deepStrictEqual(await digest, await digestTar(base().stream(), { strip: 1 }));
});

Deno.test("digestWhile() lets a tar through that it cannot digest", async () => {
  const bytes = base().bytes().slice(0, 1200);
  const { tar, digest } = digestWhile(chunked(bytes));
  deepStrictEqual(await new Response(tar).bytes(), bytes);
  await rejects(digest, { kind: "io" });
  const junk = new Uint8Array(100_000).fill(65);
  const other = digestWhile(chunked(junk));
  deepStrictEqual(await new Response(other.tar).bytes(), junk);
  await rejects(other.digest, { kind: "io" });
});

Deno.test("digestWhile() passes a failure on, and ends when nobody reads", async () => {
  const failing = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error("gone"));
    },
  });
  const { tar, digest } = digestWhile(failing);
  await rejects(new Response(tar).bytes(), /gone/);
  await rejects(digest, /gone/);

  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(512).fill(1)),
    cancel: () => void (cancelled = true),
  });
  const stopped = digestWhile(endless);
  await stopped.tar.cancel(new Error("stop"));
  strictEqual(cancelled, true);
  await rejects(stopped.digest);
});

Deno.test("digestWhile() takes no more from its source than is read", async () => {
  let taken = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      taken++;
      controller.enqueue(base().bytes({ open: true }));
    },
  }, { highWaterMark: 0 });
  const { tar } = digestWhile(source);
  const reader = tar.getReader();
  await reader.read();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 0));
  strictEqual(taken, 2);
  await reader.cancel();
});
