import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { UserError } from "../system/errors.ts";
import { CommandError } from "../system/process.ts";
import { createEngine, engineError, parseJson } from "./engine.ts";
import { probeEngine } from "./probe.ts";
import { removeContainer, removeVolume } from "./remove.ts";
import { fakeEngine } from "./testing/fake_engine.ts";

const CASES: [string, number, RegExp][] = [
  [
    "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
    69,
    /^Cannot reach the docker engine$/,
  ],
  [
    "error during connect: this error may indicate that the docker daemon is not running",
    69,
    /^Cannot reach the docker engine$/,
  ],
  ["failed to connect to the docker API at unix:///x", 69, /^Cannot reach the docker engine$/],
  [
    "permission denied while trying to connect: dial unix /var/run/docker.sock",
    69,
    /permission denied$/,
  ],
  ["write /var/lib/docker/x: no space left on device", 74, /disk is full$/],
];
for (const [stderr, code, message] of CASES) {
  Deno.test(`engineError() tells: ${stderr.slice(0, 40)}`, () => {
    const error = engineError(["docker", "ps"], { code: 1, stdout: "", stderr });
    ok(error instanceof UserError);
    strictEqual(error.exitCode, code);
    ok(message.test(error.message), error.message);
    ok(error.hints.length > 0);
    strictEqual((error.cause as CommandError).result.stderr, stderr); // never thrown away
  });
}

Deno.test("engineError() leaves other failures as they are", () => {
  const error = engineError(["docker", "x"], { code: 125, stdout: "", stderr: "odd" });
  ok(error instanceof CommandError);
  strictEqual(error.result.stderr, "odd");
});

Deno.test("createEngine() without a docker refuses every way to use it", async () => {
  const never = () => {
    throw new Error("must not run");
  };
  const engine = createEngine(undefined, { run: never, stream: never, interact: never });
  const missing = (error: unknown) =>
    error instanceof UserError && error.exitCode === 69 &&
    /Cannot find "docker"/.test(error.message);
  await rejects(engine.run(["ps"]), missing);
  await rejects(engine.check(["ps"]), missing);
  await rejects(engine.interact(["ps"]), missing);
  throws(() => engine.stream(["ps"]), missing);
});

Deno.test("probeEngine() takes the oldest engine there may be, and no older one", async () => {
  const signal = new AbortController().signal;
  const probe = (ApiVersion: string) => {
    const stdout = JSON.stringify({ Version: "v", ApiVersion, Os: "linux", Arch: "amd64" });
    return probeEngine(fakeEngine(() => ({ stdout })).engine, signal);
  };
  for (const api of ["1.41", "1.100", "2.0"]) strictEqual((await probe(api)).ApiVersion, api);
  for (const api of ["1.40", "1.5", "0.99"]) await rejects(probe(api), /20\.10 or newer is needed/);
  await rejects(probe("latest"), /Cannot understand/);
});

Deno.test("parseJson() is undefined for what is no JSON", () => {
  deepStrictEqual([parseJson("{"), parseJson("[1]")], [undefined, [1]]);
});

Deno.test("removeContainer() takes absence for success, and other failures for failures", async () => {
  for (
    const stderr of ["Error: No such container: x", "removal of container x is already in progress"]
  ) {
    await removeContainer(fakeEngine(() => ({ code: 1, stderr })).engine, "x");
  }
  const { engine } = fakeEngine(() => ({ code: 1, stderr: "device busy" }));
  await rejects(removeContainer(engine, "x"), CommandError);
});

/** Runs with timers that fire at once: how often is under test, not how long. */
async function withoutPauses(work: () => Promise<void>): Promise<void> {
  const real = globalThis.setTimeout;
  globalThis.setTimeout = ((resolve: () => void) => real(resolve, 0)) as typeof setTimeout;
  try {
    await work();
  } finally {
    globalThis.setTimeout = real;
  }
}

Deno.test("removeVolume() tries again while the volume is in use, and not for ever", async () => {
  const inUse = { code: 1, stderr: "Error: remove x: volume is in use - [abc]" };
  await withoutPauses(async () => {
    let left = 3;
    const soon = fakeEngine(() => left-- > 0 ? inUse : undefined);
    await removeVolume(soon.engine, "x");
    strictEqual(soon.calls.length, 4);
    const never = fakeEngine(() => inUse);
    await rejects(removeVolume(never.engine, "x"), /volume rm x/);
    strictEqual(never.calls.length, 41);
  });
});

Deno.test("removeVolume() does not try again what will not change", async () => {
  const gone = fakeEngine(() => ({ code: 1, stderr: "Error: No such volume: x" }));
  await removeVolume(gone.engine, "x");
  const down = fakeEngine(() => ({ code: 1, stderr: "Cannot connect to the Docker daemon" }));
  await rejects(removeVolume(down.engine, "x"), /Cannot reach the docker engine/);
  deepStrictEqual([gone.calls.length, down.calls.length], [1, 1]);
});
