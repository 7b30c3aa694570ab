import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { UserError } from "../system/errors.ts";
import { readLines, streamProcess } from "../system/process.ts";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import { StateStore } from "./state.ts";
import { ID, metadataOf } from "./testing/fixtures.ts";

async function fixture() {
  const dir = await tempDir();
  const root = `${dir.path}/state`;
  const store = new StateStore(root);
  return { root, store, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

Deno.test("StateStore.create() makes a private directory, once", async () => {
  await using f = await fixture();
  strictEqual(await f.store.create(metadataOf()), true);
  strictEqual(await f.store.create(metadataOf({ agent: "other" })), false);
  deepStrictEqual(await f.store.read(ID), metadataOf());
  for (
    const [path, mode] of [["", 0o700], [`/${ID}`, 0o700], [`/${ID}/metadata.json`, 0o600]] as const
  ) {
    strictEqual((await Deno.stat(`${f.root}${path}`)).mode! & 0o777, mode, path);
  }
});

Deno.test("StateStore.create() gives one ID to one of many", async () => {
  await using f = await fixture();
  const made = await Promise.all(Array.from({ length: 10 }, () => f.store.create(metadataOf())));
  strictEqual(made.filter(Boolean).length, 1);
});

Deno.test("StateStore.write() replaces in one step: a reader sees the old or the new", async () => {
  await using f = await fixture();
  await f.store.create(metadataOf({ arguments: ["0"] }));
  let done = false;
  const writing = (async () => {
    for (let i = 1; i <= 50; i++) {
      await f.store.write(metadataOf({ arguments: Array(200).fill(String(i)) }));
    }
    done = true;
  })();
  let reads = 0;
  while (!done) {
    const { arguments: [first, ...others] } = (await f.store.read(ID))!;
    ok(others.every((other) => other === first));
    reads++;
  }
  await writing;
  ok(reads > 0);
  const left = [...Deno.readDirSync(`${f.root}/${ID}`)].map(({ name }) => name);
  deepStrictEqual(left, ["metadata.json"]); // no temporary file
});

Deno.test("StateStore.write() writes nothing that it would not read", async () => {
  await using f = await fixture();
  await f.store.create(metadataOf());
  const secret = { ...metadataOf(), env: { TOKEN: "x" } };
  await rejects(f.store.write(secret), /Unrecognized key/);
  deepStrictEqual(await f.store.read(ID), metadataOf());
});

Deno.test("StateStore.read() refuses a newer version's state, and leaves it as it is", async () => {
  await using f = await fixture();
  await f.store.create(metadataOf());
  const path = f.store.file(ID, "metadata.json");
  const newer = JSON.stringify({ version: 2, something: "else" });
  await Deno.writeTextFile(path, newer);
  await rejects(f.store.read(ID), (error) => {
    ok(error instanceof UserError);
    strictEqual(error.exitCode, 74);
    match(error.message, /a newer claude-bottle wrote it$/);
    deepStrictEqual(error.hints, ["update claude-bottle"]);
    return true;
  });
  strictEqual(await Deno.readTextFile(path), newer);
});

Deno.test("StateStore.read() refuses garbage, and says what to do", async () => {
  await using f = await fixture();
  await f.store.create(metadataOf());
  const path = f.store.file(ID, "metadata.json");
  const cases: [string, RegExp, RegExp][] = [
    ["", /it is not JSON$/, /^take its work out first: claude-bottle get \S+ DEST/],
    ['{"version":1,', /it is not JSON$/, /^take its work out first: claude-bottle get \S+ DEST/],
    ["null", /^Cannot read state/, /expected object/],
    ['{"version":1}', /^Cannot read state/, /id/],
    [JSON.stringify({ ...metadataOf(), id: "../../x-12345" }), /^Cannot read state/, /id/],
    [JSON.stringify({ ...metadataOf(), phase: "wat" }), /^Cannot read state/, /phase/],
  ];
  for (const [text, message, hint] of cases) {
    await Deno.writeTextFile(path, text);
    await rejects(f.store.read(ID), (error) => {
      ok(error instanceof UserError, text);
      strictEqual(error.exitCode, 74);
      match(error.message, message);
      match(error.hints.join("\n"), hint);
      return true;
    });
  }
});

Deno.test("StateStore.read(), remove() and ids() take absence for no error", async () => {
  await using f = await fixture();
  strictEqual(await f.store.read(ID), undefined);
  deepStrictEqual(await f.store.ids(), []);
  await f.store.remove(ID);
  await f.store.create(metadataOf());
  await Deno.mkdir(`${f.root}/not an id`);
  await Deno.writeTextFile(`${f.root}/file-12345`, "");
  deepStrictEqual(await f.store.ids(), [ID]);
  await f.store.remove(ID);
  deepStrictEqual(await f.store.ids(), []);
});

Deno.test("StateStore.claim() is seen by other processes, and ends with its process", async () => {
  await using f = await fixture();
  await f.store.create(metadataOf());
  strictEqual(await f.store.claimed(ID), false); // nobody ever
  const code = `
    import { StateStore } from ${JSON.stringify(new URL("./state.ts", import.meta.url).href)};
    const claim = await new StateStore(${JSON.stringify(f.root)}).claim(${JSON.stringify(ID)});
    console.log("claimed");
    await Deno.stdin.read(new Uint8Array(1));
    await claim[Symbol.asyncDispose]();`;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const child = streamProcess(Deno.execPath(), ["eval", `--config=${config}`, code]);
  try {
    const lines = readLines(child.stdout);
    strictEqual(await lines.next(), "claimed");
    strictEqual(await f.store.claimed(ID), true);
    strictEqual(await f.store.claimed(ID), true); // asking takes nothing away
    await lines.cancel();
  } finally {
    await child[Symbol.asyncDispose](); // SIGKILL
  }
  strictEqual(await f.store.claimed(ID), false);
});

Deno.test("StateStore.claimed() sees this process's claim until it is let go", async () => {
  await using f = await fixture();
  await f.store.create(metadataOf());
  {
    await using _claim = await f.store.claim(ID);
    strictEqual(await f.store.claimed(ID), true);
  }
  strictEqual(await f.store.claimed(ID), false);
});
