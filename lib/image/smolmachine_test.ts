import { deepStrictEqual, doesNotMatch, match, rejects, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Answer, fakeEngine } from "../engine/testing/fake_engine.ts";
import { createSmolvm } from "../smolvm/smolvm.ts";
import { join } from "../std/path.ts";
import { createProgress } from "../system/progress.ts";
import { RawTar } from "../workspace/testing/raw_tar.ts";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import { ensureSmolmachine } from "./smolmachine.ts";

const IMAGE = `sha256:${"ab".repeat(32)}`;
const KEY = `${"ab".repeat(8)}-1.9.3`;
const layer = "layer";
const diffId = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
/** What `docker save` would write. */
const SAVED = new RawTar()
  .add({ name: "l/layer.tar", body: layer })
  .add({ name: "c.json", body: JSON.stringify({ rootfs: { diff_ids: [diffId] } }) })
  .add({ name: "manifest.json", body: '[{"Config":"c.json","Layers":["l/layer.tar"]}]' })
  .bytes();

/** A machine whose smolvm pulls the layer as a client does, and packs it. */
async function fixture({ save = {}, pack }: { save?: Answer; pack?: () => Promise<number> } = {}) {
  const dir = await tempDir();
  const packed: string[] = [];
  const { engine, lines } = fakeEngine(() => ({
    stdout: new TextDecoder("latin1").decode(SAVED),
    ...save,
  }));
  let said = "";
  const abort = new AbortController();
  const smolvm = createSmolvm("/bin/smolvm", {
    async run(_program, args) {
      const reference = args[args.indexOf("--image") + 1]!;
      const [, host, repository, tag] = /^(localhost:\d+)\/([^:]+):(.+)$/.exec(reference)!;
      const url = `http://${host}/v2/${repository}`;
      const manifest = await (await fetch(`${url}/manifests/${tag}`)).json();
      const body = await (await fetch(`${url}/blobs/${manifest.layers[0].digest}`)).text();
      packed.push(reference);
      const out = args[args.indexOf("-o") + 1]!;
      const code = await pack?.() ?? 0;
      if (code === 0) await Deno.writeTextFile(`${out}.smolmachine`, `packed ${body}`);
      return { code, stdout: "", stderr: code === 0 ? "" : "Error: pack failed: no luck" };
    },
    stream: () => {
      throw new Error("not asked");
    },
    interact: () => Promise.resolve(0),
  });
  const context = {
    engine,
    smolvm,
    version: "1.9.3",
    dir: join(dir.path, "smolmachines"),
    progress: createProgress({ write: (text) => said += text, tty: false, color: false }),
    signal: abort.signal,
  };
  return {
    ensure: () => ensureSmolmachine(IMAGE, context),
    abort: (reason: Error) => abort.abort(reason),
    path: join(context.dir, `${KEY}.smolmachine`),
    packed,
    lines,
    said: () => said,
    left: async () =>
      (await Array.fromAsync(Deno.readDir(context.dir))).map(({ name }) => name).sort(),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

const WHOLE = [`${KEY}.json`, `${KEY}.lock`, `${KEY}.smolmachine`];

Deno.test("ensureSmolmachine() saves, serves and packs once, and leaves the artifact alone", async () => {
  await using f = await fixture();
  strictEqual(await f.ensure(), f.path);
  strictEqual(await Deno.readTextFile(f.path), "packed layer");
  deepStrictEqual(f.lines(), [`save ${IMAGE}`]);
  match(f.packed[0]!, new RegExp(`^localhost:\\d+/claude-bottle:${KEY}$`));
  deepStrictEqual(await f.left(), WHOLE);
  strictEqual(await f.ensure(), f.path);
  strictEqual(f.packed.length, 1);
  match(f.said(), /microVM image/);
});

Deno.test("ensureSmolmachine() called twice at once makes it once", async () => {
  await using f = await fixture();
  deepStrictEqual(await Promise.all([f.ensure(), f.ensure()]), [f.path, f.path]);
  strictEqual(f.packed.length, 1);
});

Deno.test("ensureSmolmachine() makes again what was cut off or changed, and says so", async () => {
  await using f = await fixture();
  await f.ensure();
  for (const spoil of ["packed", "packed layeR", ""]) {
    await Deno.writeTextFile(f.path, spoil);
    await Deno.utime(f.path, 1, 1);
    await f.ensure();
    strictEqual(await Deno.readTextFile(f.path), "packed layer");
  }
  strictEqual(f.packed.length, 4);
  strictEqual(f.said().match(/is not what was made: it is made again/g)?.length, 3);
});

Deno.test("ensureSmolmachine() takes a touched artifact whose content is the same", async () => {
  await using f = await fixture();
  await f.ensure();
  await Deno.utime(f.path, 1, 1);
  await f.ensure();
  strictEqual(f.packed.length, 1);
  doesNotMatch(f.said(), /made again/);
});

Deno.test("ensureSmolmachine() keeps nothing of a pack that fails, in smolvm's own words", async () => {
  let code = 1;
  await using f = await fixture({ pack: () => Promise.resolve(code) });
  await rejects(
    f.ensure(),
    (error: Error & { result?: { stderr: string } }) =>
      /pack failed: no luck/.test(error.result!.stderr),
  );
  deepStrictEqual(await f.left(), [`${KEY}.lock`]);
  code = 0;
  strictEqual(await f.ensure(), f.path);
});

Deno.test("ensureSmolmachine() keeps nothing of a save that fails, in docker's own words", async () => {
  await using f = await fixture({
    save: { code: 1, stdout: "half", stderr: "no space left on device" },
  });
  await rejects(f.ensure(), /disk is full/);
  deepStrictEqual(await f.left(), [`${KEY}.lock`]);
  strictEqual(f.packed.length, 0);
});

Deno.test("ensureSmolmachine() that is aborted leaves nothing", async () => {
  await using f: Awaited<ReturnType<typeof fixture>> = await fixture({
    pack: () => {
      f.abort(new Error("asked"));
      return Promise.resolve(1);
    },
  });
  await rejects(f.ensure());
  deepStrictEqual(await f.left(), [`${KEY}.lock`]);
  await rejects(f.ensure(), /asked/);
});
