import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { packTar } from "modern-tar";
import { BACKENDS } from "../../lib/backend/mod.ts";
import type { Backend, BackendName, BottleSpec } from "../../lib/backend/backend.ts";
import { BottleStopped } from "../../lib/backend/backend.ts";
import { PROXY_PORT } from "../../lib/backend/layout.ts";
import { createAuthority } from "../../lib/daemon/bundle/authority.ts";
import { PROXY_SOCKET } from "../../lib/daemon/policy.ts";
import { ensureImage } from "../../lib/image/build.ts";
import { agentImage } from "../../lib/image/inputs.ts";
import { createProgress } from "../../lib/system/progress.ts";
import { digestTar } from "../../lib/workspace/digest.ts";
import { testCertificates, testEngine } from "../support/messages_api.ts";

/** What every backend owes the core. A new entry of BACKENDS has to pass it as it stands. */
for (const name of Object.keys(BACKENDS) as BackendName[]) {
  Deno.test(`backend ${name} keeps the contract`, async (t) => {
    const engine = await testEngine();
    const cacheDir = await Deno.makeTempDir({ prefix: "cb-contract-" });
    await using undo = new AsyncDisposableStack();
    undo.defer(() => Deno.remove(cacheDir, { recursive: true }));
    const backend: Backend = BACKENDS[name](engine, { cacheDir });
    const signal = new AbortController().signal;
    const nodeImage = Deno.env.get("CLAUDE_BOTTLE_NODE_IMAGE");
    const { caFile } = await testCertificates();
    const image = await ensureImage(
      agentImage({ extraCa: await Deno.readTextFile(caFile), ...(nodeImage && { nodeImage }) }),
      {
        engine,
        progress: createProgress({ write: () => {}, tty: false, color: false, quiet: true }),
        logDir: cacheDir,
        signal,
      },
    );
    const suffix = Math.random().toString(36).slice(2, 7).padEnd(5, "0");
    const spec: BottleSpec = {
      id: `contract-${suffix}`,
      owner: "contract-suite",
      agent: "contract",
      image,
      services: [{ name: "proxy", port: PROXY_PORT, socket: PROXY_SOCKET }],
      resources: { memory: 512 * 1024 ** 2, pids: 128 },
    };
    const ca = createAuthority().certificate;
    undo.defer(() => backend.open(spec.id)[Symbol.asyncDispose]());

    await t.step("plan() is pure and repeatable", () => {
      deepStrictEqual(backend.plan(spec), backend.plan(spec));
      ok(!JSON.stringify(backend.plan(spec)).includes("CERTIFICATE"));
    });

    await t.step("open() of what does not exist: gone, and disposing is harmless", async () => {
      const nobody = backend.open(`contract-zzzzz`);
      strictEqual((await nobody.state()).status, "gone");
      await nobody[Symbol.asyncDispose]();
      await nobody[Symbol.asyncDispose]();
    });

    await t.step("probe() is content here", async () => {
      await backend.probe({}, signal);
    });

    const session = await backend.launch(backend.plan(spec), Promise.resolve(ca), signal);

    await t.step("launch() gives a bottle that is listed by its labels", async () => {
      const found = (await backend.list(signal)).find(({ id }) => id === spec.id)!;
      strictEqual(found.status, "running");
      strictEqual(found.agent, "contract");
      strictEqual(found.owner, "contract-suite");
      ok(Math.abs(Date.now() - found.createdAt!.getTime()) < 120_000, String(found.createdAt));
    });

    await t.step("launch() twice is refused, and the first lives on", async () => {
      await rejects(backend.launch(backend.plan(spec), Promise.resolve(ca), signal));
      strictEqual((await session.state()).status, "running");
    });

    await t.step("exec() passes code, streams, stdin, env and user", async () => {
      const result = await session.exec([
        "sh",
        "-c",
        'cat; echo "$A $(id -u)"; echo err >&2; exit 7',
      ], {
        stdin: "in\n",
        env: { A: "secret value" },
      });
      deepStrictEqual(result, { code: 7, stdout: "in\nsecret value 1000\n", stderr: "err\n" });
      strictEqual((await session.exec(["pwd"], { workdir: "/tmp" })).stdout, "/tmp\n");
      const big = await session.exec(["head", "-c", "5000000", "/dev/zero"]);
      strictEqual(big.stdout.length, 5_000_000);
    });

    await t.step("exec() takes a tar on stdin, and get() gives it back", async () => {
      const body = new TextEncoder().encode("content");
      const tar = await packTar([
        { header: { name: "workspace/d/", type: "directory", size: 0, mode: 0o755 } },
        { header: { name: "workspace/d/f", size: body.length, mode: 0o640 }, body },
        { header: { name: "workspace/d/l", type: "symlink", linkname: "f", size: 0 } },
      ]);
      strictEqual((await session.exec(["tar", "-x", "-C", "/"], { stdin: tar })).code, 0);
      await using download = session.get("/workspace/d", signal);
      const tree = await digestTar(download.tar, { strip: 1 });
      deepStrictEqual([...tree.keys()].sort(), ["f", "l"]);
      match(tree.get("f")!, /^file 640 /);
      match(tree.get("l")!, /^symlink .* f$/);
    });

    await t.step("the certificate is trusted, and the port listens", async () => {
      const trusted = await session.exec([
        "sh",
        "-c",
        "i=0; while [ ! -e /run/claude-bottle/ready ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i+1)); done; " +
        "cat /run/claude-bottle/ca.crt; curl -s -o /dev/null http://127.0.0.1:8888/; echo $?",
      ]);
      // 52, 56: the forwarder answers and has nobody behind it. 7 would be: nobody listens.
      match(trusted.stdout, /END CERTIFICATE-----\n(52|56)\n$/);
      ok(trusted.stdout.startsWith(ca));
    });

    await t.step("wait() waits for no longer than it is told", async () => {
      strictEqual((await session.wait(AbortSignal.timeout(50))).status, "running");
    });

    await t.step("a command that its bottle does not outlive ends with BottleStopped", async () => {
      const running = session.exec(["tail", "-f", "/dev/null"]);
      running.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await session.stop();
      const end = await running.then(({ code }) => code, (error) => error);
      ok(end instanceof BottleStopped || end === 137, String(end));
    });

    await t.step("stop() keeps the files; twice is harmless", async () => {
      await session.stop();
      strictEqual((await session.state()).status, "stopped");
      await using download = session.get("/workspace/d/f", signal);
      strictEqual((await digestTar(download.tar)).size, 1);
    });

    await t.step("restart() brings the files back, with a new certificate", async () => {
      const fresh = createAuthority().certificate;
      const again = await backend.restart(backend.plan(spec), Promise.resolve(fresh), signal);
      const seen = await again.exec([
        "sh",
        "-c",
        "cat /workspace/d/f; i=0; while [ ! -e /run/claude-bottle/ready ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i+1)); done; cat /run/claude-bottle/ca.crt",
      ]);
      strictEqual(seen.stdout, `content${fresh}`);
    });

    await t.step("disposing removes every part; twice is harmless", async () => {
      await session[Symbol.asyncDispose]();
      await session[Symbol.asyncDispose]();
      strictEqual((await session.state()).status, "gone");
      ok(!(await backend.list(signal)).some(({ id }) => id === spec.id));
    });

    await t.step("launch() that is aborted leaves what open() can remove", async () => {
      const abort = new AbortController();
      const launching = backend.launch(backend.plan(spec), new Promise(() => {}), abort.signal);
      setTimeout(() => abort.abort(new Error("asked")), 100);
      await rejects(launching, /asked/);
      await backend.open(spec.id)[Symbol.asyncDispose]();
      ok(!(await backend.list(signal)).some(({ id }) => id === spec.id));
    });
  });
}
