import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { UserError } from "../system/errors.ts";
import { surveyWorkspace } from "./survey.ts";
import { tempDir, tool } from "./testing/temp_dir.ts";

const signal = new AbortController().signal;

async function write(dir: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(`${dir}/${path}/..`.replace(/\/[^/]+\/\.\.$/, ""), { recursive: true });
    await Deno.writeTextFile(`${dir}/${path}`, text);
  }
}

Deno.test("surveyWorkspace() keeps links as links and reports what cannot be copied", async () => {
  await using dir = await tempDir();
  const root = `${dir.path}/tree`;
  await write(root, { "a/file": "12345", "a-b": "x", "run.sh": "#!", ".git/HEAD": "ref: x" });
  await write(dir.path, { "outside/secret": "no" });
  await Deno.chmod(`${root}/run.sh`, 0o6755);
  await Deno.symlink("../outside", `${root}/out`);
  await Deno.symlink("/etc/passwd", `${root}/abs`);
  await Deno.symlink("nowhere", `${root}/dangling`);
  await Deno.symlink("a", `${root}/in`);
  await tool(["mkfifo", "pipe"], root);

  const survey = await surveyWorkspace(root, signal);
  deepStrictEqual(survey.entries.map((e) => [e.path, e.type, e.linkname ?? e.size]), [
    [".git", "directory", 0],
    [".git/HEAD", "file", 6],
    ["a", "directory", 0],
    ["a-b", "file", 1],
    ["a/file", "file", 5],
    ["abs", "symlink", "/etc/passwd"],
    ["dangling", "symlink", "nowhere"],
    ["in", "symlink", "a"],
    ["out", "symlink", "../outside"],
    ["run.sh", "file", 2],
  ]);
  deepStrictEqual(survey.totals, { files: 4, bytes: 14 });
  deepStrictEqual(survey.skipped, [{ path: "pipe", reason: "a fifo" }]);
  strictEqual(survey.entries.find((e) => e.path === "run.sh")?.mode, 0o755);
});

Deno.test("surveyWorkspace() leaves out what .claude-bottleignore names, negation included", async () => {
  await using dir = await tempDir();
  await write(dir.path, {
    ".claude-bottleignore": "*.log\n!keep.log\nbuild/\n/only-root\n# comment\nsub/*\n!sub/this\n",
    "x.log": "",
    "keep.log": "",
    "build/out": "",
    "lib/build": "a file, so it stays",
    "only-root": "",
    "lib/only-root": "",
    "sub/this": "",
    "sub/that": "",
    "sub/.claude-bottleignore": "*",
  });
  const survey = await surveyWorkspace(dir.path, signal);
  deepStrictEqual(
    survey.entries.filter((e) => e.type === "file").map((e) => e.path),
    [".claude-bottleignore", "keep.log", "lib/build", "lib/only-root", "sub/this"],
  );
});

Deno.test("surveyWorkspace() lets a pattern bring folders back", async () => {
  await using dir = await tempDir();
  await write(dir.path, { ".claude-bottleignore": "/*\n!/*/\n", "a/b": "", "c": "" });
  const survey = await surveyWorkspace(dir.path, signal);
  deepStrictEqual(survey.entries.map((e) => e.path), ["a", "a/b"]);
});

Deno.test("surveyWorkspace() refuses an ignore file that is a link", async () => {
  await using dir = await tempDir();
  await Deno.symlink("/etc/passwd", `${dir.path}/.claude-bottleignore`);
  await rejects(surveyWorkspace(dir.path, signal), { kind: "manifest" });
});

