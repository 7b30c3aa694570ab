import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { dirname, join } from "../std/path.ts";
import { UserError } from "../system/errors.ts";
import { loadAgent, loadBottle } from "./load.ts";
import { listManifests, type ManifestDirs } from "./manifest_dirs.ts";

/** A user's home and a repository in a directory of its own, with these files. */
async function fixture(files: Record<string, string>) {
  const root = await Deno.makeTempDir();
  const dirs: ManifestDirs = { home: join(root, "home/.claude-bottle"), cwd: join(root, "repo") };
  await Deno.mkdir(dirs.home, { recursive: true });
  await Deno.mkdir(dirs.cwd, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
  return {
    root,
    dirs,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

const HOME = "home/.claude-bottle";
const REPO = "repo/.claude-bottle";
const agent = (prompt: string) => `---\nbottle: web\n---\n${prompt}\n`;
const empty = "---\n---\n";

function userError(message: RegExp, ...hints: RegExp[]) {
  return (error: unknown) => {
    strictEqual(error instanceof UserError && error.kind, "manifest", String(error));
    match((error as UserError).message, message);
    for (const hint of hints) match((error as UserError).hints.join("\n"), hint);
    return true;
  };
}

Deno.test("loadAgent() returns the repository's agent as such, with its hash", async () => {
  await using f = await fixture({ [`${REPO}/agents/fix.md`]: agent("repo") });
  const loaded = await loadAgent("fix", f.dirs);
  deepStrictEqual(loaded, {
    name: "fix",
    manifest: { bottle: "web", skills: [] },
    prompt: "repo",
    origin: "repository",
    path: join(f.dirs.cwd, ".claude-bottle/agents/fix.md"),
    sha256: createHash("sha256").update(agent("repo")).digest("hex"),
    warnings: [],
  });
});

Deno.test("loadAgent() prefers the user's agent and says so", async () => {
  await using f = await fixture({
    [`${HOME}/agents/fix.md`]: agent("home"),
    // Broken on purpose: what is not chosen is not parsed.
    [`${REPO}/agents/fix.md`]: "broken",
    [`${HOME}/agents/other.md`]: "broken",
  });
  const loaded = await loadAgent("fix", f.dirs);
  strictEqual(loaded.origin, "home");
  strictEqual(loaded.prompt, "home");
  strictEqual(loaded.warnings.length, 1);
  match(loaded.warnings[0] ?? "", /Using your own agent "fix", not the repository's/);
});

Deno.test("loadAgent() names what exists and the nearest when there is no such agent", async () => {
  await using f = await fixture({
    [`${HOME}/agents/reviewer.md`]: agent("x"),
    [`${REPO}/agents/fix.md`]: agent("x"),
  });
  await rejects(
    loadAgent("reviewr", f.dirs),
    userError(/Cannot find agent "reviewr"/, /did you mean "reviewer"/, /exist: fix, reviewer/),
  );
  await using none = await fixture({});
  await rejects(loadAgent("x", none.dirs), userError(/Cannot find agent/, /claude-bottle init/));
});

Deno.test("loadAgent() and loadBottle() refuse names that could leave their directory", async () => {
  await using f = await fixture({ "home/secret.md": agent("x") });
  for (const name of ["../../secret", "", "a/b", "-x", "A", "x\n", "x.md", 'x"']) {
    await rejects(loadAgent(name, f.dirs), userError(/bad name/, /must match/));
    await rejects(loadBottle(name, f.dirs), userError(/bad name/, /must match/));
  }
});

Deno.test("loadAgent() refuses a repository's symbolic links", async () => {
  await using f = await fixture({
    "secret.md": agent("secret"),
    [`${REPO}/agents/ok.md`]: agent("ok"),
  });
  await Deno.symlink(join(f.root, "secret.md"), join(f.root, REPO, "agents/fix.md"));
  await rejects(loadAgent("fix", f.dirs), userError(/must not be a symbolic link/));
  strictEqual((await loadAgent("ok", f.dirs)).prompt, "ok");
});

Deno.test("loadAgent() refuses a repository's directory that is a symbolic link", async () => {
  await using f = await fixture({ "elsewhere/agents/fix.md": agent("x") });
  await Deno.symlink(join(f.root, "elsewhere"), join(f.root, REPO));
  await rejects(loadAgent("fix", f.dirs), userError(/behind a symbolic link/));
  await Deno.remove(join(f.root, REPO));
  await Deno.mkdir(join(f.root, REPO));
  await Deno.symlink(join(f.root, "elsewhere/agents"), join(f.root, REPO, "agents"));
  await rejects(loadAgent("fix", f.dirs), userError(/behind a symbolic link/));
});

Deno.test("loadAgent() follows the user's own links", async () => {
  await using f = await fixture({ "dotfiles/fix.md": agent("x"), [`${HOME}/agents/a.md`]: "" });
  await Deno.symlink(join(f.root, "dotfiles/fix.md"), join(f.root, HOME, "agents/fix.md"));
  strictEqual((await loadAgent("fix", f.dirs)).origin, "home");
});

Deno.test("loadAgent() takes the home directory for the user's, not for a repository", async () => {
  await using f = await fixture({
    [`${HOME}/agents/fix.md`]: agent("x"),
    [`${HOME}/bottles/web.md`]: empty,
  });
  const dirs = { home: f.dirs.home, cwd: dirname(f.dirs.home) };
  const loaded = await loadAgent("fix", dirs);
  deepStrictEqual([loaded.origin, loaded.warnings], ["home", []]);
  deepStrictEqual((await loadBottle("web", dirs)).warnings, []);
  // The same place by another name.
  await Deno.symlink(dirname(f.dirs.home), join(f.root, "link"));
  const linked = { home: f.dirs.home, cwd: join(f.root, "link") };
  strictEqual((await loadAgent("fix", linked)).origin, "home");
  deepStrictEqual((await loadBottle("web", linked)).warnings, []);
});

Deno.test("loadBottle() warns about a repository's bottles and never reads them", async () => {
  await using f = await fixture({
    [`${HOME}/bottles/web.md`]: "---\nsupervise: false\n---\n",
    [`${REPO}/bottles/web.md`]: "---\nsupervise: true\n---\n",
    [`${REPO}/bottles/evil.md`]: empty,
  });
  const { bottle, warnings, path } = await loadBottle("web", f.dirs);
  strictEqual(bottle.supervise, false);
  strictEqual(path, join(f.dirs.home, "bottles/web.md"));
  match(warnings.join("\n"), /Ignoring ".*repo\/\.claude-bottle\/bottles"/);
  await rejects(
    loadBottle("evil", f.dirs),
    userError(/Cannot find bottle "evil"/, /exist: web/, /Ignoring/),
  );
});

Deno.test("loadBottle() names who extends a bottle that does not exist", async () => {
  await using f = await fixture({
    [`${HOME}/bottles/web.md`]: "---\nextends: bsae\n---\n",
    [`${HOME}/bottles/base.md`]: empty,
    [`${HOME}/bottles/broken.md`]: "broken",
  });
  await rejects(
    loadBottle("web", f.dirs),
    userError(/Cannot find bottle "bsae", which "web" extends/, /did you mean "base"/),
  );
});

Deno.test("loadBottle() refuses files that are not text, not files, or too large", async () => {
  await using f = await fixture({ [`${HOME}/bottles/big.md`]: "x".repeat(300_000) });
  await Deno.writeFile(join(f.dirs.home, "bottles/latin.md"), new Uint8Array([0x2d, 0xff]));
  await Deno.mkdir(join(f.dirs.home, "bottles/dir.md"));
  await rejects(loadBottle("big", f.dirs), userError(/larger than 256 KiB/));
  await rejects(loadBottle("latin", f.dirs), userError(/not UTF-8/));
  await rejects(loadBottle("dir", f.dirs), userError(/not a regular file/));
});

Deno.test("listManifests() lists names, the user's before the repository's", async () => {
  await using f = await fixture({
    [`${HOME}/agents/b.md`]: "broken",
    [`${REPO}/agents/a.md`]: "broken",
    [`${REPO}/agents/b.md`]: "broken",
    [`${REPO}/bottles/evil.md`]: empty,
    [`${HOME}/bottles/web.md`]: empty,
    [`${HOME}/bottles/Bad Name.md`]: empty,
    [`${HOME}/bottles/notes.txt`]: "",
  });
  deepStrictEqual(
    (await listManifests(f.dirs)).map(({ kind, name, origin }) => [kind, name, origin]),
    [["agent", "a", "repository"], ["agent", "b", "home"], ["bottle", "web", "home"]],
  );
});

Deno.test("loadBottle() loads a chain of files", async () => {
  const testdata = new URL("../../tests/testdata/manifest/", import.meta.url);
  await using f = await fixture({
    [`${HOME}/bottles/web.md`]: await Deno.readTextFile(new URL("web.md", testdata)),
    [`${HOME}/bottles/base.md`]: await Deno.readTextFile(new URL("base.md", testdata)),
  });
  const { bottle, sha256 } = await loadBottle("web", f.dirs);
  deepStrictEqual(bottle.chain.map(({ name, path }) => [name, path]), [
    ["web", join(f.dirs.home, "bottles/web.md")],
    ["base", join(f.dirs.home, "bottles/base.md")],
  ]);
  strictEqual(sha256, bottle.chain[0].sha256);
  deepStrictEqual(Object.keys(bottle.env).sort(), ["API_KEY", "DATABASE_URL", "LANG", "NODE_ENV"]);
  deepStrictEqual(bottle.egress.routes.map((route) => route.host), ["api.anthropic.com"]);
  strictEqual(bottle.dockerfile, join(f.dirs.home, "bottles/Dockerfile.web"));
  strictEqual(bottle.git[0]?.identity_file, join(dirname(f.dirs.home), ".ssh/app_deploy"));
});
