import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { packWorkspace } from "../workspace/pack.ts";
import { surveyWorkspace } from "../workspace/survey.ts";
import { tempDir, tool } from "../workspace/testing/temp_dir.ts";
import { type ProvisionInputs, provisionTar } from "./provision.ts";

const signal = new AbortController().signal;
const NOTHING: ProvisionInputs = { prompt: "", skills: {}, resumed: false };

async function tree(path: string, files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(`${path}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${path}/${name}`, text, { mode: 0o640 });
  }
  return { dir: path, survey: await surveyWorkspace(path, signal) };
}

/** What the system's tar makes of an archive. */
async function listed(dir: string, tar: ReadableStream<Uint8Array>): Promise<string[]> {
  const path = `${dir}/provision.tar`;
  await Deno.writeFile(path, tar);
  const text = await tool(["tar", "-tvf", path, "--numeric-owner"], dir);
  return text.trim().split("\n").map((line) => {
    const [mode, owner] = line.split(/\s+/);
    return `${mode} ${owner} ${line.split(/\s+/).slice(5).join(" ")}`;
  });
}

const OWN = [
  "drwxr-xr-x 0/0 home/node/.claude-bottle/",
  "drwxr-xr-x 0/0 home/node/.claude/",
  "-rw------- 0/0 home/node/.claude-bottle/prompt.md",
];
const FIRST = [
  "-rw------- 0/0 home/node/.claude.json",
  "-rw------- 0/0 home/node/.claude/settings.json",
];

Deno.test("provisionTar() holds exactly prompt and settings when nothing else is granted", async () => {
  await using dir = await tempDir();
  deepStrictEqual(await listed(dir.path, provisionTar(NOTHING, signal)), [...OWN, ...FIRST]);
});

Deno.test("provisionTar() leaves a resumed agent's own settings alone", async () => {
  await using dir = await tempDir();
  const tar = provisionTar({ ...NOTHING, resumed: true }, signal);
  deepStrictEqual(await listed(dir.path, tar), OWN);
});

Deno.test("provisionTar() joins skills and workspace into one archive", async () => {
  await using dir = await tempDir();
  const review = await tree(`${dir.path}/review`, {
    "SKILL.md": "x".repeat(5000),
    "lib/a.py": "a",
  });
  const lint = await tree(`${dir.path}/lint`, { "SKILL.md": "lint" });
  const work = await tree(`${dir.path}/work`, { "src/main.ts": "main", "README.md": "" });
  const tar = provisionTar({
    prompt: "ünïcode",
    skills: { review, lint },
    workspace: packWorkspace(work.dir, work.survey, { prefix: "workspace" }),
    resumed: false,
  }, signal);
  const names = (await listed(dir.path, tar)).map((line) => line.split(" ")[2]);
  deepStrictEqual(names, [
    ...[...OWN, ...FIRST].map((line) => line.split(" ")[2]),
    "home/node/.claude/skills/review/",
    "home/node/.claude/skills/review/SKILL.md",
    "home/node/.claude/skills/review/lib/",
    "home/node/.claude/skills/review/lib/a.py",
    "home/node/.claude/skills/lint/",
    "home/node/.claude/skills/lint/SKILL.md",
    "workspace/README.md",
    "workspace/src/",
    "workspace/src/main.ts",
  ]);
  await Deno.mkdir(`${dir.path}/out`);
  await tool(["tar", "-xf", `${dir.path}/provision.tar`, "-C", `${dir.path}/out`], dir.path);
  const read = (name: string) => Deno.readTextFile(`${dir.path}/out/${name}`);
  strictEqual(await read("home/node/.claude-bottle/prompt.md"), "ünïcode");
  strictEqual(await read("home/node/.claude/skills/review/SKILL.md"), "x".repeat(5000));
  strictEqual(await read("workspace/src/main.ts"), "main");
});

Deno.test("provisionTar() answers the agent's first questions beforehand", async () => {
  await using dir = await tempDir();
  await listed(dir.path, provisionTar(NOTHING, signal));
  await tool(["tar", "-xf", "provision.tar"], dir.path);
  const json = async (name: string) =>
    JSON.parse(await Deno.readTextFile(`${dir.path}/home/node/${name}`));
  const { hasCompletedOnboarding, projects } = await json(".claude.json");
  strictEqual(hasCompletedOnboarding, true);
  strictEqual(projects["/workspace"].hasTrustDialogAccepted, true);
  strictEqual((await json(".claude/settings.json")).skipDangerousModePermissionPrompt, true);
});

Deno.test("provisionTar() fails when a part of it fails, instead of ending early", async () => {
  const part = (end: (controller: ReadableStreamDefaultController<Uint8Array>) => void) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(512).fill(1));
        end(controller);
      },
    });
  const failing = part((controller) => controller.error(new Error("the file became shorter")));
  const tar = provisionTar({ ...NOTHING, workspace: failing }, signal);
  await rejects(
    new Response(tar as ReadableStream<Uint8Array<ArrayBuffer>>).bytes(),
    /became shorter/,
  );
});

Deno.test("provisionTar() ends with one end mark, at its very end", async () => {
  await using dir = await tempDir();
  const lint = await tree(`${dir.path}/lint`, { "SKILL.md": "lint" });
  const tar = provisionTar({ ...NOTHING, skills: { lint } }, signal);
  const bytes = await new Response(tar as ReadableStream<Uint8Array<ArrayBuffer>>).bytes();
  ok(bytes.subarray(-1024).every((byte) => byte === 0));
  // Every header before it says "ustar": no reader stops at an end mark in the middle.
  let at = 0;
  let entries = 0;
  while (at < bytes.length - 1024) {
    match(new TextDecoder().decode(bytes.subarray(at + 257, at + 262)), /^ustar$/);
    const size = parseInt(new TextDecoder().decode(bytes.subarray(at + 124, at + 135)), 8);
    at += 512 + Math.ceil(size / 512) * 512;
    entries++;
  }
  strictEqual(entries, 7);
});
