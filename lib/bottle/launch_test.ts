import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Answer, fakeEngine } from "../engine/testing/fake_engine.ts";
import type { CommandError } from "../system/process.ts";
import { createProgress } from "../system/progress.ts";
import { Interruption, UserError } from "../system/errors.ts";
import { launchBottle, removeBottle } from "./launch.ts";
import { planBottle } from "./plan.ts";
import { fakeBackend, type FakeBottle, untilAborted } from "./testing/fake_backend.ts";
import { ID, requestOf } from "./testing/fixtures.ts";

const FACTS: Record<string, string> = {
  addresses: "0",
  routes: "0",
  routes6: "0",
  vsock: "E socket(40, 1, 0): Operation not permitted",
  resolve: "2",
  direct: "7",
  trust: "0",
  proxy: '0 {"error":"egress_denied","reason":"host_not_granted"} 403',
  done: "1",
};
const text = (facts: Record<string, string>) =>
  Object.entries(facts).map(([name, value]) => `${name}\t${value}\n`).join("");
const good = () => Promise.resolve(text(FACTS));
const READY: Answer = {
  stdout: '{"ok":true,"ca":"-----BEGIN CERTIFICATE-----"}\n{"ok":true,"version":1}\n',
  hang: true,
};

/** Launches a scripted bottle with a scripted bundle; `events` is what was done, in order. */
async function launch(
  bottle: FakeBottle,
  { bundle = READY, restart = false, abort = new AbortController() }: {
    bundle?: Answer;
    restart?: boolean;
    abort?: AbortController;
  } = {},
) {
  const events: string[] = [];
  const { engine, calls } = fakeEngine((line) => {
    const what = line.startsWith("run ")
      ? "run bundle"
      : line.replaceAll(`claude-bottle-${ID}-`, "");
    events.push(what.replace("rm --force --volumes", "remove"));
    return line.startsWith("run ") ? bundle : undefined;
  });
  const backend = fakeBackend(events, bottle);
  const plan = planBottle(backend, {
    id: ID,
    owner: "me",
    image: "sha256:a",
    request: await requestOf("{}"),
  });
  const launched = launchBottle(plan, {
    sidecarsImage: "sha256:b",
    network: "n",
    secrets: { TOKEN: "s3cr3t" },
    extraCa: "",
    provision: new Uint8Array(),
    auditPath: "/nowhere",
    restart,
  }, {
    engine,
    backend,
    progress: createProgress({ write: () => {}, tty: false, color: false, quiet: true }),
    signal: abort.signal,
  });
  return { launched, events, calls };
}

const STOPPED = ["stop bottle", "stop --time=3 bundle", "logs bundle", "remove bundle"];
const UNDONE = [...STOPPED, "remove bottle"];
const tail = (events: string[], count: number) => events.slice(-count);

Deno.test("launchBottle() leaves the bottle running when all is as it must be", async () => {
  const { launched, events } = await launch({ exec: good });
  const bottle = await launched;
  deepStrictEqual([...events].sort(), ["exec", "launch", "run bundle"]);
  await bottle[Symbol.asyncDispose]();
  deepStrictEqual(tail(events, UNDONE.length), UNDONE);
});

Deno.test("launchBottle() hands secrets over on stdin and on no argv", async () => {
  const { launched, calls } = await launch({ exec: good });
  await using _bottle = await launched;
  const [bundle] = calls.filter(({ args }) => args[0] === "run");
  ok(bundle!.written.join("").includes("s3cr3t"));
  for (const { args, env } of calls) {
    strictEqual(JSON.stringify({ args, env }).includes("s3cr3t"), false);
  }
});

Deno.test("launchBottle() undoes everything, in order, when the sidecars fail", async () => {
  const bundle = { code: 125, stderr: "docker: no such image" };
  const { launched, events } = await launch({ launch: untilAborted, exec: good }, { bundle });
  await rejects(launched, (error) => {
    strictEqual((error as CommandError).result.stderr, "docker: no such image");
    return true;
  });
  deepStrictEqual(tail(events, UNDONE.length), UNDONE);
});

