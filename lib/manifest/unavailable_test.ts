import { deepStrictEqual, doesNotThrow, strictEqual, throws } from "node:assert/strict";
import { UserError } from "../system/errors.ts";
import { resolveBottle } from "./extends.ts";
import { parseBottle } from "./parse.ts";
import { refuseUnavailable, unusedKeys } from "./unavailable.ts";

const NONE = { image: {} };

function bottle(yaml: string) {
  const { manifest } = parseBottle(`---\n${yaml}\n---\n`, "/h/b.md");
  return resolveBottle("web", {
    home: "/h/.claude-bottle",
    read: (name) => Promise.resolve({ name, path: "/h/b.md", sha256: "", manifest }),
  });
}

Deno.test("refuseUnavailable() names every key at once, with a hint each", async () => {
  const wanted = await bottle(`
env: { KEY: "?" }
git: [{ name: app, upstream: "git@h:x", identity_file: ~/.ssh/k }]
git_user: { name: agent, email: agent@example.com }
supervise: true
egress:
  routes:
    - { host: a.com }
    - { host: b.com, scan: patterns, on_match: ask, allow_env: [KEY] }
    - { host: c.com, scan: secrets }
  pipelock: true
  on_canary: stop`);
  const keys = [
    "git",
    "git_user",
    "supervise",
    "egress.routes[1].scan",
    "egress.routes[1].on_match",
    "egress.routes[1].allow_env",
    "egress.routes[2].scan",
    "egress.pipelock",
    "egress.on_canary",
  ];
  throws(() => refuseUnavailable(wanted, NONE), (error) => {
    strictEqual(error instanceof UserError && error.exitCode, 65);
    const { message, hints } = error as UserError;
    strictEqual(message, `Cannot start: ${keys.join(", ")} are not available yet`);
    deepStrictEqual(hints.map((hint) => hint.split(": ")[0]), keys);
    return true;
  });
});

Deno.test("refuseUnavailable() lets pass what is off, and the default pipelock", async () => {
  const off = "git: []\nsupervise: false\n" +
    "egress: {routes: [{host: a.com, scan: off}], pipelock: false, on_canary: block}";
  for (const yaml of ["", off]) {
    const wanted = await bottle(yaml);
    doesNotThrow(() => refuseUnavailable(wanted, NONE));
  }
  const wanted = await bottle("supervise: true");
  throws(() => refuseUnavailable(wanted, NONE), /Cannot start: supervise is not available yet/);
});

Deno.test("refuseUnavailable() names settings, too", async () => {
  const nothing = await bottle("env: {}");
  const image = { node: "mirror.example/node:1", agent: "mirror.example/a", pipelock: "p" };
  throws(
    () => refuseUnavailable(nothing, { image }),
    /Cannot start: config.toml image.agent, config.toml image.pipelock are not available yet/,
  );
  doesNotThrow(() => refuseUnavailable(nothing, { image: { node: "mirror.example/node:1" } }));
});

Deno.test("unusedKeys() are those that Claude Code has for sub-agents only", () => {
  const agent = { bottle: "web", skills: [], model: "opus", name: "n", description: "d" };
  deepStrictEqual(unusedKeys(agent), []);
  deepStrictEqual(unusedKeys({ ...agent, color: "red", memory: "user" }), ["color", "memory"]);
});
