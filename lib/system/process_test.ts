import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import {
  check,
  CommandError,
  interactProcess,
  quote,
  readLines,
  runProcess,
  streamProcess,
} from "./process.ts";

const sh = (script: string, ...args: string[]) => ["-c", script, "sh", ...args];

Deno.test("runProcess() says what happened and does not judge", async () => {
  const result = await runProcess("sh", sh("printf out; printf err >&2; exit 3"));
  deepStrictEqual(result, { code: 3, stdout: "out", stderr: "err" });
});

Deno.test("runProcess() drains both pipes of a child that fills them in turn", async () => {
  // 1 MiB each, more than a pipe holds: reading one after the other would hang.
  const fill = "head -c 1048576 /dev/zero | tr '\\0' x";
  const { stdout, stderr } = await runProcess("sh", sh(`${fill} >&2; ${fill}; ${fill} >&2`));
  deepStrictEqual([stdout.length, stderr.length], [1048576, 2097152]);
});

Deno.test("runProcess() feeds text, bytes and streams, and closes stdin", async () => {
  const bytes = new TextEncoder().encode("abc");
  for (const stdin of ["abc", bytes, ReadableStream.from([bytes])]) {
    strictEqual((await runProcess("cat", [], { stdin })).stdout, "abc");
  }
  strictEqual((await runProcess("cat", [])).stdout, "");
});

Deno.test("runProcess() judges a child that does not read its stdin by its code", async () => {
  const big = new Uint8Array(1 << 20);
  for (const stdin of [big, ReadableStream.from([big, big])]) {
    strictEqual((await runProcess("sh", sh("exec <&-; exit 5"), { stdin })).code, 5);
  }
});

Deno.test("runProcess() does not wait for a stalled source once the child has ended", async () => {
  let cancelled = false;
  const stdin = new ReadableStream<Uint8Array>({
    cancel: () => void (cancelled = true),
  });
  strictEqual((await runProcess("true", [], { stdin })).code, 0);
  ok(cancelled);
});

Deno.test("runProcess() fails with its source, and the child does not survive it", async () => {
  const stdin = ReadableStream.from((async function* () {
    yield new TextEncoder().encode("half");
    await Promise.resolve();
    throw new Error("the file became shorter");
  })());
  // Without the kill this would take a minute, and cat's success would hide the failure.
  await rejects(
    runProcess("sh", sh("cat >/dev/null; exec sleep 60"), { stdin }),
    /the file became shorter/,
  );
});

Deno.test("runProcess() kills the child when aborted, and rejects with the reason", async () => {
  const abort = new AbortController();
  const reason = new Error("enough");
  const run = runProcess("sleep", ["60"], { signal: abort.signal });
  abort.abort(reason);
  await rejects(run, (error) => error === reason);
  await rejects(runProcess("true", [], { signal: abort.signal }), (error) => error === reason);
});

Deno.test("runProcess() adds to the environment and puts no value on the argv", async () => {
  const script = 'printf %s "$TOKEN"; tr "\\0" " " </proc/$$/cmdline >&2';
  const { stdout, stderr } = await runProcess("sh", sh(script), { env: { TOKEN: "s3cr3t" } });
  strictEqual(stdout, "s3cr3t");
  strictEqual(stderr.includes("s3cr3t"), false);
});

Deno.test("check() returns stdout, or throws with argv and output kept", async () => {
  strictEqual(await check(runProcess, ["printf", "x"]), "x");
  await rejects(check(runProcess, ["sh", "-c", "echo why >&2; exit 2"]), (error) => {
    ok(error instanceof CommandError);
    strictEqual(error.message, "Command failed with exit code 2: sh -c 'echo why >&2; exit 2'");
    deepStrictEqual(error.result, { code: 2, stdout: "", stderr: "why\n" });
    return true;
  });
});

Deno.test("CommandError shortens long arguments in its message only", () => {
  const script = "x".repeat(300);
  const error = new CommandError(["sh", "-c", script], { code: 1, stdout: "", stderr: "" });
  ok(error.message.length < 120);
  strictEqual(error.argv[2], script);
});

Deno.test("quote() can be pasted into a shell", async () => {
  const argv = ["printf", "%s\\n", "a b", "it's", "$(id)", "plain-1.0:x@y"];
  const { stdout } = await runProcess("sh", ["-c", quote(argv)]);
  strictEqual(stdout, "a b\nit's\n$(id)\nplain-1.0:x@y\n");
});

Deno.test("streamProcess() holds a conversation by lines", async () => {
  await using client = streamProcess("sh", sh("while read -r x; do echo got $x; done; exit 4"));
  const lines = readLines(client.stdout);
  await client.write("one\n");
  strictEqual(await lines.next(), "got one");
  await client.write("two\n");
  strictEqual(await lines.next(), "got two");
  strictEqual((await client.end()).code, 4);
  strictEqual(await lines.next(), undefined);
});

Deno.test("streamProcess() kills the process when disposed, and tells stderr when it ended", async () => {
  let pid = "";
  {
    await using client = streamProcess("sh", sh("echo $$; exec sleep 60"));
    const lines = readLines(client.stdout);
    pid = (await lines.next())!;
    await lines.cancel();
  }
  match(pid, /^\d+$/);
  strictEqual((await runProcess("sh", sh("kill -0 $1", pid))).code, 1);
  await using failed = streamProcess("sh", sh("echo why >&2; exit 7"));
  deepStrictEqual(await failed.end(), { code: 7, stdout: "", stderr: "why\n" });
});

Deno.test("readLines() joins chunks, splits characters nowhere, and drops half a line", async () => {
  const bytes = new TextEncoder().encode("ä\nb\nrest");
  const stream = ReadableStream.from([...bytes].map((byte) => Uint8Array.of(byte)));
  const lines = readLines(stream);
  deepStrictEqual([await lines.next(), await lines.next(), await lines.next()], [
    "ä",
    "b",
    undefined,
  ]);
});

Deno.test("interactProcess() returns the code", async () => {
  strictEqual(await interactProcess("sh", sh("exit 9"), { stdin: "null" }), 9);
});
