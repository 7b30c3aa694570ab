import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { defaultResourcesSchema, parseMemory, resourcesSchema } from "./resources.ts";

Deno.test("parseMemory() reads sizes", () => {
  deepStrictEqual(["64k", "512m", "4g", "1.5g"].map(parseMemory), [
    65_536,
    536_870_912,
    4_294_967_296,
    1_610_612_736,
  ]);
  for (const text of ["", "4", "4G", "4gb", "-1g", " 4g", "4 g", "1e3m", "g", "0x4g"]) {
    strictEqual(parseMemory(text), undefined, text);
  }
});

Deno.test("resourcesSchema() keeps to what is written and to sane limits", () => {
  deepStrictEqual(resourcesSchema().parse({}), {});
  deepStrictEqual(resourcesSchema().parse({ cpus: 0.5, memory: "1g" }), {
    cpus: 0.5,
    memory: 2 ** 30,
  });
  for (
    const bad of [
      { cpus: 0 },
      { cpus: -1 },
      { cpus: NaN },
      { memory: "1m" },
      { memory: 1024 },
      {
        memory: "999999999g",
      },
      { pids: -1 },
      { pids: 0 },
      { pids: 99.5 },
      { disk: "1g" },
    ]
  ) strictEqual(resourcesSchema().safeParse(bad).success, false, JSON.stringify(bad));
});

Deno.test("defaultResourcesSchema() always limits memory and processes", () => {
  deepStrictEqual(defaultResourcesSchema().parse({ cpus: 1 }), {
    cpus: 1,
    memory: 2 ** 32,
    pids: 512,
  });
});
