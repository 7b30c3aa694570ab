import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { BACKENDS } from "../backend/mod.ts";
import { fakeEngine } from "../engine/testing/fake_engine.ts";
import { planBundle } from "../sidecar/bundle.ts";
import { planBottle, PROMPT_FILE } from "./plan.ts";
import { ID, requestOf } from "./testing/fixtures.ts";

const YAML = `
env:
  MODE: test
  DATABASE_URL: "postgres://u:\${DB_PASSWORD}@db"
  API_KEY: "?Key for staging"
egress:
  routes:
    - host: api.anthropic.com
      paths: ["/v1/"]
      methods: [GET, POST]
      auth: { scheme: bearer, token_ref: CLAUDE_BOTTLE_OAUTH_TOKEN }
      role: model
    - { host: "*.example.com", port: 8443 }
    - { host: b.example.org, auth: { scheme: header, header: X-Key, token_ref: KEY } }
    - { host: c.example.org, auth: { scheme: header, header: X-Key, token_ref: KEY } }
runtime: runsc`;

const { engine, calls } = fakeEngine();
const backend = BACKENDS.docker(engine, { cacheDir: "/cache" });

async function plan(yaml = YAML, more = {}) {
  return planBottle(backend, {
    id: ID,
    owner: "me",
    image: "sha256:abc",
    request: await requestOf(yaml, more),
  });
}

Deno.test("planBottle() names what is granted, and holds no value of it", async () => {
  const { grants } = await plan(YAML, {
    agent: { bottle: "web", skills: ["review"] },
    workspace: "/work",
  });
  deepStrictEqual(grants, {
    env: [
      { name: "MODE", from: "literal" },
      { name: "DATABASE_URL", from: "host" },
      { name: "API_KEY", from: "prompt" },
    ],
    skills: ["review"],
    routes: [
      "api.anthropic.com:443 GET,POST /v1/ with CLAUDE_BOTTLE_OAUTH_TOKEN (bearer)",
      "*.example.com:8443",
      "b.example.org:443 with KEY (header)",
      "c.example.org:443 with KEY (header)",
    ],
    credentials: ["CLAUDE_BOTTLE_OAUTH_TOKEN", "KEY"],
    workspace: "/work",
  });
  strictEqual("workspace" in (await plan()).grants, false);
});

Deno.test("planBottle() runs nothing and is the same twice", async () => {
  deepStrictEqual(await plan(), await plan());
  deepStrictEqual(calls, []);
});

Deno.test("planBottle() leaves prompts and templates of values out of every argv", async () => {
  const decided = await plan();
  const bundle = planBundle({
    id: ID,
    owner: "me",
    agent: decided.agent,
    backend: "docker",
    image: "sha256:def",
    network: "net",
    mounts: decided.backend.bundleMounts,
    policy: decided.policy,
  });
  const argv = [...decided.backend.commands.flat(), ...bundle.args, ...decided.command].join("\n");
  for (const word of ["postgres", "DB_PASSWORD", "API_KEY", "OAUTH_TOKEN", "staging", "X-Key"]) {
    strictEqual(argv.includes(word), false, word);
  }
  ok(argv.includes("sha256:abc") && argv.includes("sha256:def")); // it is the argv that was searched
});

Deno.test("planBottle() passes the runtime on, and none when there is none", async () => {
  strictEqual((await plan()).backend.spec.runtime, "runsc");
  strictEqual("runtime" in (await plan("{}")).backend.spec, false);
});

Deno.test("planBottle() runs claude without prompts, and with what the user added", async () => {
  deepStrictEqual((await plan("{}")).command, ["claude", "--dangerously-skip-permissions"]);
  const { command } = await plan("{}", {
    agent: { bottle: "web", skills: [], model: "sonnet", name: "-n" },
    prompt: "You review code.",
    arguments: ["--verbose"],
    headless: { prompt: "say $(id)" },
  });
  deepStrictEqual(command, [
    "claude",
    "--dangerously-skip-permissions",
    "--model",
    "sonnet",
    "--name=-n",
    "--append-system-prompt-file",
    PROMPT_FILE,
    "--verbose",
    "--print",
    "--",
    "say $(id)",
  ]);
});