Deno.test("launchBottle() says what the bundle refused", async () => {
  const bundle = { stdout: '{"ok":false,"error":"policy: bad host"}\n', hang: true };
  const { launched, events } = await launch({ launch: untilAborted }, { bundle });
  await rejects(launched, /^UserError: Cannot start the sidecars: policy: bad host$/);
  deepStrictEqual(tail(events, UNDONE.length), UNDONE);
});

Deno.test("launchBottle() undoes everything when the bottle fails, and stops waiting for the rest", async () => {
  const cause = new UserError("create", "Cannot start the bottle");
  const { launched, events } = await launch(
    { launch: () => Promise.reject(cause) },
    { bundle: { hang: true } }, // never answers
  );
  await rejects(launched, (error) => error === cause);
  deepStrictEqual(tail(events, UNDONE.length), UNDONE);
});

for (const name of Object.keys(FACTS)) {
  Deno.test(`launchBottle() undoes everything when the self-check's "${name}" is wrong`, async () => {
    const facts = text({ ...FACTS, [name]: "wrong" });
    const { launched, events } = await launch({ exec: () => Promise.resolve(facts) });
    await rejects(launched, (error) => (error as UserError).exitCode === 77);
    deepStrictEqual(tail(events, UNDONE.length), UNDONE);
  });
}

const PHASES: Record<string, [FakeBottle, Answer]> = {
  "while both start": [{ launch: untilAborted }, { hang: true }],
  "while the bottle starts": [{ launch: untilAborted }, READY],
  "while the sidecars start": [{ exec: good }, { hang: true }],
  "while it is provisioned": [{ exec: untilAborted }, READY],
};
for (const [phase, [bottle, bundle]] of Object.entries(PHASES)) {
  for (const restart of [false, true]) {
    Deno.test(`launchBottle() undoes ${restart ? "a restart" : "everything"} when aborted ${phase}`, async () => {
      const abort = new AbortController();
      const reason = new Interruption("SIGTERM");
      const { launched, events } = await launch(bottle, { bundle, restart, abort });
      abort.abort(reason);
      await rejects(launched, (error) => error === reason);
      const undone = restart ? STOPPED : UNDONE;
      deepStrictEqual(tail(events, undone.length), undone);
      strictEqual(events.includes("remove bottle"), !restart);
    });
  }
}

Deno.test("launchBottle() undoes even what was aborted before it began", async () => {
  const abort = new AbortController();
  abort.abort(new Interruption("SIGINT"));
  const { launched, events } = await launch({ launch: untilAborted }, { abort });
  await rejects(launched, (error) => error === abort.signal.reason);
  deepStrictEqual(tail(events, UNDONE.length), UNDONE);
});

Deno.test("launchBottle() only stops a restarted bottle again: its files are the user's", async () => {
  const { launched, events } = await launch(
    { exec: () => Promise.resolve(text({ ...FACTS, routes: "1" })) },
    { restart: true },
  );
  await rejects(launched, /self-check failed/);
  ok(events.includes("restart"));
  deepStrictEqual(tail(events, STOPPED.length), STOPPED);
  strictEqual(events.includes("remove bottle"), false);
});

Deno.test("removeBottle() removes all it can when one part of it fails", async () => {
  const events: string[] = [];
  const { engine } = fakeEngine((line) => {
    events.push(line.split(" ")[0]!);
    return line.startsWith("logs") ? { code: 1, stderr: "cannot read logs" } : undefined;
  });
  const unstoppable = { stop: () => Promise.reject(new Error("cannot kill")) };
  const stuck = fakeBackend(events, unstoppable).open(ID);
  await rejects(removeBottle(engine, stuck, "/nowhere"), /cannot kill/);
  deepStrictEqual(events, ["stop bottle", "rm", "remove bottle"]);

  events.length = 0;
  await rejects(
    removeBottle(engine, fakeBackend(events, {}).open(ID), "/nowhere"),
    /cannot read logs/,
  );
  deepStrictEqual(events, ["stop bottle", "stop", "logs", "rm", "remove bottle"]);
});