Deno.test("surveyWorkspace() names suspects and never their values", async () => {
  await using dir = await tempDir();
  const key = "-----BEGIN RSA PRIVATE KEY-----\nhunter2";
  await write(dir.path, {
    ".env": "A=hunter2",
    "app/.env.local": "A=hunter2",
    ".env.example": "A=",
    ".env.sample": "A=",
    ".envrc": "use nix",
    "tls.pem": key,
    "cert.pem": "-----BEGIN CERTIFICATE-----",
    "tls.key": key,
    "i18n.key": "words",
    "keys/id_ed25519": "hunter2",
    "keys/id_ed25519.pub": "public",
    ".npmrc": "//packages.example/:_authToken=hunter2",
    "app/.npmrc": "//packages.example/:_authToken=${NPM_TOKEN}\nsave-exact=true",
    ".pypirc": "[pypi]\nusername = __token__\npassword = hunter2",
    ".netrc": "machine x login y password hunter2",
    ".git-credentials": "https://u:hunter2@example.com",
    "credentials.json": "{}",
    "web-1a2b.json": `{"type": "service_account", "key": "${"hunter2".repeat(40)}"}`,
    "package.json": `{"name": "x", "d": "${"y".repeat(300)}"}`,
    ".git/config": `${"#\n".repeat(4000)}[remote "o"]\n\turl = https://u:hunter2@example.com/x.git`,
    "sub/.git/config": '[http "https://x/"]\n\textraheader = AUTHORIZATION: basic hunter2',
    "ok/.git/config": "[remote]\n\turl = ssh://git@example.com:22/x.git\n\tu=https://h:80/a@b",
    "tok/.git/config": `[remote]\n\turl = https://ghp_${"a".repeat(36)}@example.com/x.git`,
    "config": "[remote]\n\turl = https://u:hunter2@example.com/x.git",
  });
  const { suspects } = await surveyWorkspace(dir.path, signal);
  deepStrictEqual(suspects.map((s) => s.path), [
    ".env",
    ".git-credentials",
    ".git/config",
    ".netrc",
    ".npmrc",
    ".pypirc",
    "app/.env.local",
    "credentials.json",
    "keys/id_ed25519",
    "sub/.git/config",
    "tls.key",
    "tls.pem",
    "tok/.git/config",
    "web-1a2b.json",
  ]);
  ok(!JSON.stringify(suspects).includes("hunter2"));
});

Deno.test("surveyWorkspace() refuses a worktree and says what to do", async () => {
  await using dir = await tempDir();
  await write(dir.path, { ".git": "gitdir: /home/me/main/.git/worktrees/\u001b[31mx\n", "a": "" });
  await rejects(surveyWorkspace(dir.path, signal), (error: UserError) => {
    strictEqual(error.exitCode, 65);
    ok(error.message.includes('"/home/me/main/.git/worktrees/\\u001b[31mx"'));
    ok(error.hints.some((hint) => hint.startsWith("git clone ")));
    return true;
  });
  await write(dir.path, { ".claude-bottleignore": "/.git\n" });
  const survey = await surveyWorkspace(dir.path, signal);
  deepStrictEqual(survey.entries.map((e) => e.path), [".claude-bottleignore", "a"]);
});

Deno.test({
  name: "surveyWorkspace() refuses a name that is not UTF-8 unless it is ignored",
  ignore: Deno.build.os !== "linux", // APFS has no such names
  fn: async () => {
    await using dir = await tempDir();
    await tool(["sh", "-c", `printf x > "$(printf 'a\\377b')"`], dir.path);
    await rejects(surveyWorkspace(dir.path, signal), { kind: "io", message: /not valid UTF-8/ });
    await write(dir.path, { ".claude-bottleignore": "a*b\n" });
    strictEqual((await surveyWorkspace(dir.path, signal)).entries.length, 1);
  },
});

Deno.test({
  name: "surveyWorkspace() refuses a file that cannot be read",
  ignore: Deno.uid() === 0, // root can read everything
  fn: async () => {
    await using dir = await tempDir();
    await write(dir.path, { private: "x" });
    await Deno.chmod(`${dir.path}/private`, 0);
    await rejects(surveyWorkspace(dir.path, signal), { kind: "io", message: /private/ });
  },
});

Deno.test("surveyWorkspace() fails for what is no directory and when it is aborted", async () => {
  await using dir = await tempDir();
  await write(dir.path, { file: "" });
  await rejects(surveyWorkspace(`${dir.path}/file`, signal), { kind: "io" });
  await rejects(surveyWorkspace(`${dir.path}/none`, signal), { kind: "io" });
  await rejects(surveyWorkspace(dir.path, AbortSignal.abort(new Error("stop"))), /stop/);
});
