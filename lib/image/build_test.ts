import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { fakeEngine } from "../engine/testing/fake_engine.ts";
import { findImages } from "./build.ts";
import { agentImage, customImage, sidecarsImage } from "./inputs.ts";

const signal = new AbortController().signal;

Deno.test("findImages() finds what is there when one is missing, in one call", async () => {
  const { engine, lines } = fakeEngine(() => ({
    code: 1,
    stdout: 'sha256:1 ["a:1","other:2"]\nsha256:2 ["b:1"]\nsha256:3 null\n',
    stderr: "Error: No such image: c:1",
  }));
  const found = await findImages(engine, ["a:1", "b:1", "c:1"], signal);
  deepStrictEqual([found.get("a:1"), found.get("b:1"), found.get("c:1")], [
    "sha256:1",
    "sha256:2",
    undefined,
  ]);
  strictEqual(lines().length, 1);
});

Deno.test("findImages() does not take an engine that is down for images that are missing", async () => {
  const { engine } = fakeEngine(() => ({ code: 1, stderr: "Cannot connect to the Docker daemon" }));
  await rejects(findImages(engine, ["a:1"], signal), /Cannot reach the docker engine/);
});

Deno.test("an image's tag changes with each of its inputs, and only with them", () => {
  const base = { extraCa: "" };
  const tags = [
    agentImage(base),
    agentImage({ extraCa: "PEM" }),
    agentImage({ extraCa: "", nodeImage: "mirror/node:1" }),
    sidecarsImage(base),
    sidecarsImage({ extraCa: "", nodeImage: "mirror/node:1" }),
    customImage(agentImage(base), { Dockerfile: "FROM claude-bottle" }),
    customImage(agentImage(base), { Dockerfile: "FROM claude-bottle\n" }),
    customImage(agentImage({ extraCa: "PEM" }), { Dockerfile: "FROM claude-bottle" }),
  ].map(({ reference }) => reference);
  strictEqual(new Set(tags).size, tags.length);
  strictEqual(agentImage(base).reference, agentImage(base).reference);
  ok(tags.every((tag) => /^claude-bottle(-sidecars|-custom)?:[0-9a-f]{16}$/.test(tag)));
});
