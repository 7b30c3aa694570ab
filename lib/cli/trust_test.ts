import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { LoadedAgent } from "../manifest/load.ts";
import { UserError } from "../system/errors.ts";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import { requireTrust } from "./trust.ts";

const signal = new AbortController().signal;
const agent = (sha256: string, origin: "home" | "repository" = "repository"): LoadedAgent => ({
  name: "fix",
  manifest: { bottle: "web", skills: [] },
  prompt: "",
  origin,
  path: "/repo/.claude-bottle/agents/fix.md",
  sha256,
  warnings: [],
});
const refused = (error: unknown) => {
  ok(error instanceof UserError);
  strictEqual(error.exitCode, 77);
  deepStrictEqual(error.hints, [
    "read it: /repo/.claude-bottle/agents/fix.md",
    "claude-bottle start fix --trust-repo-agent",
  ]);
  return true;
};

Deno.test("requireTrust() lets the user's own agent through, and writes nothing", async () => {
  await using dir = await tempDir();
  const stateDir = `${dir.path}/state`;
  await requireTrust(agent("a", "home"), { stateDir, given: false, tty: false, signal });
  await rejects(Deno.stat(stateDir), Deno.errors.NotFound);
});

Deno.test("requireTrust() refuses a repository's agent where nobody can be asked", async () => {
  await using dir = await tempDir();
  const options = { stateDir: dir.path, given: false, tty: false, signal };
  await rejects(requireTrust(agent("a"), options), refused);
});

Deno.test("requireTrust() remembers by content: other content is asked about again", async () => {
  await using dir = await tempDir();
  const stateDir = `${dir.path}/state`;
  const ask = (sha256: string, given = false) =>
    requireTrust(agent(sha256), { stateDir, given, tty: false, signal });
  await ask("a", true);
  await ask("a");
  await rejects(ask("b"), refused);
  await ask("b", true);
  await ask("a"); // one yes does not take another back
  strictEqual((await Deno.stat(`${stateDir}/trusted-agents.json`)).mode! & 0o777, 0o600);
});

Deno.test("requireTrust() takes an unreadable memory for none", async () => {
  await using dir = await tempDir();
  for (const text of ["", "{", '{"a":true}', '["b"]', "[1]"]) {
    await Deno.writeTextFile(`${dir.path}/trusted-agents.json`, text);
    const options = { stateDir: dir.path, given: false, tty: false, signal };
    await rejects(requireTrust(agent("a"), options), refused);
  }
});
