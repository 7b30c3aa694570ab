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

Deno.test("a custom image is made from exactly the base that was decided on", () => {
  const base = agentImage({ extraCa: "" });
  const from = (Dockerfile: string) => customImage(base, { Dockerfile }).files["Dockerfile"];
  const tag = base.reference;
  const cases: [string, string][] = [
    ["FROM claude-bottle\nRUN x", `FROM ${tag}\nRUN x`],
    [
      "from claude-bottle:latest AS a\nFROM --platform=linux/amd64 claude-bottle",
      `from ${tag} AS a\nFROM --platform=linux/amd64 ${tag}`,
    ],
    ["FROM debian\n# FROM claude-bottle", "FROM debian\n# FROM claude-bottle"],
    ["FROM claude-bottle-custom", "FROM claude-bottle-custom"],
    ["FROM claude-bottle:1", "FROM claude-bottle:1"],
    ["RUN echo FROM claude-bottle", "RUN echo FROM claude-bottle"],
  ];
  for (const [written, built] of cases) strictEqual(from(written), built);
  strictEqual(
    customImage(base, { Dockerfile: new TextEncoder().encode("FROM claude-bottle") })
      .files["Dockerfile"],
    `FROM ${tag}`,
  );
});
