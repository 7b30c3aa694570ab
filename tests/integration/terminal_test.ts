import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert/strict";
import { createWorld, leftOf } from "../support/bottles.ts";
import { openTerminal } from "../support/terminal.ts";

Deno.test("an interactive agent on a real terminal", async (t) => {
  await using world = await createWorld();
  const { home, engine } = world;
  await using terminal = await openTerminal(home.env, home.path);
  const ids = world.list;
  let id = "";

  await t.step("start lands at Claude Code's own prompt, with no dialog before it", async () => {
    await terminal.type("claude-bottle start test; echo code=$?");
    await terminal.press("Enter");
    await terminal.see(/Go on\? \[y\/N\]/);
    await terminal.type("y");
    await terminal.press("Enter");
    const screen = await terminal.see(/bypass permissions on/, 30);
    match(screen, /❯/);
    match(screen, /\/workspace/);
    doesNotMatch(screen, /trust|theme|log ?in|API key|WARNING|checking/i);
    id = (await ids()).find(({ state }) => state === "running")!.id;
  });

  await t.step("it answers, and runs a tool without asking", async () => {
    await terminal.type("say exactly: pong-from-outside");
    await terminal.press("Enter");
    await terminal.see(/● pong-from-outside|pong-from-outside\n(.|\n)*pong-from-outside/);
    await terminal.type("run bash: echo made >/workspace/made");
    await terminal.press("Enter");
    await terminal.see(/done:/);
    strictEqual((await world.exec(id, "cat /workspace/made")).stdout, "made\n");
  });

  await t.step("a resize reaches the agent", async () => {
    await terminal.resize(60, 20);
    let size = "";
    for (let tries = 0; tries < 30 && !size.startsWith("20 60"); tries++) {
      size = (await world.exec(
        id,
        "stty size </dev/pts/$(ps -o tty= -p $(pgrep -x claude | head -1) | tr -d 'pts/ ')",
      )).stdout;
    }
    match(size, /^20 60/);
    await terminal.resize(100, 30);
  });

  await t.step("Ctrl-C is the agent's", async () => {
    await terminal.press("C-c");
    await terminal.see(/Press Ctrl-C again to exit/i);
    strictEqual((await ids()).find((row) => row.id === id)!.state, "running");
  });

  await t.step("a second terminal sees the same, and lets go without ending it", async () => {
    await using second = await openTerminal(home.env, home.path);
    await second.type(`claude-bottle attach ${id}; echo second=$?`);
    await second.press("Enter");
    await second.see(/bypass permissions on/);
    await second.press("C-\\");
    await second.see(/second=0/);
    strictEqual((await ids()).find((row) => row.id === id)!.state, "running");
  });

  await t.step("the detach key leaves it running, and attach redraws it", async () => {
    await terminal.press("C-\\");
    await terminal.see(new RegExp(`attach ${id}`));
    await terminal.see(/code=0/);
    strictEqual((await ids()).find((row) => row.id === id)!.state, "detached");
    await terminal.type(`clear; claude-bottle attach ${id}; echo again=$?`);
    await terminal.press("Enter");
    await terminal.see(/bypass permissions on/);
  });

  await t.step("/exit ends it with 0, and nothing is left", async () => {
    await terminal.type("/exit");
    await terminal.see(/Exit the CLI/);
    await terminal.press("Enter");
    await terminal.see(/again=0/);
    deepStrictEqual(await leftOf(engine, id), []);
    // A terminal that still works: echo, and a cursor at a prompt.
    await terminal.type("echo still-$((40+2))");
    await terminal.press("Enter");
    await terminal.see(/still-42/);
  });

  await t.step("a lost terminal detaches", async () => {
    await terminal.type("clear; claude-bottle start test --yes");
    await terminal.press("Enter");
    await terminal.see(/bypass permissions on/, 30);
    const lost = (await ids()).find(({ state }) => state === "running")!.id;
    await terminal.close();
    let state = "";
    for (let tries = 0; tries < 30 && state !== "detached"; tries++) {
      state = (await ids()).find((row) => row.id === lost)!.state;
    }
    strictEqual(state, "detached");
    ok((await world.exec(lost, "pgrep -x claude")).code === 0, "the agent runs on");
    strictEqual((await home.run(["stop", lost])).code, 0);
    deepStrictEqual(await leftOf(engine, lost), []);
  });
});

