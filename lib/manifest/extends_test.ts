import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { UserError } from "../system/errors.ts";
import { resolveBottle } from "./extends.ts";
import { parseBottle } from "./parse.ts";

/** Resolves the first of these bottles, each given as YAML. */
function resolve(bottles: Record<string, string>) {
  return resolveBottle(Object.keys(bottles)[0] ?? "", {
    home: "/home/u/.claude-bottle",
    read: (name) => {
      const path = `/home/u/.claude-bottle/bottles/${name}.md`;
      const { manifest } = parseBottle(`---\n${bottles[name]}\n---\n`, path);
      return Promise.resolve({ name, path, sha256: name, manifest });
    },
  });
}

function fails(bottles: Record<string, string>, message: RegExp, hints: string[]) {
  return rejects(resolve(bottles), (error) => {
    strictEqual(error instanceof UserError && error.kind, "manifest", String(error));
    deepStrictEqual((error as UserError).hints, hints);
    return message.test((error as UserError).message);
  });
}

Deno.test("resolveBottle() applies defaults to an empty bottle", async () => {
  deepStrictEqual(await resolve({ web: "" }), {
    name: "web",
    chain: [{ name: "web", path: "/home/u/.claude-bottle/bottles/web.md", sha256: "web" }],
    env: {},
    git: [],
    egress: {
      routes: [],
      extra_hosts: {},
      pipelock: true,
      pipelockExplicit: false,
      on_canary: "block",
    },
    supervise: false,
    resources: {},
  });
});

Deno.test("resolveBottle() merges env and replaces every other key", async () => {
  const bottle = await resolve({
    web: "extends: mid\nenv: {A: web}\nresources: {cpus: 1}\negress: {routes: [{host: a.com}]}",
    mid: "extends: base\nenv: {A: mid, B: mid}\nsupervise: true",
    base: "env: {B: base, C: base}\nruntime: runsc\nresources: {memory: 1g}\n" +
      "egress: {pipelock: false, on_canary: stop, extra_hosts: {a.com: 10.0.0.1}}",
  });
  deepStrictEqual(bottle.env, {
    B: { kind: "literal", value: "mid" },
    C: { kind: "literal", value: "base" },
    A: { kind: "literal", value: "web" },
  });
  deepStrictEqual(bottle.resources, { cpus: 1 });
  // The child's egress replaces the parent's whole: nothing of it shines through.
  deepStrictEqual(bottle.egress, {
    routes: [{ host: "a.com", port: 443 }],
    extra_hosts: {},
    pipelock: true,
    pipelockExplicit: false,
    on_canary: "block",
  });
  deepStrictEqual(bottle.chain.map((link) => link.name), ["web", "mid", "base"]);
});

Deno.test("resolveBottle() does not let a child's default override what its parent says", async () => {
  const bottle = await resolve({
    web: "extends: base",
    base: "supervise: true\nruntime: runsc\negress: {pipelock: false, on_canary: stop}\n" +
      "git_user: {name: a, email: a@b}",
  });
  strictEqual(bottle.supervise, true);
  strictEqual(bottle.runtime, "runsc");
  deepStrictEqual([bottle.egress.pipelock, bottle.egress.pipelockExplicit], [false, true]);
  strictEqual(bottle.egress.on_canary, "stop");
  deepStrictEqual(bottle.git_user, { name: "a", email: "a@b" });
});

Deno.test("resolveBottle() takes paths relative to the manifest that says them", async () => {
  const git = "git: [{name: app, upstream: 'git@h:x', identity_file: ~/.ssh/k}]";
  const bottle = await resolve({
    web: `extends: base\ncontext: ~/ctx\n${git}`,
    base: "dockerfile: ./docker/../Dockerfile.web\ncontext: ctx",
  });
  strictEqual(bottle.dockerfile, "/home/u/.claude-bottle/bottles/Dockerfile.web");
  strictEqual(bottle.context, "/home/u/ctx");
  strictEqual(bottle.git[0]?.identity_file, "/home/u/.ssh/k");
});

Deno.test("resolveBottle() names the chain of a cycle", async () => {
  const hint = (parent: string, file: string) => [
    `remove "extends: ${parent}" from "/home/u/.claude-bottle/bottles/${file}.md"`,
  ];
  await fails({ a: "extends: b", b: "extends: a" }, /cycle a → b → a$/, hint("a", "b"));
  await fails({ a: "extends: a" }, /cycle a → a$/, hint("a", "a"));
  const bottles = { a: "extends: b", b: "extends: c", c: "extends: b" };
  await fails(bottles, /cycle a → b → c → b$/, hint("b", "c"));
});

Deno.test("resolveBottle() refuses keys that contradict each other once merged", async () => {
  const message = /^Cannot use manifest ".*\/a\.md"$/;
  await fails({ a: "context: ." }, message, ['context: has no use without "dockerfile"']);
  await fails(
    { a: "egress: {routes: [{host: a.com, allow_env: [KEY]}]}" },
    message,
    ['egress.routes[0].allow_env: "KEY" is not in env'],
  );
  await fails(
    {
      a: "extends: b\negress: {routes: [{host: a.com, auth: {scheme: bearer, token_ref: T}}]}",
      b: "env: {X: 'x${T}'}",
    },
    message,
    ["env.X: would put T into the bottle, which egress.routes[0].auth keeps out of it"],
  );
  const routes = "egress: {routes: [{host: a.com, allow_env: [KEY]}]}";
  strictEqual((await resolve({ a: `extends: b\n${routes}`, b: "env: {KEY: '?'}" })).name, "a");
});
