import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createWorld, leftOf, type World } from "../support/bottles.ts";
import { PROGRAM } from "../support/program.ts";

/** Starts the program and lets a test kill it. */
function launch(world: World, args: string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...PROGRAM, ...args],
    env: world.home.env,
    cwd: world.home.path,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return { child, output: child.output() };
}

async function stateIds(world: World): Promise<string[]> {
  const ids: string[] = [];
  try {
    for await (
      const { name, isDirectory } of Deno.readDir(`${world.home.path}/.claude-bottle/state`)
    ) {
      if (isDirectory) ids.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return ids;
}

/** Waits until the engine shows something of a bottle that was not there before. */
async function newBottle(world: World, known: string[]): Promise<string> {
  for (let tries = 0; tries < 200; tries++) {
    const fresh = (await stateIds(world)).find((id) => !known.includes(id));
    if (fresh !== undefined) return fresh;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("No bottle is being started");
}

const START = ["start", "test", "--yes", "--headless", "--prompt", "say exactly: late"];
/** A prompt whose tool call does not end by itself. */
const LONG = ["start", "test", "--yes", "--headless", "--prompt", "run bash: tail -f /dev/null"];

Deno.test("signals and kills, at each phase", async (t) => {
  await using world = await createWorld();
  const { home, engine } = world;
  const seen: string[] = [];

  for (const delay of [0, 150, 400, 800]) {
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      await t.step(
        `${signal} ${delay} ms after the launch began leaves nothing or a kept bottle`,
        async () => {
          const { child, output } = launch(world, LONG);
          const id = await newBottle(world, seen);
          seen.push(id);
          await new Promise((resolve) => setTimeout(resolve, delay));
          child.kill(signal);
          const { code: ended, stderr } = await output;
          strictEqual(ended, code, new TextDecoder().decode(stderr));
          const left = await leftOf(engine, id);
          if (left.length > 0) {
            // The agent ran already: its files are kept, and nothing else.
            deepStrictEqual(left, [`claude-bottle-${id}`, `claude-bottle-${id}-proxy`]);
            strictEqual((await world.list()).find((row) => row.id === id)!.state, "resumable");
            strictEqual((await home.run(["stop", id])).code, 0);
            deepStrictEqual(await leftOf(engine, id), []);
          } else {
            ok(!(await stateIds(world)).includes(id), "no state without a bottle");
          }
        },
      );
    }
  }

  for (const delay of [0, 200, 500, 1500]) {
    await t.step(
      `kill -9 ${delay} ms after the launch began: cleanup finds what is left`,
      async () => {
        const { child, output } = launch(world, LONG);
        const id = await newBottle(world, seen);
        seen.push(id);
        await new Promise((resolve) => setTimeout(resolve, delay));
        child.kill("SIGKILL");
        await child.status; // docker's clients live on, and hold its output
        // docker's own client may still be finishing what it was asked for.
        let cleaned = await home.run(["cleanup", "--yes"]);
        for (let tries = 0; tries < 20 && (await leftOf(engine, id)).length > 0; tries++) {
          await new Promise((resolve) => setTimeout(resolve, 100));
          cleaned = await home.run(["cleanup", "--yes"]);
        }
        strictEqual(cleaned.code, 0, cleaned.stderr);
        deepStrictEqual(await leftOf(engine, id), []);
        await output; // they end with their bottle
      },
    );
  }

  await t.step(
    "cleanup leaves a bottle with a living launcher, and a detached one, alone",
    async () => {
      const detached = await world.start();
      seen.push(detached);
      const { child, output } = launch(world, LONG);
      const id = await newBottle(world, seen);
      seen.push(id);
      for (let tries = 0; tries < 100; tries++) {
        if ((await world.list()).some((row) => row.id === id && row.state === "running")) break;
      }
      const listed = await home.run(["cleanup", "--dry-run"]);
      ok(!listed.stdout.includes(id) && !listed.stdout.includes(detached), listed.stdout);
      child.kill("SIGTERM");
      await output;
      for (const own of [id, detached]) strictEqual((await home.run(["stop", own])).code, 0);
    },
  );

  await t.step("a bottle removed from outside is said, and leaves nothing", async () => {
    const { output } = launch(world, LONG);
    const id = await newBottle(world, seen);
    seen.push(id);
    for (let tries = 0; tries < 200; tries++) {
      if ((await world.list()).some((row) => row.id === id && row.state === "running")) break;
    }
    await engine.check(["rm", "--force", `claude-bottle-${id}`]);
    const { code, stderr } = await output;
    strictEqual(code, 137);
    match(new TextDecoder().decode(stderr), /removed by somebody else/);
    deepStrictEqual(await leftOf(engine, id), []);
  });

  await t.step("an agent's own code passes through, and the bottle is kept", async () => {
    const result = await home.run([...START, "--", "--no-such-flag"]);
    ok(result.code !== 0 && result.code < 64, `${result.code}`);
    const id = /resume (\S+)/.exec(result.stderr)![1]!;
    strictEqual((await home.run(["stop", id])).code, 0);
    deepStrictEqual(await leftOf(engine, id), []);
  });
});

Deno.test("what cannot be started says why, and leaves nothing", async (t) => {
  await using world = await createWorld();
  const { home, engine } = world;
  const bottle = await home.read("bottles/test.md");

  const custom = async (dockerfile: string) => {
    await home.write("bottles/Dockerfile.custom", dockerfile);
    await home.write(
      "bottles/test.md",
      bottle.replace("---\n", "---\ndockerfile: ./Dockerfile.custom\n"),
    );
    const before = await stateIds(world);
    const result = await home.run(START);
    if (result.code !== 0) deepStrictEqual(await stateIds(world), before, "no state is left");
    return result;
  };
  const base = (await engine.check(["inspect", "--format={{.Id}}", "claude-bottle:latest"])).trim();

  await t.step("an image without dtach", async () => {
    const result = await custom(`FROM ${base}\nUSER root\nRUN rm /usr/bin/dtach\nUSER node\n`);
    strictEqual(result.code, 73, result.stderr);
    match(result.stderr, /error: Cannot start the bottle: its image has no "dtach"/);
  });

  await t.step("a build that fails: its last lines, and the whole log", async () => {
    const result = await custom(`FROM ${base}\nRUN echo the-reason >&2; exit 3\n`);
    strictEqual(result.code, 73);
    match(result.stderr, /the-reason/);
    const log = /read the whole log: (\S+)/.exec(result.stderr)![1]!;
    match(await Deno.readTextFile(log), /the-reason/);
  });

  await t.step("and one that works: the custom image is what runs", async () => {
    const result = await custom(`FROM claude-bottle\nRUN echo custom > /home/node/mark\n`);
    strictEqual(result.code, 0, result.stderr);
    strictEqual(result.stdout, "late\n");
  });
  await home.write("bottles/test.md", bottle);

  await t.step("gVisor that is not there", async () => {
    const runtimes = await engine.check(["info", "--format", "{{json .Runtimes}}"]);
    if (runtimes.includes("runsc")) return;
    await home.write("bottles/test.md", bottle.replace("---\n", "---\nruntime: runsc\n"));
    const result = await home.run(START);
    strictEqual(result.code, 69);
    match(result.stderr, /docker has no such runtime/);
    await home.write("bottles/test.md", bottle);
  });

  await t.step("a worktree", async () => {
    const tree = `${home.path}/tree`;
    await Deno.mkdir(tree);
    await Deno.writeTextFile(`${tree}/.git`, "gitdir: /elsewhere/.git/worktrees/tree\n");
    const result = await home.run([...START, "--cwd"], { cwd: tree });
    strictEqual(result.code, 65, result.stderr);
    match(result.stderr, /elsewhere/);
  });

  // Images made here are removed; others keep theirs.
  const made = await engine.check(["images", "--quiet", "claude-bottle-custom"]);
  for (const image of new Set(made.split("\n").filter((line) => line !== ""))) {
    await engine.run(["rmi", "--force", image]);
  }
});