Deno.test("a terminal whose bottle dies is given back", async () => {
  await using world = await createWorld();
  const { home, engine } = world;
  await using terminal = await openTerminal(home.env, home.path);
  await terminal.type("claude-bottle start test --yes; echo code=$?");
  await terminal.press("Enter");
  await terminal.see(/bypass permissions on/, 30);
  const { id } = (await world.list())[0]!;
  await engine.check(["kill", `claude-bottle-${id}`]);
  const screen = await terminal.see(/code=137/);
  match(screen, new RegExp(`resume ${id}`));
  await terminal.type("echo still-$((40+2))");
  await terminal.press("Enter");
  await terminal.see(/still-42/);
  // Its session was killed, too, and left its socket behind; and nothing had been said yet.
  await terminal.type(`clear; claude-bottle resume ${id} --yes; echo resumed=$?`);
  await terminal.press("Enter");
  await terminal.see(/bypass permissions on/, 30);
  await terminal.type("say exactly: remembered");
  await terminal.press("Enter");
  await terminal.see(/● remembered/);
  const written = "until grep -qs turn_duration ~/.claude/projects/*/*.jsonl; do sleep 0.05; done";
  strictEqual((await world.exec(id, `timeout 10 sh -c '${written}'`)).code, 0);
  await engine.check(["kill", `claude-bottle-${id}`]);
  await terminal.see(/resumed=137/);
  await terminal.type(`clear; claude-bottle resume ${id} --yes; echo resumed=$?`);
  await terminal.press("Enter");
  await terminal.see(/● remembered/, 30);
  await terminal.see(/bypass permissions on/);
  await terminal.type("/exit");
  await terminal.see(/Exit the CLI/);
  await terminal.press("Enter");
  await terminal.see(/resumed=0/);
  deepStrictEqual(await leftOf(engine, id), []);
});

Deno.test("a terminal whose launcher is killed is a shell's again, and the agent runs on", async () => {
  await using world = await createWorld();
  const { home, engine } = world;
  await using terminal = await openTerminal(home.env, home.path);
  await terminal.type("claude-bottle start test --yes");
  await terminal.press("Enter");
  await terminal.see(/bypass permissions on/, 30);
  const { id } = (await world.list())[0]!;
  const shell = await terminal.pid();
  const [launcher] = await childrenOf(shell);
  Deno.kill(launcher!, "SIGKILL");
  await terminal.see(/Killed/);
  await terminal.press("Enter");
  await terminal.type("clear; echo still-$((40+2))");
  await terminal.press("Enter");
  await terminal.see(/still-42/);
  // The docker client went with it: nobody else reads what is typed.
  let left = await childrenOf(1, /docker.*exec.*dtach/);
  for (let tries = 0; tries < 50 && left.length > 0; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    left = await childrenOf(1, /docker.*exec.*dtach/);
  }
  deepStrictEqual(left, []);
  await terminal.type(`claude-bottle attach ${id}`);
  await terminal.press("Enter");
  await terminal.see(/bypass permissions on/);
  await terminal.press("C-\\");
  await terminal.see(/detached/);
  strictEqual((await home.run(["stop", id])).code, 0);
  deepStrictEqual(await leftOf(engine, id), []);
});

Deno.test("questions on a terminal: hidden, interruptible, and the terminal given back", async (t) => {
  await using world = await createWorld();
  const { home } = world;
  await home.write(
    "bottles/asked.md",
    '---\nenv: { KEY: "?A key" }\negress: { pipelock: false }\n---\n',
  );
  await home.write("agents/asked.md", "---\nbottle: asked\n---\n");
  await using terminal = await openTerminal(home.env, home.path);
  const begin = async (question: RegExp) => {
    await terminal.type("clear; claude-bottle start asked; echo code=$?");
    await terminal.press("Enter");
    await terminal.see(question);
  };
  const working = async () => {
    await terminal.type("echo still-$((40+2))");
    await terminal.press("Enter");
    await terminal.see(/echo still-.*\n(.*\n)*still-42/); // typed text is shown again
  };

  await t.step("Ctrl-C at y/N starts nothing", async () => {
    await begin(/Go on\? \[y\/N\]/);
    await terminal.press("C-c");
    await terminal.see(/code=130/);
    await working();
  });

  await t.step("anything but y starts nothing", async () => {
    await begin(/Go on\? \[y\/N\]/);
    await terminal.press("Enter");
    await terminal.see(/code=130/);
    await working();
  });

  await t.step("Ctrl-C at a hidden question gives echo back", async () => {
    await begin(/Go on\? \[y\/N\]/);
    await terminal.type("y");
    await terminal.press("Enter");
    await terminal.see(/KEY: A key \(hidden\):/);
    await terminal.type("secret-typed");
    await terminal.press("C-c");
    doesNotMatch(await terminal.see(/code=130/), /secret-typed/);
    await working();
  });

  await t.step("what is typed hidden reaches the agent, and no screen", async () => {
    await begin(/Go on\? \[y\/N\]/);
    await terminal.type("y");
    await terminal.press("Enter");
    await terminal.see(/KEY: A key \(hidden\):/);
    await terminal.type("secret-typös\b\bed");
    await terminal.press("Enter");
    doesNotMatch(await terminal.see(/bypass permissions on/, 30), /secret-typ/);
    const { id } = (await world.list())[0]!;
    const environ = await world.exec(
      id,
      "cat /proc/$(pgrep -x claude | head -1)/environ | tr '\\0' '\\n' | grep ^KEY=",
    );
    strictEqual(environ.stdout, "KEY=secret-typed\n");
    strictEqual((await home.run(["stop", id])).code, 0);
  });

  deepStrictEqual(await world.list(), []);
});

/** The children of a process, or those of them whose command line matches. */
async function childrenOf(parent: number, pattern = /./): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) !== parent) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (pattern.test(line)) found.push(Number(name));
  }
  return found;
}
