import { match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { judgeFacts, parseFacts } from "../../lib/bottle/self_check.ts";
import SELF_CHECK from "../../lib/bottle/self_check.sh" with { type: "text" };
import { createWorld, type World } from "../support/bottles.ts";
import { packTar } from "modern-tar";

/** What a probe printed, by the name in front of each line. */
async function probe(world: World, id: string, script: string): Promise<string> {
  return (await world.exec(id, script)).stdout;
}

Deno.test("a bottle is isolated", async (t) => {
  await using world = await createWorld();
  const other = await world.start();
  const id = await world.start();
  await t.step("from its start", (t) => attack(t, world, { id, other }));

  await t.step("and again when it is resumed, after what a hostile agent left in it", async (t) => {
    const left = await world.exec(
      id,
      `cd; printf 'proxy = "http://127.0.0.1:1"\\ninsecure\\n' >.curlrc
       printf 'unset HTTPS_PROXY https_proxy\\n' | tee .profile .bashrc .shrc >/dev/null
       mkdir -p bin .local/bin; for tool in curl socat getent tar; do
         printf '#!/bin/sh\\nexit 0\\n' | tee bin/$tool .local/bin/$tool >/dev/null; chmod +x bin/$tool .local/bin/$tool
       done
       mkdir evil; rm -rf .claude-bottle/*; echo '{"env":{"HTTPS_PROXY":""}}' >.claude/settings.json
       pkill -9 -x claude; echo done`,
    );
    match(left.stdout, /done/);
    for (let tries = 0, state = ""; tries < 50 && state !== "ended"; tries++) {
      state = (await world.list()).find((row) => row.id === id)!.state;
    }
    const resumed = await world.home.run(["resume", id, "--yes", "--detach"]);
    strictEqual(resumed.code, 0, resumed.stderr);
    await world.exec(id, "rm ~/.curlrc"); // the probes are made with curl
    await attack(t, world, { id, other });
  });
});

Deno.test("F3: a bottle gets the CPU and memory it was granted, and no more", async () => {
  await using world = await createWorld();
  const { home } = world;
  await home.write(
    "bottles/limited.md",
    "---\nextends: test\nresources: { cpus: 0.5, memory: 1g, pids: 100 }\n---\n",
  );
  await home.write("agents/limited.md", "---\nbottle: limited\n---\n");
  const started = await home.run(["start", "limited", "--yes", "--detach"]);
  strictEqual(started.code, 0, started.stderr);
  const id = started.stdout.trim();
  // Two busy processes for two seconds: without a limit they take two cores, or one at least.
  const busy = await world.exec(
    id,
    "for i in 1 2; do timeout 2 sh -c 'while :; do :; done' & done; wait; times >/tmp/times; tail -n 1 /tmp/times",
  );
  const spent = [...busy.stdout.matchAll(/(\d+)m([\d.]+)s/g)]
    .reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
  ok(spent > 0.3 && spent < 1.4, `${spent} s of CPU in 2 s`);
  const memory = await world.exec(id, "node -e 'Buffer.alloc(1.5 * 2 ** 30, 1)'; echo $?");
  strictEqual(memory.stdout.trim(), "137");
  const small = await world.exec(id, "node -e 'Buffer.alloc(64 * 2 ** 20, 1)'; echo $?");
  strictEqual(small.stdout.trim(), "0");
});

/** The attacks that need a whole bottle, each with its positive twin and a sink outside. */
async function attack(
  t: Deno.TestContext,
  world: World,
  { id, other }: { id: string; other: string },
): Promise<void> {
  const { engine, api } = world;
  const address = async (name: string) =>
    (await engine.check([
      "inspect",
      "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
      name,
    ])).trim();
  const bundle = await address(`claude-bottle-${id}-bundle`);
  const before = (await api.seen()).length;

  await t.step("N2: no direct dial gets out, whatever the protocol and the spelling", async () => {
    for (const target of [api.address, bundle, "172.17.0.1", "127.0.0.11", "192.0.2.1"]) {
      for (const port of [443, 2375, 53]) {
        const tcp = await probe(
          world,
          id,
          `curl -q -sk --noproxy '*' --max-time 3 -o /dev/null https://${target}:${port}/; echo $?`,
        );
        strictEqual(tcp.trim(), "7", `TCP ${target}:${port}`);
      }
      match(
        await probe(world, id, `echo x | socat -t1 - UDP:${target}:53 2>&1; echo end`),
        /unreachable|end/,
      );
    }
    for (
      const [what, script] of Object.entries({
        "unset proxy":
          `env -u HTTPS_PROXY -u https_proxy curl -q -sk --max-time 3 https://${api.address}/`,
        "--resolve":
          `curl -q -sk --noproxy '*' --max-time 3 --resolve api.anthropic.com:443:${api.address} https://api.anthropic.com/`,
        "--connect-to":
          `curl -q -sk --noproxy '*' --max-time 3 --connect-to ::${api.address}:443 https://api.anthropic.com/`,
        "IPv6": `curl -q -sk --noproxy '*' --max-time 3 'https://[2001:db8::1]/'`,
        "raw ICMP": `perl -e 'socket(my $s,2,3,1) or exit 9; exit 0'`,
        "packet": `perl -e 'socket(my $s,17,3,768) or exit 9; exit 0'`,
        "vsock": `perl -e 'socket(my $s,40,1,0) or exit 9; exit 0'`,
        "AF_ALG": `perl -e 'socket(my $s,38,5,0) or exit 9; exit 0'`,
      })
    ) {
      const out = await probe(world, id, `${script} >/dev/null 2>&1; echo $?`);
      notStrictEqual(out.trim(), "0", what);
    }
    // The twin: through the proxy the same host answers, and outside sees just that.
    const twin = await probe(
      world,
      id,
      "curl -s -o /dev/null -w '%{http_code}' https://api.anthropic.com/twin-n2",
    );
    strictEqual(twin, "404");
    const seen = (await api.seen()).slice(before).filter(({ path }) => !path.startsWith("/api/"));
    ok(seen.some(({ path }) => path === "/twin-n2"), "the sink sees what is allowed");
    ok(
      seen.every(({ path }) => path === "/twin-n2" || path.startsWith("/v1/")),
      "and nothing else",
    );
  });

  await t.step("N3: no name resolves", async () => {
    for (const name of ["example.com", "api.anthropic.com", "host.docker.internal", other]) {
      strictEqual(
        (await probe(world, id, `getent ahosts ${name} >/dev/null; echo $?`)).trim(),
        "2",
      );
    }
  });

  await t.step("N12: no control, no docker, no other service's socket", async () => {
    const found = await probe(
      world,
      id,
      "find / -xdev -type s 2>/dev/null; find /run/claude-bottle -type s; ls /var/run/docker.sock 2>&1",
    );
    const sockets = new Set(found.split("\n").filter((line) => line.startsWith("/")));
    sockets.delete("/run/claude-bottle/proxy/proxy.sock");
    // The agent's own are in its home and in /tmp.
    for (const socket of sockets) match(socket, /^\/(home\/node|tmp)\//);
    match(found, /docker\.sock.*No such file/);
    // The proxy is not a way to the control channel either.
    const control = await probe(
      world,
      id,
      `printf '{"op":"ca"}\\n' | socat -t1 - UNIX-CONNECT:/run/claude-bottle/proxy/proxy.sock`,
    );
    ok(!control.includes('"ok":true'), control);
  });

  await t.step("the forwarder, its port and its socket are out of the agent's reach", async () => {
    const out = await probe(
      world,
      id,
      "for p in 1 $(pgrep -x socat); do kill -9 $p 2>&1; done; " +
        "rm -f /run/claude-bottle/proxy/proxy.sock 2>&1; " +
        "touch /run/claude-bottle/proxy/x 2>&1; " +
        "timeout 1 socat TCP-LISTEN:8888,bind=127.0.0.1,reuseaddr - 2>&1; " +
        "curl -s -o /dev/null -w '%{http_code}' https://api.anthropic.com/still",
    );
    match(out, /not permitted/i);
    match(out, /Read-only file system/);
    match(out, /Address already in use/);
    match(out, /404$/);
  });

  await t.step("F3: no capability, no new privilege, limits on processes and memory", async () => {
    const status = await probe(world, id, "cat /proc/self/status; cat /proc/1/status");
    for (const line of status.match(/^Cap(Inh|Prm|Eff|Bnd|Amb):.*$/gm)!) {
      match(line, /\t0{16}$/, line);
    }
    match(status, /^NoNewPrivs:\t1$/m);
    match(status, /^Seccomp:\t2$/m);
    strictEqual((await probe(world, id, "id -u")).trim(), "1000");
    for (
      const forbidden of [
        "unshare -U true",
        "unshare -n true",
        "mount -t tmpfs x /mnt",
        "chroot / true",
      ]
    ) {
      notStrictEqual(
        (await probe(world, id, `${forbidden} 2>/dev/null; echo $?`)).trim(),
        "0",
        forbidden,
      );
    }
    const bomb = await probe(
      world,
      id,
      "i=0; while [ $i -lt 600 ]; do sleep 3 & i=$((i+1)); done 2>&1 | grep -c -i 'fork\\|resource'; pkill sleep",
    );
    ok(Number(bomb.trim()) > 0, "a fork bomb hits the limit");
    const memory = await probe(
      world,
      id,
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null",
    );
    strictEqual(Number(memory.trim()), 4 * 1024 ** 3);
    const set = await probe(
      world,
      id,
      "find / -xdev -perm /6000 -type f 2>/dev/null | head -1 | xargs -r -I{} sh -c '{} --help >/dev/null 2>&1; id -u'",
    );
    ok(set.trim() === "" || set.trim() === "1000", "setuid programs give nothing");
  });

  await t.step(
    "N13: a killed daemon comes back, with the same trust, and nothing direct",
    async () => {
      const kill = await engine.run([
        "exec",
        `claude-bottle-${id}-bundle`,
        "sh",
        "-c",
        // The image has no pgrep; the pattern does not match the script itself.
        "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q 'egress/[m]ain' && " +
        "kill -9 ${p#/proc/} && echo killed; done; true",
      ]);
      strictEqual(kill.stdout, "killed\n", kill.stderr);
      let code = "";
      for (let tries = 0; tries < 50 && code !== "404"; tries++) {
        code = await probe(
          world,
          id,
          "curl -s -o /dev/null -w '%{http_code}' --max-time 5 https://api.anthropic.com/again",
        );
      }
      strictEqual(code, "404", "the same CA is still trusted");
      const audit = await world.home.run(["logs", id]);
      match(audit.stdout, /The egress daemon ended \(.+\) and is started again/);
    },
  );
}

Deno.test("the self-check sees each way in which a bottle is not one", async (t) => {
  await using world = await createWorld();
  const { engine } = world;
  const id = await world.start();
  const image = (await engine.check(["inspect", "--format={{.Image}}", `claude-bottle-${id}`]))
    .trim();
  const network = "claude-bottle-test-open";
  const empty = await packTar([]);
  await using undo = new AsyncDisposableStack();
  await engine.run(["network", "rm", network]);
  undo.defer(async () => {
    await engine.run(["network", "rm", network]);
  });
  // Ours, with no way out, and with the very address that the check dials.
  await engine.check([
    "network",
    "create",
    "--internal",
    "--subnet=192.0.2.0/24",
    "--gateway=192.0.2.254",
    "--ipv6",
    "--subnet=fd00:cb::/64",
    network,
  ]);

  /** Runs the product's own check in a container that is not a bottle. */
  const check = async (args: string[], prelude = "") => {
    const argv = [
      "run",
      "--rm",
      "--interactive",
      "--user=0",
      ...args,
      "--entrypoint=/bin/sh",
      image,
    ];
    const script =
      `mkdir -p /run/claude-bottle; : >/run/claude-bottle/ready; ${prelude}\n${SELF_CHECK}`;
    const out = await engine.check(
      [...argv, "-c", script, "check", "8888", "192.0.2.1", "public.invalid", "self-check.invalid"],
      { stdin: empty },
    );
    return judgeFacts(parseFacts(out));
  };
  const has = (problems: string[], pattern: RegExp) =>
    ok(problems.some((problem) => pattern.test(problem)), problems.join("; "));

  await t.step("an interface, a route and an address that answers", async () => {
    const sink = await engine.check([
      "run",
      "--detach",
      "--rm",
      `--network=${network}`,
      "--ip=192.0.2.1",
      "--entrypoint=node",
      image,
      "-e",
      'require("http").createServer((q,r)=>r.end("x")).listen(80)',
    ]);
    undo.defer(async () => {
      await engine.run(["rm", "--force", sink.trim()]);
    });
    const problems = await check([`--network=${network}`]);
    has(problems, /interface "eth0" is up/);
    has(problems, /IPv4 route/);
    has(problems, /IPv6 address/);
    has(problems, /IPv6 route/);
    has(problems, /direct connection/);
  });

  await t.step("AF_VSOCK", async () => {
    const problems = await check(["--network=none", "--security-opt=seccomp=unconfined"]);
    has(problems, /AF_VSOCK/);
  });

  await t.step("a public name", async () => {
    has(
      await check(["--network=none", "--add-host=public.invalid:192.0.2.7"]),
      /public name resolves/,
    );
  });

  await t.step(
    "a trust store without the session's authority, or with another after it",
    async () => {
      const store = "/etc/ssl/certs/ca-certificates.crt";
      const ca = "head -n 20 " + store + " >/run/claude-bottle/ca.crt; ";
      const lacks = /trust store lacks/;
      has(await check(["--network=none"]), lacks); // there is no authority
      has(await check(["--network=none"], ca), lacks);
      has(
        await check(
          ["--network=none"],
          `${ca} cat /run/claude-bottle/ca.crt >>${store}; echo x >>${store}`,
        ),
        lacks,
      );
      const problems = await check(
        ["--network=none"],
        `${ca} cat /run/claude-bottle/ca.crt >>${store}`,
      );
      strictEqual(problems.some((problem) => lacks.test(problem)), false);
    },
  );

  await t.step("no proxy, and a proxy that lets through", async () => {
    has(await check(["--network=none"]), /proxy does not deny/);
    const lie =
      `node -e 'require("http").createServer().on("connect",(q,s)=>s.end("HTTP/1.1 200 OK\\r\\n\\r\\n")).listen(8888)' & sleep 0.5`;
    has(await check(["--network=none"], lie), /proxy does not deny/);
  });

  await t.step("and finds nothing wrong with a bottle", async () => {
    const argv = [
      "exec",
      "--interactive",
      "--user=1000",
      `claude-bottle-${id}`,
      "/bin/sh",
      "-c",
      SELF_CHECK,
    ];
    const out = await engine.check(
      [...argv, "check", "8888", "192.0.2.1", "public.invalid", "self-check.invalid"],
      { stdin: empty },
    );
    strictEqual(judgeFacts(parseFacts(out)).join("; "), "");
  });
});
