import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createWorld, leftOf, SECRET_ENV, TOKEN } from "../support/bottles.ts";

Deno.test("a bottle's life", async (t) => {
  await using world = await createWorld();
  const { engine, home, api } = world;

  await t.step(
    "a headless agent answers, and nothing but transcript and audit is left",
    async () => {
      const result = await home.run([
        "start",
        "test",
        "--yes",
        "--headless",
        "--prompt",
        "say exactly: pong",
      ]);
      strictEqual(result.stdout, "pong\n", result.stderr);
      strictEqual(result.code, 0);
      const ids = [...Deno.readDirSync(`${home.path}/.claude-bottle/state`)]
        .filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
      strictEqual(ids.length, 1);
      deepStrictEqual(await leftOf(engine, ids[0]!), []);
      const transcripts = [
        ...Deno.readDirSync(`${home.path}/.claude-bottle/state/${ids[0]}/transcript/-workspace`),
      ];
      ok(transcripts.some(({ name }) => name.endsWith(".jsonl")));
      const audit = await home.read(`audit/${ids[0]}.jsonl`);
      const lines = audit.trim().split("\n").map((line) => JSON.parse(line));
      ok(lines.some((line) => line.path === "/v1/messages" && line.decision === "allow"));
      deepStrictEqual(lines.map(({ seq }) => seq), lines.map((_, i) => i + 1), "no line is lost");
      strictEqual(
        Deno.statSync(`${home.path}/.claude-bottle/audit/${ids[0]}.jsonl`).mode! & 0o777,
        0o600,
      );
      ok(!audit.includes(TOKEN));
    },
  );

  await t.step("the credential is on the wire outside and nowhere else (C1)", async () => {
    const seen = (await api.seen()).filter(({ path }) => path.startsWith("/v1/messages"));
    ok(seen.length > 0);
    for (const { authorization, x_api_key } of seen) {
      strictEqual(authorization, `Bearer ${TOKEN}`);
      strictEqual(x_api_key, null);
    }
    const id = await world.start();
    const inside = await world.exec(
      id,
      "env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; " +
        "find / -xdev -type f -newer /proc/1/cmdline -size -4096 -exec cat {} + 2>/dev/null; " +
        "git config --list",
    );
    ok(inside.stdout.includes("HTTPS_PROXY=http://127.0.0.1:8888"), "the probe saw the env");
    ok(!inside.stdout.includes(TOKEN));
    const inspected = await engine.check([
      "inspect",
      `claude-bottle-${id}`,
      `claude-bottle-${id}-bundle`,
    ]);
    for (const secret of [TOKEN, SECRET_ENV]) {
      ok(!inspected.includes(secret), "docker inspect shows a secret");
      const logs = await engine.run(["logs", `claude-bottle-${id}-bundle`]);
      ok(!`${logs.stdout}${logs.stderr}`.includes(secret), "the log shows a secret");
      const top = await engine.check(["top", `claude-bottle-${id}-bundle`, "-eo", "pid,args"]);
      ok(!top.includes(secret), "a process list shows a secret");
    }
    const state = await home.read(`state/${id}/metadata.json`);
    ok(!state.includes(TOKEN) && !state.includes(SECRET_ENV));
    // The granted value is the agent's; its positive twin.
    const environ = await world.exec(
      id,
      "cat /proc/$(pgrep -x claude | head -1)/environ | tr '\\0' '\\n' | grep SECRET_ENV",
    );
    strictEqual(environ.stdout, `SECRET_ENV=${SECRET_ENV}\n`);
    strictEqual((await home.run(["stop", id.slice(0, -1)])).code, 0, "a unique prefix is enough");
    deepStrictEqual(await leftOf(engine, id), []);
  });

  await t.step("a copied workspace comes back only when it changed", async () => {
    const project = `${home.path}/project`;
    await Deno.mkdir(`${project}/src`, { recursive: true });
    await Deno.writeTextFile(`${project}/src/a.txt`, "a\n");
    await Deno.writeTextFile(`${project}/run.sh`, "#!/bin/sh\n");
    await Deno.chmod(`${project}/run.sh`, 0o755);
    await Deno.symlink("/etc/passwd", `${project}/outside`);
    await Deno.writeTextFile(`${project}/.claude-bottleignore`, "*.log\n");
    await Deno.writeTextFile(`${project}/noise.log`, "x");

    const id = await world.start(["--cwd"], project);
    const listed = await world.exec(id, "cd /workspace && ls -A && stat -c '%a %N' run.sh outside");
    strictEqual(
      listed.stdout,
      ".claude-bottleignore\noutside\nrun.sh\nsrc\n755 'run.sh'\n777 'outside' -> '/etc/passwd'\n",
    );
    strictEqual((await home.run(["stop", id])).code, 0);
    const none = await home.run(["get", id, `${home.path}/none`]);
    strictEqual(none.code, 64);
    match(none.stderr, /left no work/);

    const changed = await world.start(["--cwd"], project);
    await world.exec(changed, "cd /workspace && echo b >src/b.txt && ln -s ../../../etc evil");
    const live = await home.run(["get", changed, "src/b.txt", `${home.path}/live.txt`]);
    strictEqual(live.code, 0, live.stderr);
    strictEqual(Deno.readTextFileSync(`${home.path}/live.txt`), "b\n");
    const stopped = await home.run(["stop", changed]);
    match(stopped.stderr, new RegExp(`claude-bottle get ${changed} DEST`));
    const got = await home.run(["get", changed, `${home.path}/work`]);
    strictEqual(got.code, 0, got.stderr);
    strictEqual(Deno.readTextFileSync(`${home.path}/work/src/b.txt`), "b\n");
    match(got.stderr, /Left out: evil/);
    strictEqual(await Deno.lstat(`${home.path}/work/evil`).catch(() => "absent"), "absent");
  });

  await t.step(
    "an agent that fails is kept, and resumed with new sidecars and one CA",
    async () => {
      const id = await world.start();
      await world.exec(id, "echo kept >/home/node/kept; pkill -9 -x claude");
      const ended = await waitFor(async () => {
        const rows = JSON.parse((await home.run(["list", "--format", "json"])).stdout);
        return rows.find((row: { id: string; state: string }) => row.id === id)?.state === "ended";
      });
      ok(ended, "the bottle ends with its agent");
      const old = await engine.check(["cp", `claude-bottle-${id}:/run/claude-bottle/ca.crt`, "-"]);
      const resumed = await home.run(["resume", id, "--yes", "--detach"]);
      strictEqual(resumed.code, 0, resumed.stderr);
      const after = await world.exec(
        id,
        "cat /home/node/kept; grep -c BEGIN /run/claude-bottle/ca.crt; " +
          "expr $(grep -c BEGIN /etc/ssl/certs/ca-certificates.crt) - $(grep -c BEGIN /run/claude-bottle/image-ca.crt); " +
          "curl -s -o /dev/null -w '%{http_code}' https://api.anthropic.com/api/x",
      );
      strictEqual(after.stdout, "kept\n1\n1\n404");
      const fresh = await engine.check([
        "cp",
        `claude-bottle-${id}:/run/claude-bottle/ca.crt`,
        "-",
      ]);
      ok(old !== fresh, "a resumed bottle has a CA of its own");
      strictEqual((await home.run(["stop", id])).code, 0);
    },
  );

  await t.step(
    "a bottle that is stopped from elsewhere keeps its work, and its launcher says so",
    async () => {
      const project = `${home.path}/project2`;
      await Deno.mkdir(project);
      await Deno.writeTextFile(`${project}/a.txt`, "a\n");
      const prompt = "run bash: echo new >/workspace/new; sleep 20";
      const running = home.run([
        "start",
        "test",
        "--cwd",
        "--yes",
        "--headless",
        "--prompt",
        prompt,
      ], {
        cwd: project,
      });
      let id = "";
      ok(
        await waitFor(async () => {
          id = (await world.list()).find(({ state }) => state === "running")?.id ?? "";
          return id !== "" && (await world.exec(id, "cat /workspace/new")).stdout === "new\n";
        }),
      );
      const stopped = await home.run(["stop", id]);
      match(stopped.stderr, new RegExp(`1 path of the workspace changed: claude-bottle get ${id}`));
      const launcher = await running;
      match(launcher.stderr, /was stopped by another claude-bottle/);
      strictEqual(launcher.code, 137);
      strictEqual((await home.run(["get", id, "new", `${home.path}/kept`])).code, 0);
      strictEqual(Deno.readTextFileSync(`${home.path}/kept`), "new\n");
      deepStrictEqual(await leftOf(engine, id), []);
    },
  );

  await t.step("two stops at once keep the work once, and whole", async () => {
    for (let round = 0; round < 3; round++) {
      const id = await world.start(["--cwd"], `${home.path}/project2`);
      await world.exec(
        id,
        "head -c 3000000 /dev/urandom >/workspace/big; echo new >/workspace/new",
      );
      const both = await Promise.all([1, 2].map(() => home.run(["stop", id])));
      const said = both.map(({ stderr }) => stderr).join("\n");
      deepStrictEqual(both.map(({ code }) => code), [0, 0], said);
      strictEqual(said.match(/2 paths of the workspace changed/g)?.length, 1, said);
      const got = await home.run(["get", id, "new", `${home.path}/twice${round}`]);
      strictEqual(got.code, 0, got.stderr);
      strictEqual(Deno.readTextFileSync(`${home.path}/twice${round}`), "new\n");
    }
  });

  await t.step("two resumes at once are one, and a paused bottle keeps its work", async () => {
    const project = `${home.path}/project2`;
    const id = await world.start(["--cwd"], project);
    await engine.check(["kill", `claude-bottle-${id}`]);
    const both = await Promise.all([1, 2].map(() => home.run(["resume", id, "--yes", "--detach"])));
    deepStrictEqual(
      both.map(({ code }) => code).sort(),
      [0, 64],
      both[0]!.stderr + both[1]!.stderr,
    );
    strictEqual((await world.list()).find((row) => row.id === id)?.state, "detached");
    await world.exec(id, "echo more >/workspace/more");
    await engine.check(["pause", `claude-bottle-${id}`]);
    const stopped = await home.run(["stop", id]);
    strictEqual(stopped.code, 0, stopped.stderr);
    match(stopped.stderr, /1 path of the workspace changed/);
    deepStrictEqual(await leftOf(engine, id), []);
  });

  await t.step(
    "the log tells of every request, whatever its path, and whenever it was stopped",
    async () => {
      const id = await world.start();
      const script =
        "curl -s -o /dev/null https://no.example/$(head -c 17000 /dev/zero | tr '\\0' a); " +
        "curl -s -o /dev/null https://api.anthropic.com/v1/hidden; " +
        "for i in $(seq 200); do curl -s -o /dev/null https://api.anthropic.com/v1/last-$i & done; sleep 0.3";
      await world.exec(id, script);
      const outside = (await api.seen()).filter(({ path }) => /^\/v1\/(hidden|last-)/.test(path));
      strictEqual((await home.run(["stop", id])).code, 0);
      const log = await home.run(["logs", id, "--format", "json"]);
      const paths = new Set(log.stdout.trim().split("\n").map((line) => JSON.parse(line).path));
      for (const { path } of outside) ok(paths.has(path), path);
      ok(paths.has("/v1/hidden"));
    },
  );

  await t.step("ten starts at once are ten bottles", async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => world.start()));
    strictEqual(new Set(ids).size, 10);
    const rows = JSON.parse((await home.run(["list", "--format", "json"])).stdout) as {
      id: string;
      state: string;
    }[];
    const mine = rows.filter(({ id }) => ids.includes(id));
    deepStrictEqual(mine.map(({ state }) => state), Array(10).fill("detached"));
    const stopped = await Promise.all(ids.map((id) => home.run(["stop", id])));
    deepStrictEqual(stopped.map(({ code }) => code), Array(10).fill(0));
    const left = await Promise.all(ids.map((id) => leftOf(engine, id)));
    deepStrictEqual(left.flat(), []);
  });
});

async function waitFor(condition: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 40; tries++) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}
