import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { UserError } from "../system/errors.ts";
import { parseAgent, parseBottle } from "./parse.ts";

const testdata = new URL("../../tests/testdata/manifest/", import.meta.url);

function hints(parse: () => unknown): string[] {
  try {
    parse();
  } catch (error) {
    strictEqual(error instanceof UserError && error.kind, "manifest");
    strictEqual((error as UserError).message, 'Cannot use manifest "x.md"');
    return (error as UserError).hints;
  }
  throw new Error("accepted");
}

Deno.test("parseBottle() reads every key of the design", async () => {
  const text = await Deno.readTextFile(new URL("web.md", testdata));
  const { manifest, body } = parseBottle(text, "web.md");
  deepStrictEqual(manifest, {
    extends: "base",
    env: {
      NODE_ENV: { kind: "literal", value: "test" },
      DATABASE_URL: { kind: "host", template: "${DATABASE_URL}", names: ["DATABASE_URL"] },
      API_KEY: { kind: "prompt", question: "Key for staging" },
    },
    git: [{
      name: "app",
      upstream: "ssh://git@host.example:22/team/app.git",
      identity_file: "~/.ssh/app_deploy",
      known_host_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBhCdjDmn2vFm2Rj8C0v",
      extra_hosts: { "host.example": "100.64.0.7" },
      refs: ["refs/heads/agent/*"],
    }],
    egress: {
      routes: [{
        host: "api.anthropic.com",
        port: 443,
        methods: ["GET", "POST"],
        paths: ["/v1/"],
        auth: { scheme: "bearer", token_ref: "CLAUDE_BOTTLE_OAUTH_TOKEN" },
        scan: "secrets",
        on_match: "block",
        role: "model",
        allow_env: ["API_KEY"],
      }],
      extra_hosts: { "internal.example": "10.0.0.5" },
      pipelock: true,
      on_canary: "block",
    },
    git_user: { name: "agent", email: "agent@example.com" },
    supervise: true,
    runtime: "runsc",
    resources: { cpus: 2, memory: 2 ** 32, pids: 512 },
    dockerfile: "./Dockerfile.web",
  });
  strictEqual(body, "# web\n\nDocumentation: *stars* & ampersands are only text here.");
});

Deno.test("parseAgent() reads every key of the design, the body being the prompt", async () => {
  const text = await Deno.readTextFile(new URL("reviewer.md", testdata));
  deepStrictEqual(parseAgent(text, "reviewer.md"), {
    manifest: {
      bottle: "web",
      skills: ["review"],
      name: "Reviewer",
      description: "Reads & comments; never *pushes*.",
      model: "claude-sonnet-4-5",
      color: "blue",
      memory: "project",
    },
    body: "You review code.",
  });
});

Deno.test("parseBottle() gives one hint per problem, with the key's path", () => {
  const text = `---
egrss: {}
volums: []
runtime: kata
env: { A: 1 }
egress: { routes: [{ hsot: a.com }], pipelok: true }
extends: ../base
resources: { cpu: 2 }
---`;
  deepStrictEqual(hints(() => parseBottle(text, "x.md")).sort(), [
    "egress.routes[0].host: is missing",
    'egress.routes[0]: unknown key "hsot", did you mean "host"',
    'egress: unknown key "pipelok", did you mean "pipelock"',
    "env.A: must be a string: put the value in quotes",
    "extends: must match [a-z][a-z0-9-]* and have at most 40 characters",
    'resources: unknown key "cpu", did you mean "cpus"',
    'runtime: expected "runsc"',
    'unknown key "egrss", did you mean "egress"',
    'unknown key "volums"',
  ]);
});

Deno.test("parseAgent() refuses names and values that could become paths or options", () => {
  const text = `---
botle: web
bottle: "web\\n"
skills: [../../.ssh, ok, ok]
model: --dangerously
color: "red;"
egress: {}
---`;
  deepStrictEqual(hints(() => parseAgent(text, "x.md")).sort(), [
    "bottle: must match [a-z][a-z0-9-]* and have at most 40 characters",
    "color: must be one word",
    "model: is not a model name",
    "skills[0]: must match [a-z0-9][a-z0-9-]* and have at most 64 characters",
    'skills[2]: "ok" is listed twice',
    'unknown key "botle", did you mean "bottle"',
    'unknown key "egress"',
  ]);
});

Deno.test("parseAgent() needs a bottle, and a map", () => {
  deepStrictEqual(hints(() => parseAgent("---\n---", "x.md")), ["bottle: is missing"]);
  deepStrictEqual(hints(() => parseAgent("---\n- a\n---", "x.md")), [
    "expected object, received array",
  ]);
  throws(() => parseAgent("no frontmatter", "x.md"), UserError);
});
