import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { packWorkspace } from "./pack.ts";
import { readTar } from "./read_tar.ts";
import { type Survey, surveyWorkspace } from "./survey.ts";
import { tempDir, tool } from "./testing/temp_dir.ts";
import { unpackInto } from "./unpack.ts";

const signal = new AbortController().signal;
const LONG = `${"deep/".repeat(50)}${"n".repeat(200)}`;

async function saveTo(path: string, tar: ReadableStream<Uint8Array>): Promise<void> {
  await tar.pipeTo((await Deno.open(path, { write: true, create: true })).writable);
}

async function sampleTree(dir: string): Promise<void> {
  await Deno.mkdir(`${dir}/${LONG}/..`.replace(/\/[^/]+\/\.\.$/, ""), { recursive: true });
  await Deno.mkdir(`${dir}/empty`);
  await Deno.writeTextFile(`${dir}/${LONG}`, "long");
  await Deno.writeTextFile(`${dir}/größe ${"ü".repeat(60)}`, "utf-8");
  await Deno.writeTextFile(`${dir}/new\nline`, "odd");
  await Deno.writeFile(`${dir}/big`, new Uint8Array(300_001).fill(7));
  await Deno.writeTextFile(`${dir}/run.sh`, "#!/bin/sh\n", { mode: 0o755 });
  await Deno.writeTextFile(`${dir}/private`, "", { mode: 0o600 });
  await Deno.symlink(`../../${"t".repeat(150)}`, `${dir}/out`);
  await Deno.link(`${dir}/run.sh`, `${dir}/same.sh`);
}

Deno.test("packWorkspace() writes what the system's tar reads", async () => {
  await using dir = await tempDir();
  const root = `${dir.path}/tree`;
  await Deno.mkdir(root);
  await sampleTree(root);
  const survey = await surveyWorkspace(root, signal);
  const tar = packWorkspace(root, survey, { prefix: "workspace", uid: 1000, gid: 1001 });
  await saveTo(`${dir.path}/out.tar`, tar);

  const listing = await tool(["tar", "--numeric-owner", "-tvf", "out.tar"], dir.path);
  const lines = listing.trimEnd().split("\n");
  strictEqual(lines.length, survey.entries.length);
  ok(lines.every((line) => line.includes(" 1000/1001 ") && line.includes(" workspace/")));
  ok(lines.some((line) => /^-rwxr-xr-x .*workspace\/run\.sh$/.test(line)));
  ok(lines.some((line) => /^-rw------- .*workspace\/private$/.test(line)));
  ok(lines.some((line) => /^l.*workspace\/out -> \.\.\/\.\.\/t{150}$/.test(line)));

  await Deno.mkdir(`${dir.path}/x`);
  await tool(["tar", "-xf", "out.tar", "-C", "x", "--no-same-owner"], dir.path);
  // Nothing printed: not even a link or an empty folder differs.
  await tool(["diff", "-r", "--no-dereference", "tree", "x/workspace"], dir.path);
  const back = await surveyWorkspace(`${dir.path}/x/workspace`, signal);
  const shape = ({ entries }: Survey) =>
    entries.map((e) => [e.path, e.type, e.mode, e.size, e.linkname, Math.floor(+e.mtime / 1000)])
      .filter((e) => e[1] === "file" || (e[5] = 0) === 0);
  deepStrictEqual(shape(back), shape(survey));
});

Deno.test("packWorkspace() sends its own folder when asked, and never a root entry", async () => {
  await using dir = await tempDir();
  const survey = await surveyWorkspace(dir.path, signal);
  for (const includePrefix of [true, false]) {
    const names: string[] = [];
    const tar = packWorkspace(dir.path, survey, { prefix: "workspace", includePrefix });
    for await (const entry of readTar(tar)) names.push(entry.name);
    deepStrictEqual(names, includePrefix ? ["workspace/"] : []);
  }
});

