import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ensureSmolmachine } from "../../lib/image/smolmachine.ts";
import { createSmolvm, probeVersion } from "../../lib/smolvm/smolvm.ts";
import type { CommandError } from "../../lib/system/process.ts";
import { interactProcess, runProcess, streamProcess } from "../../lib/system/process.ts";
import { createProgress } from "../../lib/system/progress.ts";
import { testEngine } from "../support/messages_api.ts";

const EMULATOR = fileURLToPath(new URL("../fakes/smolvm", import.meta.url));

Deno.test("a docker image becomes a .smolmachine", async (t) => {
  const engine = await testEngine();
  await using undo = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "cb-smol-" });
  undo.defer(() => Deno.remove(dir, { recursive: true }));
  const env = { SMOLVM_EMULATOR_DENO: Deno.execPath() };
  const smolvm = createSmolvm(EMULATOR, {
    run: (program, args, options) => runProcess(program, args, { ...options, env }),
    stream: streamProcess,
    interact: interactProcess,
  });
  const signal = new AbortController().signal;
  const version = await probeVersion(smolvm, signal);
  const tag = `claude-bottle-test-smol:${crypto.randomUUID().slice(0, 8)}`;
  const build = async (text: string) => {
    const dockerfile = `FROM scratch\nLABEL content=${text}\nCOPY Dockerfile /x\n`;
    await engine.check(["build", `--tag=${tag}`, "-"], { stdin: dockerfile });
    const id = (await engine.check(["image", "inspect", "--format={{.Id}}", tag])).trim();
    undo.defer(async () => void await engine.run(["rmi", "--force", id]));
    return id;
  };
  const context = {
    engine,
    smolvm,
    version,
    dir: `${dir}/smolmachines`,
    progress: createProgress({ write: () => {}, tty: false, color: false, quiet: true }),
    signal,
  };
  const left = async () =>
    (await Array.fromAsync(Deno.readDir(context.dir))).map(({ name }) => name)
      .filter((name) => !/\.(lock|json|smolmachine)$/.test(name));

  await t.step("that holds the very image", async () => {
    const id = await build("one");
    const artifact = await ensureSmolmachine(id, context);
    match(artifact, new RegExp(`/${id.slice(7, 23)}-${version}\\.smolmachine$`));
    // Loaded back, docker calls it by the same ID.
    const loaded = await engine.check(["load", `--input=${artifact}`]);
    ok(loaded.includes(id), loaded);
    deepStrictEqual(await left(), []);
    strictEqual(await ensureSmolmachine(id, context), artifact);
  });

  await t.step("two at once make it once", async () => {
    const id = await build("two");
    const both = await Promise.all([
      ensureSmolmachine(id, context),
      ensureSmolmachine(id, context),
    ]);
    strictEqual(both[0], both[1]);
    deepStrictEqual(await left(), []);
  });

  await t.step("an image that is gone fails in docker's words, and leaves nothing", async () => {
    const missing = `sha256:${"0".repeat(64)}`;
    await rejects(
      ensureSmolmachine(missing, context),
      (error: CommandError) => /^Error response from daemon/m.test(error.result.stderr),
    );
    deepStrictEqual(await left(), []);
  });

  await t.step("a start that is interrupted in the middle leaves nothing", async () => {
    const id = await build("three");
    const abort = new AbortController();
    const making = ensureSmolmachine(id, {
      ...context,
      signal: abort.signal,
      smolvm: {
        ...smolvm,
        run: (args, options) => {
          abort.abort(new Error("asked"));
          return smolvm.run(args, options);
        },
      },
    });
    await rejects(making, /asked/);
    deepStrictEqual(await left(), []);
  });
});
