import { deepStrictEqual, doesNotThrow, strictEqual, throws } from "node:assert/strict";
import { UserError } from "../system/errors.ts";
import { resolveBottle } from "./extends.ts";
import { checkNeeds, manifestNeeds } from "./needs.ts";
import { parseBottle } from "./parse.ts";

async function needs() {
  const path = "/home/u/.claude-bottle/bottles/web.md";
  const { manifest } = parseBottle(
    `---
env: { A: "\${X}-\${Y}", B: "\${X}", C: "?Key", D: "?", E: plain }
egress:
  routes:
    - { host: a.com, auth: { scheme: bearer, token_ref: CLAUDE_BOTTLE_OAUTH_TOKEN } }
    - { host: b.com, auth: { scheme: bearer, token_ref: TOKEN } }
    - { host: c.com, auth: { scheme: bearer, token_ref: TOKEN } }
git:
  - { name: app, upstream: "git@h:x", identity_file: ~/.ssh/k }
  - { name: lib, upstream: "git@h:y", identity_file: ~/.ssh/k }
dockerfile: Dockerfile.web
---`,
    path,
  );
  const bottle = await resolveBottle("web", {
    home: "/home/u/.claude-bottle",
    read: (name) => Promise.resolve({ name, path, sha256: "", manifest }),
  });
  return manifestNeeds({ bottle: "web", skills: ["review", "lint"] }, bottle);
}

Deno.test("manifestNeeds() names everything once", async () => {
  deepStrictEqual(await needs(), {
    hostEnv: ["X", "Y"],
    prompts: [{ name: "C", question: "Key" }, { name: "D", question: "D" }],
    tokenRefs: ["CLAUDE_BOTTLE_OAUTH_TOKEN", "TOKEN"],
    identityFiles: ["/home/u/.ssh/k"],
    skills: ["lint", "review"],
    dockerfile: "/home/u/.claude-bottle/bottles/Dockerfile.web",
  });
});

Deno.test("checkNeeds() names everything that is missing in one error", async () => {
  const found = await needs();
  const nothing = { hasEnv: () => false, hasFile: () => false, hasSkill: () => false };
  throws(() => checkNeeds(found, nothing), (error) => {
    strictEqual(error instanceof UserError && error.exitCode, 65);
    strictEqual((error as UserError).message, "Cannot start: 8 things are missing on this machine");
    deepStrictEqual((error as UserError).hints, [
      "set X, which the bottle's env takes: export X=…",
      "set Y, which the bottle's env takes: export Y=…",
      "set CLAUDE_BOTTLE_OAUTH_TOKEN, a credential that egress injects: " +
      'export CLAUDE_BOTTLE_OAUTH_TOKEN=… (get one with "claude setup-token")',
      "set TOKEN, a credential that egress injects: export TOKEN=…",
      'create the skill "lint" in ~/.claude/skills/lint, or remove it',
      'create the skill "review" in ~/.claude/skills/review, or remove it',
      'create the identity file "/home/u/.ssh/k": ssh-keygen -t ed25519 -f "/home/u/.ssh/k"',
      'create the Dockerfile "/home/u/.claude-bottle/bottles/Dockerfile.web"',
    ]);
    return true;
  });
});

Deno.test("checkNeeds() is content when everything is there, and names just what is not", async () => {
  const found = await needs();
  const all = { hasEnv: () => true, hasFile: () => true, hasSkill: () => true };
  doesNotThrow(() => checkNeeds(found, all));
  const one = { ...all, hasEnv: (name: string) => name !== "Y" };
  throws(() => checkNeeds(found, one), /Cannot start: 1 thing is missing/);
});
