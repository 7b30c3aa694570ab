import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { BACKENDS } from "../backend/mod.ts";
import { planBottle } from "../bottle/plan.ts";
import { ID, requestOf } from "../bottle/testing/fixtures.ts";
import { fakeEngine } from "../engine/testing/fake_engine.ts";
import { age, table } from "./list.ts";
import { preflight, size } from "./preflight.ts";

async function plan(yaml: string, workspace?: string) {
  const backend = BACKENDS.docker(fakeEngine().engine, { cacheDir: "/cache" });
  const request = await requestOf(yaml, workspace === undefined ? {} : { workspace });
  return planBottle(backend, { id: ID, owner: "me", image: "", request });
}

Deno.test("preflight() says none where nothing is granted", async () => {
  deepStrictEqual(preflight(await plan("{}"), undefined), [
    `agent    reviewer in bottle web on ${ID}`,
    "network  none",
    "secrets  none (used by the sidecars, not in the bottle)",
    "env      none",
    "skills   none",
  ]);
});

Deno.test("preflight() names values' origins and never values, one route a line", async () => {
  const lines = preflight(
    await plan(`
env: { MODE: visible, URL: "\${HOST_URL}", KEY: "?Secret question" }
egress: { routes: [{ host: a.com }, { host: b.com, auth: { scheme: bearer, token_ref: T } }] }`),
    undefined,
  );
  deepStrictEqual(lines.slice(1, 5), [
    "network  a.com:443",
    "         b.com:443 with T (bearer)",
    "secrets  T (used by the sidecars, not in the bottle)",
    "env      MODE, URL (host), KEY (prompt)",
  ]);
  strictEqual(lines.join("\n").includes("visible"), false);
});

Deno.test("preflight() makes the names of a repository's files safe to print", async () => {
  const lines = preflight(await plan("{}", "/work"), {
    entries: [],
    totals: { files: 2, bytes: 2048 },
    skipped: [{ path: "pipe\nskills   all", reason: "a fifo" }],
    suspects: [{ path: "id_rsa\x1b[2J", reason: "a private key" }],
  });
  deepStrictEqual(lines.slice(-3), [
    "copy     /work: 2 files, 2.0 KiB",
    "         looks like a credential: id_rsa\\u001b[2J (a private key)",
    "         left out: pipe\\u000askills   all (a fifo)",
  ]);
});

Deno.test("size(), age() and table() are for people", () => {
  deepStrictEqual([0, 1023, 1024, 1536, 2 ** 30, 2 ** 50].map(size), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "1.0 GiB",
    "1024.0 TiB",
  ]);
  deepStrictEqual([-5, 59_999, 60_000, 3_600_000, 86_400_000].map(age), [
    "0s",
    "59s",
    "1m",
    "1h",
    "1d",
  ]);
  strictEqual(table([["ID", "B"], ["long", ""]]), "ID    B\nlong");
});
