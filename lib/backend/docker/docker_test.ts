import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { type Answer, fakeEngine } from "../../engine/testing/fake_engine.ts";
import { docker } from "./docker.ts";

const ID = "web-a1b2c";
const signal = new AbortController().signal;
const scripted = (answer: Answer) => {
  const { engine, calls, lines } = fakeEngine(() => answer);
  return { session: docker(engine, { cacheDir: "/cache" }).open(ID), calls, lines };
};

Deno.test("docker's session passes secrets by environment: names on the argv, values nowhere", async () => {
  const { session, calls } = scripted({});
  const env = { TOKEN: "s3cr3t" };
  await session.exec(["true"], { env });
  await session.interact(["true"], { env, tty: true });
  for (const call of calls) {
    strictEqual(call.args.join(" ").includes("s3cr3t"), false);
    strictEqual(call.args.filter((arg) => arg === "--env=TOKEN").length, 1);
    deepStrictEqual(call.env, env);
    strictEqual(call.args.includes("--user=1000:1000"), true); // never root
  }
  deepStrictEqual(calls.map(({ args }) => args.includes("--tty")), [false, true]);
});

Deno.test("docker's session tells running, stopped and gone apart, and from a failure", async () => {
  const state = (answer: Answer) => scripted(answer).session.state(signal);
  const inspected = (Running: boolean, ExitCode: number) => ({
    stdout: JSON.stringify({ Status: "x", Running, ExitCode }),
  });
  deepStrictEqual(await state(inspected(true, 0)), { status: "running" });
  deepStrictEqual(await state(inspected(false, 3)), { status: "stopped", code: 3 });
  deepStrictEqual(await state({ code: 1, stderr: "Error: No such container: x" }), {
    status: "gone",
  });
  await rejects(state({ code: 1, stderr: "Cannot connect to the Docker daemon" }), /Cannot reach/);
});

Deno.test("docker's session can be stopped when it has stopped, and removed when it is gone", async () => {
  for (const stderr of ["Container x is not running", "No such container: x"]) {
    await scripted({ code: 1, stderr }).session.stop();
  }
  await rejects(scripted({ code: 1, stderr: "permission denied" }).session.stop());
  const { session, lines } = scripted({});
  await session[Symbol.asyncDispose]();
  await session[Symbol.asyncDispose]();
  deepStrictEqual(lines().slice(0, 2), [
    `rm --force --volumes claude-bottle-${ID}`,
    `volume rm --force claude-bottle-${ID}-proxy`,
  ]);
});

const row = (name: string, State: string, labels: string) =>
  JSON.stringify({
    Names: name,
    State,
    Labels: labels,
    CreatedAt: "2026-01-02 03:04:05 +0000 UTC",
  });

Deno.test("docker lists whole bottles, and what is left of others", async () => {
  const label = (id: string, role: string) =>
    `claude-bottle.id=${id},claude-bottle.role=${role},claude-bottle.agent=web,claude-bottle.backend=docker`;
  const { engine } = fakeEngine((line) => ({
    stdout: line.startsWith("ps")
      ? [
        row("a", "running", label("web-aaaaa", "agent")),
        row("a-bundle", "running", label("web-aaaaa", "bundle")),
        row("b", "exited", label("web-bbbbb", "agent")),
        row("c-bundle", "running", label("web-ccccc", "bundle")),
        row("d", "created", label("web-ddddd", "agent")),
        row("e", "running", "claude-bottle.id=web-eeeee,claude-bottle.backend=other"),
      ].join("\n")
      : "a-proxy web-aaaaa\nf-proxy web-fffff\n",
  }));
  const found = await docker(engine, { cacheDir: "/c" }).list(signal);
  deepStrictEqual(found.map(({ id, status, parts }) => [id, status, ...parts]), [
    ["web-aaaaa", "running", "container a", "container a-bundle", "volume a-proxy"],
    ["web-bbbbb", "stopped", "container b"],
    ["web-ccccc", "incomplete", "container c-bundle"],
    ["web-ddddd", "incomplete", "container d"],
    ["web-fffff", "incomplete", "volume f-proxy"],
  ]);
  strictEqual(found[0]!.createdAt!.toISOString(), "2026-01-02T03:04:05.000Z");
});

Deno.test("docker refuses gVisor that is not there, or cannot pass sockets", async () => {
  const version = '{"Version":"v","ApiVersion":"1.43","Os":"linux","Arch":"amd64"}';
  const probe = (runtimes: unknown) => {
    const { engine } = fakeEngine((line) => ({
      stdout: line.startsWith("version") ? version : JSON.stringify(runtimes),
    }));
    return docker(engine, { cacheDir: "/c" }).probe({ runtime: "runsc" }, signal);
  };
  await rejects(probe({ runc: {} }), /docker has no such runtime/);
  await rejects(probe({ runsc: { path: "runsc" } }), /registered without "--host-uds=open"/);
  await rejects(
    probe({ runsc: { runtimeArgs: ["--host-uds=none"] } }),
    /without "--host-uds=open"/,
  );
  await probe({ runsc: { runtimeArgs: ["--host-uds=open"] } });
});
