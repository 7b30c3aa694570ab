import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { chunked, RawTar } from "./testing/raw_tar.ts";
import { tempDir, tool } from "./testing/temp_dir.ts";
import { unpackInto, type UnpackOptions } from "./unpack.ts";

/** Unpacks into `out` of a directory whose other content must never change. */
async function attack(tar: RawTar | Uint8Array, options: UnpackOptions = {}) {
  const dir = await tempDir();
  await Deno.mkdir(`${dir.path}/victim`);
  await Deno.writeTextFile(`${dir.path}/victim/f`, "intact");
  const stream = tar instanceof RawTar ? tar.stream() : chunked(tar);
  const result = await unpackInto(stream, `${dir.path}/out`, options)
    .then((report) => ({ report, error: undefined }), (error) => ({ report: undefined, error }));
  const files = everything(dir.path).sort();
  strictEqual(await Deno.readTextFile(`${dir.path}/victim/f`), "intact");
  return {
    ...result,
    out: files.filter((path) => path.startsWith("out/")).map((path) => path.slice(4)),
    around: files.filter((path) => !path.startsWith("out/")),
    read: (path: string) => Deno.readTextFile(`${dir.path}/out/${path}`),
    mode: (path: string) => (Deno.lstatSync(`${dir.path}/out/${path}`).mode ?? 0) & 0o7777,
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

function everything(dir: string, below = ""): string[] {
  return [...Deno.readDirSync(`${dir}/${below}`)].flatMap(({ name, isDirectory }) => {
    const path = below + name;
    return isDirectory ? [path, ...everything(dir, `${path}/`)] : [path];
  });
}

const UNTOUCHED = ["victim", "victim/f"];

for (
  const name of [
    "../evil",
    "a/../../b",
    "a/../b",
    "/etc/evil",
    "//etc/evil",
    "..",
    "./../evil",
    "a/..",
    "../victim/f",
  ]
) {
  Deno.test(`unpackInto() refuses the archive for the name "${name}", however it is written`, async () => {
    const before = new RawTar().add({ name: "first/ok", body: "x" });
    const spellings = [
      before.add({ name, body: "evil" }),
      new RawTar().add({ name: "first", body: "x" }).pax({ path: name })
        .add({ name: "harmless", body: "evil" }),
      new RawTar().add({ name: "././@LongLink", flag: "L", body: `${name}\0` })
        .add({ name: "harmless", body: "evil" }),
      new RawTar().add({ name, flag: "5" }),
      new RawTar().add({ name, flag: "2", linkname: "x" }),
      new RawTar().add({ name, flag: "1", linkname: "x" }),
    ];
    for (const tar of spellings) {
      await using result = await attack(tar);
      strictEqual(result.error?.kind, "refused");
      deepStrictEqual(result.around, UNTOUCHED); // "out" is gone as well
    }
  });
}

Deno.test("unpackInto() refuses a climb that is put together from the ustar prefix", async () => {
  await using result = await attack(
    new RawTar().add({ name: "evil", prefix: "a/../..", body: "x" }),
  );
  strictEqual(result.error?.kind, "refused");
});

Deno.test("unpackInto() does not write through a link of the archive", async () => {
  for (const target of ["../victim", "inside", "/tmp"]) {
    await using result = await attack(
      new RawTar()
        .add({ name: "inside/", flag: "5" })
        .add({ name: "link", flag: "2", linkname: target })
        .add({ name: "link/f", body: "evil" })
        .add({ name: "link/", flag: "5" })
        .add({ name: "link", body: "evil" }),
    );
    ok(!result.out.includes("inside/f"));
    if (target === "inside") {
      deepStrictEqual(result.out, ["inside", "link"]);
      deepStrictEqual(result.report?.skipped.map((s) => s.path), ["link/f", "link", "link"]);
    } else {
      strictEqual(result.report?.skipped[0]?.path, "link");
      // The link was left out, so its name is free for a folder of our own.
      deepStrictEqual(result.out, ["inside", "link", "link/f"]);
    }
    deepStrictEqual(result.around, ["out", ...UNTOUCHED]);
  }
});

Deno.test("unpackInto() keeps a folder a folder when an entry swaps it for a link", async () => {
  await using result = await attack(
    new RawTar()
      .add({ name: "d/", flag: "5" })
      .add({ name: "d/one", body: "1" })
      .add({ name: "d", flag: "2", linkname: "." })
      .add({ name: "D", flag: "2", linkname: "." })
      .add({ name: "d/two", body: "2" }),
  );
  deepStrictEqual(result.out, ["d", "d/one", "d/two"]);
  deepStrictEqual(result.report?.skipped.map((s) => s.path), ["d", "D"]);
});

Deno.test("unpackInto() makes links that stay inside, and no other", async () => {
  const targets: Record<string, boolean> = {
    "sub/f": true,
    "./sub": true,
    "missing": true,
    "..": false,
    "../victim/f": false,
    "/etc/passwd": false,
    "sub/../../victim": false,
    "sub/..": false, // ".." after a name
    "": false,
    "new\nline": false,
  };
  for (const [linkname, allowed] of Object.entries(targets)) {
    await using result = await attack(
      new RawTar().add({ name: "sub/f", body: "x" }).add({ name: "link", flag: "2", linkname }),
    );
    strictEqual(result.out.includes("link"), allowed, linkname);
    strictEqual(result.report?.skipped.length, allowed ? 0 : 1);
  }
  await using deep = await attack(
    new RawTar()
      .add({ name: "w/a/b/in", flag: "2", linkname: "../../top" })
      .add({ name: "w/a/b/out", flag: "2", linkname: "../../../top" }) // inside before strip only
      .pax({ linkpath: "../../../../victim" })
      .add({ name: "w/a/b/pax", flag: "2", linkname: "in" }),
    { strip: 1 },
  );
  deepStrictEqual(deep.out, ["a", "a/b", "a/b/in"]);
});

Deno.test("unpackInto() refuses links that leave only when they are followed one after another", async () => {
  await using result = await attack(
    new RawTar()
      .add({ name: "p/q/up", flag: "2", linkname: "../.." })
      .add({ name: "out", flag: "2", linkname: "p/q/up/../victim" }),
  );
  deepStrictEqual(result.out, ["p", "p/q", "p/q/up"]);
});

Deno.test("unpackInto() leaves out devices, fifos, hard links, sparse and unknown entries", async () => {
  await using result = await attack(
    new RawTar()
      .add({ name: "ok", body: "x" })
      .add({ name: "hard", flag: "1", linkname: "ok" })
      .add({ name: "chr", flag: "3" })
      .add({ name: "blk", flag: "4" })
      .add({ name: "fifo", flag: "6" })
      .add({ name: "what", flag: "Z", body: "skipped over" })
      .pax({ "GNU.sparse.major": "1" }).add({ name: "sparse", body: "y" })
      .add({ name: "last", body: "z" }),
  );
  deepStrictEqual(result.out, ["last", "ok"]);
  strictEqual(await result.read("last"), "z");
  deepStrictEqual(
    result.report?.skipped.map((s) => s.path),
    ["hard", "chr", "blk", "fifo", "what", "sparse"],
  );
});

Deno.test("unpackInto() leaves out names that are odd or not unique", async () => {
  await using result = await attack(
    new RawTar()
      .add({ name: "File", body: "first" })
      .add({ name: "File", body: "second" })
      .add({ name: "fILE", body: "third" })
      .add({ name: "Dir/x", body: "x" })
      .add({ name: "dir/y", body: "y" })
      .add({ name: "caf\u00e9", body: "nfc" })
      .add({ name: "cafe\u0301", body: "nfd" })
      .add({ name: "File/below", body: "z" })
      .add({ name: "a//b", body: "z" })
      .add({ name: "a/./b", body: "z" })
      .add({ name: "", body: "z" })
      .add({ name: new Uint8Array([0x62, 0xff, 0x64]), body: "z" })
      .add({ name: "esc\u001b[2J", body: "z" })
      .add({ name: "n".repeat(90), prefix: `${"p".repeat(50)}/${"q".repeat(50)}`, body: "fine" })
      .pax({ path: "nul\0evil" }).add({ name: "x", body: "z" })
      .pax({ path: "n".repeat(256) }).add({ name: "x", body: "z" })
      .pax({ path: "d/".repeat(200) + "f" }).add({ name: "x", body: "z" })
      .add({ name: "./", flag: "5" })
      .add({ name: "./dot", body: "fine" }),
  );
  const long = `${"p".repeat(50)}/${"q".repeat(50)}`;
  deepStrictEqual(result.out, [
    "Dir",
    "Dir/x",
    "File",
    "caf\u00e9",
    "dot",
    "p".repeat(50),
    long,
    `${long}/${"n".repeat(90)}`,
  ]);
  strictEqual(await result.read("File"), "first");
  strictEqual(result.report?.skipped.length, 13);
});

Deno.test("unpackInto() gives files plain modes", async () => {
  await using result = await attack(
    new RawTar()
      .add({ name: "suid", mode: 0o6777, body: "x" })
      .add({ name: "private", mode: 0o600, body: "x" })
      .add({ name: "none", mode: 0, body: "x" })
      .add({ name: "sticky/", flag: "5", mode: 0o1777 })
      .add({ name: "closed/", flag: "5", mode: 0 })
      .add({ name: "closed/f", body: "x" }),
  );
  deepStrictEqual(
    ["suid", "private", "none", "sticky", "closed"].map((path) => result.mode(path)),
    [0o755, 0o600, 0o600, 0o755, 0o700],
  );
});

Deno.test("unpackInto() refuses archives that are cut off or lie, and removes what it made", async () => {
  const tar = new RawTar().add({ name: "a/first", body: "x" })
    .add({ name: "second", body: "y".repeat(2000) });
  const whole = tar.bytes();
  const lies = [
    ...[1, 511, 600, 1400, 2500, whole.length - 1024, whole.length - 512]
      .map((length) => whole.slice(0, length)),
    new RawTar().add({ name: "a", size: 5000, body: "x" }).bytes(),
    new RawTar().add({ name: "a", size: 1, body: "x".repeat(2000) }).bytes(),
    new RawTar().add({ name: "a", badChecksum: true }).bytes(),
    new RawTar().add({ name: "a", magic: "" }).bytes(),
    new RawTar().pax({ size: "999999999999" }).add({ name: "a", body: "x" }).bytes(),
    new RawTar().pax({ size: "-1" }).add({ name: "a", body: "x" }).bytes(),
    new RawTar().add({ name: "p", flag: "x", body: "99 path=a\n" }).add({ name: "a" }).bytes(),
    new RawTar().add({ name: "p", flag: "x", size: 1 << 30 }).bytes(),
    new RawTar().pax({ path: "same" }, "g").add({ name: "a" }).bytes(),
    new RawTar().add({ name: "a", flag: "S", body: "x" }).bytes(),
    new Uint8Array([...new RawTar().bytes(), ...new Uint8Array(2 << 20)]),
    new Uint8Array(0),
  ];
  for (const [i, bytes] of lies.entries()) {
    await using result = await attack(bytes);
    strictEqual(result.error?.name, "UserError", `lie ${i}`);
    deepStrictEqual(result.around, UNTOUCHED, `lie ${i}`);
  }
});

Deno.test("unpackInto() reads a hostile PAX header in no time", async () => {
  const body = "1\t".repeat(1 << 19);
  const start = performance.now();
  await using result = await attack(new RawTar().add({ name: "p", flag: "x", body }).bytes());
  strictEqual(result.error?.kind, "io");
  ok(performance.now() - start < 5000);
});

Deno.test("unpackInto() keeps to its limits", async () => {
  const tar = () =>
    new RawTar().add({ name: "a", body: "12345" }).add({ name: "b", body: "12345" });
  for (const limits of [{ bytes: 9 }, { entries: 1 }]) {
    await using result = await attack(tar(), { limits });
    strictEqual(result.error?.kind, "refused");
    deepStrictEqual(result.around, UNTOUCHED);
  }
  await using fits = await attack(tar(), { limits: { bytes: 10, entries: 2 } });
  deepStrictEqual(fits.out, ["a", "b"]);
  await using deep = await attack(new RawTar().add({ name: "a/b/c" }), { limits: { depth: 2 } });
  deepStrictEqual(deep.report?.skipped, [{ path: "a/b/c", reason: "too deep" }]);
});

Deno.test("unpackInto() takes GNU and PAX long names and sizes", async () => {
  const long = `${"d".repeat(120)}/${"f".repeat(120)}`;
  await using result = await attack(
    new RawTar()
      .add({ name: "././@LongLink", flag: "L", body: `${long}\0` }).add({
        name: "cut",
        body: "gnu",
      })
      .pax({ path: "größe", size: "3", mtime: "-5.25" }).add({ name: "x", body: "pax", size: 0 })
      .pax({ comment: "a commit" }, "g")
      .add({ name: "old/", body: "" }),
  );
  deepStrictEqual(result.out, [long.slice(0, 120), long, "größe", "old"]);
  strictEqual(await result.read(long), "gnu");
  strictEqual(await result.read("größe"), "pax");
});

Deno.test("unpackInto() takes what GNU tar writes in each of its formats", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(`${dir.path}/in/${"s".repeat(90)}`, { recursive: true });
  await Deno.writeTextFile(`${dir.path}/in/${"s".repeat(90)}/${"t".repeat(99)}`, "x");
  await Deno.symlink("..", `${dir.path}/in/${"s".repeat(90)}/up`);
  for (const format of ["gnu", "pax", "ustar"]) {
    await tool(["tar", `--format=${format}`, "-cf", "t.tar", "-C", "in", "."], dir.path);
    const file = await Deno.open(`${dir.path}/t.tar`);
    const report = await unpackInto(file.readable, `${dir.path}/${format}`);
    deepStrictEqual(report.skipped, []);
    await tool(["diff", "-r", "--no-dereference", "in", format], dir.path);
  }
});

Deno.test("unpackInto() wants a new or an empty directory", async () => {
  await using dir = await tempDir();
  const tar = () => new RawTar().add({ name: "f", body: "new" }).stream();
  await Deno.mkdir(`${dir.path}/empty`);
  await unpackInto(tar(), `${dir.path}/empty`);
  const stream = tar();
  await rejects(unpackInto(stream, `${dir.path}/empty`), { kind: "create", message: /not empty/ });
  strictEqual((await stream.getReader().read()).done, true); // and its source is let go
  await rejects(unpackInto(tar(), `${dir.path}/empty/f`), { kind: "create" });
  await rejects(unpackInto(tar(), `${dir.path}/none/deep`), { kind: "create" });
  strictEqual(await Deno.readTextFile(`${dir.path}/empty/f`), "new");
  await Deno.remove(`${dir.path}/empty/f`);
  const bad = new RawTar().add({ name: "ok", body: "x" }).add({ name: "../f" }).stream();
  await rejects(unpackInto(bad, `${dir.path}/empty`), { kind: "refused" });
  deepStrictEqual([...Deno.readDirSync(`${dir.path}/empty`)], []); // kept: it was there before
});

Deno.test("unpackInto() gets one file, or one folder's contents", async () => {
  await using dir = await tempDir();
  const tar = () =>
    new RawTar()
      .add({ name: "w/a/f", mode: 0o755, body: "file" })
      .add({ name: "w/a/link", flag: "2", linkname: "f" })
      .add({ name: "w/a/climb", flag: "2", linkname: "../b" })
      .add({ name: "w/b", body: "other" }).stream();
  const get = (only: string, dest: string) =>
    unpackInto(tar(), `${dir.path}/${dest}`, { strip: 1, only });

  strictEqual((await get("a/f", "name")).files, 1);
  strictEqual(await Deno.readTextFile(`${dir.path}/name`), "file");
  await rejects(get("b", "name"), { kind: "create", message: /it exists/ });
  strictEqual(await Deno.readTextFile(`${dir.path}/name`), "file");
  await Deno.mkdir(`${dir.path}/full`);
  await Deno.writeTextFile(`${dir.path}/full/x`, "");
  await get("b", "full");
  strictEqual(await Deno.readTextFile(`${dir.path}/full/b`), "other");
  await Deno.symlink("victim", `${dir.path}/dangling`);
  await rejects(get("b", "dangling"), { kind: "create" });

  const report = await get("a", "folder");
  deepStrictEqual([report.files, report.symlinks], [1, 1]);
  deepStrictEqual(report.skipped.map((s) => s.path), ["climb"]);
  deepStrictEqual([...Deno.readDirSync(`${dir.path}/folder`)].map((e) => e.name).sort(), [
    "f",
    "link",
  ]);
  await rejects(get("none", "x"), { kind: "io", message: /nothing of that name/ });
  await rejects(get("a/link", "x"), { kind: "io", message: /symbolic link/ });
  await rejects(Deno.lstat(`${dir.path}/x`), Deno.errors.NotFound);
});

Deno.test("unpackInto() names what tools on the host trust", async () => {
  const names = [
    ".claude/settings.local.json",
    ".envrc",
    ".git/config",
    ".git/hooks/pre-commit",
    ".mcp.json",
    ".vscode/tasks.json",
    "bare/config",
    "sub/.GIT/hooks/post-checkout",
  ];
  const harmless = [
    ".git/hooks/pre-commit.sample",
    ".git/HEAD",
    "Makefile",
    "etc/config",
    "bare/HEAD",
  ];
  const tar = new RawTar();
  for (const name of [...names, ...harmless]) tar.add({ name, body: "x" });
  tar.add({ name: "linked/.git", flag: "2", linkname: "../bare" });
  await using result = await attack(tar);
  deepStrictEqual(result.report?.trusted, [
    ...names.slice(0, 7),
    "linked/.git",
    names[7],
  ]);
});

Deno.test("unpackInto() stops at an abort, also of a stream that stalls", async () => {
  await using dir = await tempDir();
  const abort = new AbortController();
  const bytes = new RawTar().add({ name: "a", body: "x" }).bytes({ open: true });
  let sent = false;
  const stalled = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (!sent) controller.enqueue(bytes);
      else abort.abort(new Error("stop"));
      sent = true;
      return sent ? undefined : new Promise(() => {});
    },
  });
  await rejects(
    unpackInto(stalled, `${dir.path}/out`, { signal: abort.signal }),
    /stop/,
  );
  await rejects(Deno.lstat(`${dir.path}/out`), Deno.errors.NotFound);
});
