import { ok, strictEqual } from "node:assert/strict";
import { agentImage, customImage, sidecarsImage } from "./inputs.ts";

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