Deno.test("packWorkspace() writes what unpackInto() takes back", async () => {
  await using dir = await tempDir();
  const root = `${dir.path}/tree`;
  await Deno.mkdir(root);
  await sampleTree(root);
  await Deno.remove(`${root}/out`);
  await Deno.remove(`${root}/new\nline`);
  const survey = await surveyWorkspace(root, signal);
  const tar = packWorkspace(root, survey, { prefix: "workspace" });
  const report = await unpackInto(tar, `${dir.path}/back`, { strip: 1 });
  deepStrictEqual(report.skipped, []);
  deepStrictEqual([report.files, report.bytes], [survey.totals.files, survey.totals.bytes]);
  await tool(["diff", "-r", "tree", "back"], dir.path);
});

for (
  const [name, change, message] of [
    ["became a link", async (dir: string) => {
      await Deno.rename(`${dir}/d/f`, `${dir}/d/g`);
      await Deno.symlink("g", `${dir}/d/f`);
    }, /no longer a regular file/],
    ["became a fifo", async (dir: string) => {
      await Deno.remove(`${dir}/d/f`);
      await tool(["mkfifo", "f"], `${dir}/d`);
    }, /no longer a regular file/],
    ["lies behind a folder that became a link", async (dir: string) => {
      await Deno.rename(`${dir}/d`, `${dir}/e`);
      await Deno.mkdir(`${dir}/secret`);
      await Deno.writeTextFile(`${dir}/secret/f`, "0123456789");
      await Deno.symlink("secret", `${dir}/d`);
    }, /it was replaced/],
    ["shrank", (dir: string) => Deno.truncate(`${dir}/d/f`, 3), /became shorter/],
    ["is gone", (dir: string) => Deno.remove(`${dir}/d/f`), /Cannot copy .*d\/f/],
    ["was a link to elsewhere", async (dir: string) => {
      await Deno.remove(`${dir}/d/l`);
      await Deno.symlink("/etc/passwd", `${dir}/d/l`);
    }, /it was replaced/],
  ] as const
) {
  Deno.test(`packWorkspace() fails when a file ${name} since the survey`, async () => {
    await using dir = await tempDir();
    await Deno.mkdir(`${dir.path}/d`);
    await Deno.writeTextFile(`${dir.path}/d/f`, "0123456789");
    await Deno.symlink("f", `${dir.path}/d/l`);
    const survey = await surveyWorkspace(dir.path, signal);
    await change(dir.path);
    const tar = packWorkspace(dir.path, survey, { prefix: "w" });
    await rejects(new Response(tar).bytes(), { kind: "io", message });
  });
}

Deno.test("packWorkspace() fails when a file shrinks while it is copied", async () => {
  await using dir = await tempDir();
  await Deno.writeFile(`${dir.path}/f`, new Uint8Array(24 * 1024 * 1024));
  const survey = await surveyWorkspace(dir.path, signal);
  const reader = packWorkspace(dir.path, survey, { prefix: "w" }).getReader();
  await reader.read();
  await Deno.truncate(`${dir.path}/f`, 1024); // the stream holds back far less than 24 MiB
  await rejects(async () => {
    while (!(await reader.read()).done);
  }, { kind: "io", message: /became shorter/ });
});

Deno.test("packWorkspace() sends the surveyed part of a file that grew", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/f`, "0123456789");
  const survey = await surveyWorkspace(dir.path, signal);
  await Deno.writeTextFile(`${dir.path}/f`, "and more", { append: true });
  const tar = packWorkspace(dir.path, survey, { prefix: "w" });
  await unpackInto(tar, `${dir.path}/out`, { strip: 1 });
  strictEqual(await Deno.readTextFile(`${dir.path}/out/f`), "0123456789");
});

Deno.test("packWorkspace() stops at an abort and at a cancel", async () => {
  await using dir = await tempDir();
  await Deno.writeFile(`${dir.path}/f`, new Uint8Array(24 * 1024 * 1024));
  const survey = await surveyWorkspace(dir.path, signal);
  const abort = new AbortController();
  const tar = packWorkspace(dir.path, survey, { prefix: "w", signal: abort.signal });
  const reader = tar.getReader();
  await reader.read();
  abort.abort(new Error("stop"));
  await rejects(async () => {
    while (!(await reader.read()).done);
  }, /stop/);
  await packWorkspace(dir.path, survey, { prefix: "w" }).cancel();
});
