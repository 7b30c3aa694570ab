import { deepStrictEqual, rejects } from "node:assert/strict";
import { fakeEngine } from "../engine/testing/fake_engine.ts";
import { findImages } from "./find.ts";

const signal = new AbortController().signal;

Deno.test("findImages() reads docker's list", async () => {
  const { engine } = fakeEngine(() => ({
    stdout: "a:1 sha256:1\nother:2 sha256:1\nb:1 sha256:2\n",
  }));
  const found = await findImages(engine, signal);
  deepStrictEqual([found.get("a:1"), found.get("b:1"), found.get("c:1")], [
    "sha256:1",
    "sha256:2",
    undefined,
  ]);
});

Deno.test("findImages() does not take an engine that is down for images that are missing", async () => {
  const { engine } = fakeEngine(() => ({ code: 1, stderr: "Cannot connect to the Docker daemon" }));
  await rejects(findImages(engine, signal), /Cannot reach the docker engine/);
});
