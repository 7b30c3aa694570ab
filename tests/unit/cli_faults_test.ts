import { deepStrictEqual, doesNotMatch, match, ok, rejects, strictEqual } from "node:assert/strict";
import { parse as parseYaml } from "../../lib/std/yaml.ts";
import { runProcess, type RunResult } from "../../lib/system/process.ts";
import { VERSION } from "../../lib/version.ts";
import { fakeDocker, type FakeHost, writeDocker } from "../support/fake_docker.ts";
import { PROGRAM } from "../support/program.ts";

const HEADLESS = ["start", "web", "--headless", "--prompt", "hi", "--yes"];

/** One clear error with this code: nothing on stdout, no stack, and the patterns on stderr. */
function failed(result: RunResult, code: number, ...patterns: RegExp[]): void {
  strictEqual(result.code, code, result.stderr);
  strictEqual(result.stdout, "");
  strictEqual(result.stderr.match(/^error: /gm)?.length, 1, result.stderr);
  doesNotMatch(result.stderr, /Internal error|^\s+at /m);
  for (const pattern of patterns) match(result.stderr, pattern);
}

/** Nothing of a bottle is left: no state, and what docker was asked to make it was asked to remove. */
async function leftNothing(host: FakeHost): Promise<void> {
  const state = `${host.path}/.claude-bottle/state`;
  const names = await Array.fromAsync(Deno.readDir(state)).catch(() => []);
  deepStrictEqual(names.filter(({ isDirectory }) => isDirectory).map(({ name }) => name), []);
  const calls = await host.calls();
  for (const call of calls.filter((line) => line.startsWith("run "))) {
    const name = / --name=(\S+)/.exec(call)![1]!;
    ok(calls.some((line) => line.startsWith("rm --force") && line.endsWith(` ${name}`)), name);
  }
}

/** What docker was asked but for questions: `start --yes` asks them while manifests are read. */
async function commands(host: FakeHost): Promise<string[]> {
  const questions = /^(version|image ls|network ls|ps|volume ls) /;
  return (await host.calls()).filter((call) => !questions.test(call));
}

const DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?";

Deno.test("start without any docker says where to get one", async () => {
  await using host = await fakeDocker("", { script: null });
  failed(
    await host.run(HEADLESS),
    69,
    /^error: Cannot find "docker" in PATH$/m,
    /^hint: install Docker: https:/m,
  );
  await leftNothing(host);
});

for (const args of [HEADLESS, ["list"], ["stop", "x"], ["logs", "x"], ["cleanup"], ["build"]]) {
  Deno.test(`${args[0]} says that the engine is down, in docker's own words`, async () => {
    await using host = await fakeDocker(`*) echo '${DOWN}' >&2; exit 1 ;;`);
    await host.write("state/owner", "me");
    failed(
      await host.run(args),
      69,
      /^error: Cannot reach the docker engine$/m,
      /^ {2}Cannot connect to the Docker daemon at unix:/m,
      /^hint: start Docker/m,
    );
    await leftNothing(host);
  });
}

Deno.test("start says that docker's socket is not for this user", async () => {
  await using host = await fakeDocker(
    `*) echo 'permission denied while trying to connect to the docker API at unix:///var/run/docker.sock' >&2; exit 1 ;;`,
  );
  failed(await host.run(HEADLESS), 69, /^error: .*permission denied$/m, /^hint: add your user/m);
});

const VERSIONS: [string, string, RegExp, RegExp][] = [
  [
    "an engine that is too old",
    '{"Version":"19.03.1","ApiVersion":"1.40","Os":"linux","Arch":"amd64"}',
    /^error: Cannot use docker engine 19\.03\.1: 20\.10 or newer is needed$/m,
    /^hint: update Docker/m,
  ],
  [
    "an engine for Windows containers",
    '{"Version":"24.0","ApiVersion":"1.43","Os":"windows","Arch":"amd64"}',
    /^error: Cannot use a docker engine for windows$/m,
    /^hint: switch Docker to Linux containers$/m,
  ],
  [
    "an answer that is none",
    "null",
    /^error: Cannot understand the docker engine's version: null/m,
    /^hint: docker version$/m,
  ],
];
for (const [what, version, ...patterns] of VERSIONS) {
  Deno.test(`start refuses ${what}`, async () => {
    await using host = await fakeDocker(`"version --format"*) echo '${version}' ;;`);
    failed(await host.run(HEADLESS), 69, ...patterns);
    await leftNothing(host);
  });
}

const NO_IMAGE = `"image ls"*) ;;`;

Deno.test("start shows the last lines of a build that fails, and keeps the whole log", async () => {
  await using host = await fakeDocker(`${NO_IMAGE}
    "build "*) cat >/dev/null
      for i in $(seq 1 40); do echo "Step $i/40 : RUN thing"; done
      printf 'no newline at the end'
      echo "E: Unable to locate package" >&2; exit 100 ;;`);
  const result = await host.run(HEADLESS);
  failed(
    result,
    73,
    /^error: Cannot build image "claude-bottle"$/m,
    /^ {2}Step 40\/40 : RUN thing$/m,
    /^ {2}no newline at the end$/m,
    /^ {2}E: Unable to locate package$/m,
  );
  doesNotMatch(result.stderr, /^ {2}Step 1\/40/m);
  const path = /^hint: read the whole log: (\S+)$/m.exec(result.stderr)![1]!;
  const log = await Deno.readTextFile(path);
  match(log, /^Step 1\/40/);
  match(log, /E: Unable to locate package\n$/);
  await leftNothing(host);
});

Deno.test("start tells a full disk during a build from a build that fails", async () => {
  await using host = await fakeDocker(`${NO_IMAGE}
    "build "*) cat >/dev/null; echo "write /layer: no space left on device" >&2; exit 1 ;;`);
  failed(
    await host.run(HEADLESS),
    74,
    /^ {2}write \/layer: no space left/m,
    /^hint: docker system df$/m,
  );
});

Deno.test("start shows why docker run failed, and removes what it may have made", async () => {
  for (const name of ["bundle", "bottle"]) {
    const pattern = name === "bundle" ? '"run "*-bundle\\ *)' : '"run "*--network=none*)';
    await using host = await fakeDocker(
      `${pattern} echo 'docker: Error response from daemon: OCI runtime: it is odd.' >&2; exit 125 ;;`,
    );
    failed(
      await host.run(HEADLESS),
      69,
      /^error: Command failed with exit code 125: docker run /m,
      /^ {2}docker: Error response from daemon: OCI runtime: it is odd\.$/m,
      /^hint: /m,
    );
    await leftNothing(host);
  }
});

Deno.test("start says that the engine's disk is full while copying", async () => {
  await using host = await fakeDocker(
    `"exec "*) cat >/dev/null; echo "tar: x: Cannot write: No space left on device" >&2; exit 74 ;;`,
  );
  failed(
    await host.run(HEADLESS),
    74,
    /^error: Cannot copy into the bottle: the engine's disk is full$/m,
    /^ {2}tar: x: Cannot write/m,
    /^hint: docker system df$/m,
  );
  await leftNothing(host);
});

Deno.test("start says which tool a custom image lacks", async () => {
  await using host = await fakeDocker(`"run "*--network=none*) echo "missing dtach"; exit 1 ;;`);
  failed(
    await host.run(HEADLESS),
    73,
    /its image has no "dtach"$/m,
    /^hint: .*FROM claude-bottle/m,
  );
  await leftNothing(host);
});

Deno.test("start refuses a bottle whose self-check says nothing", async () => {
  await using host = await fakeDocker(`"exec "*) cat >/dev/null ;;`);
  failed(
    await host.run(HEADLESS),
    77,
    /^error: Cannot trust this bottle: its self-check failed$/m,
    /^hint: there is an IPv4 route$/m,
  );
  await leftNothing(host);
});

/** Manifests that cannot be used, each with what is said. None asks docker anything. */
const MANIFESTS: [string, Record<string, string>, ...RegExp[]][] = [
  [
    "a misspelt key",
    { "bottles/web.md": "---\negres: {}\n---\n" },
    /bottles\/web\.md"$/m,
    /^hint: .*egres.*did you mean "egress"/m,
  ],
  [
    "YAML that does not parse, with file and line",
    { "bottles/web.md": "---\nenv:\n  A: b\n  C: [\n---\n" },
    /^error: Cannot use manifest ".*bottles\/web\.md": line \d/m,
  ],
  [
    "a key that is there twice",
    { "bottles/web.md": "---\nenv: {}\nenv: {}\n---\n" },
    /bottles\/web\.md/,
  ],
  [
    "two bottles extending each other",
    { "bottles/web.md": "---\nextends: b\n---\n", "bottles/b.md": "---\nextends: web\n---\n" },
    /cycle web → b → web$/m,
    /^hint: remove "extends: web"/m,
  ],
  [
    "a bottle that is not there",
    { "agents/web.md": "---\nbottle: wev\n---\n" },
    /^error: Cannot find bottle "wev"/m,
    /^hint: did you mean "web"/m,
  ],
  [
    "a bad host, port and path, all at once",
    {
      "bottles/web.md": "---\negress:\n  routes:\n" +
        '    - { host: "http://x" }\n    - { host: a.com, port: 0 }\n' +
        '    - { host: a.com, paths: ["/a/../b"] }\n---\n',
    },
    /^hint: egress\.routes\[0\]\.host/m,
    /^hint: egress\.routes\[1\]\.port/m,
    /^hint: egress\.routes\[2\]\.paths/m,
  ],
  [
    "what is not set and not there, named together",
    {
      "agents/web.md": "---\nbottle: web\nskills: [review]\n---\n",
      "bottles/web.md": '---\nenv: { A: "${CB_TEST_UNSET}" }\negress:\n  pipelock: false\n' +
        "  routes: [{ host: a.com, auth: { scheme: bearer, token_ref: CB_TEST_TOKEN } }]\n---\n",
    },
    /^error: Cannot start: 3 things are missing on this machine$/m,
    /^hint: set CB_TEST_UNSET/m,
    /^hint: set CB_TEST_TOKEN/m,
    /^hint: create the skill "review"/m,
  ],
  [
    "grants that are not available yet",
    {
      "bottles/web.md": '---\ngit: [{ name: app, upstream: "git@h:x", identity_file: /k }]\n' +
        "supervise: true\negress: { routes: [{ host: a.com, scan: secrets }] }\n---\n",
    },
    /^error: Cannot start: git, supervise, egress\.routes\[0\]\.scan are not available yet$/m,
    /^hint: git: /m,
  ],
  [
    "a broken config.toml, with its line",
    { "config.toml": 'backend "docker"\n' },
    /config\.toml"/,
    /line 1/,
  ],
  [
    "an extra_ca_file that is not there",
    { "config.toml": 'extra_ca_file = "/does/not/exist.pem"\n' },
    /^error: Cannot read "\/does\/not\/exist\.pem"/m,
    /^hint: .*extra_ca_file/m,
  ],
];
for (const [what, files, ...patterns] of MANIFESTS) {
  Deno.test(`start refuses ${what}`, async () => {
    await using host = await fakeDocker();
    for (const [name, text] of Object.entries(files)) await host.write(name, text);
    failed(await host.run(HEADLESS), 65, ...patterns);
    deepStrictEqual(await commands(host), []);
    await leftNothing(host);
  });
}

Deno.test("start refuses a credential that no header can hold, by its variable's name", async () => {
  const routes = "[{ host: a.example, auth: { scheme: bearer, token_ref: TOKEN } }]";
  await using host = await fakeDocker("", {
    bottle: `egress: { pipelock: false, routes: ${routes} }`,
  });
  for (const TOKEN of ["a\nb", " padded", "\u0007", "x\r"]) {
    const result = await host.run(HEADLESS, { env: { TOKEN } });
    failed(result, 65, /^error: Cannot use the credential in TOKEN$/m);
    strictEqual(result.stderr.includes("padded"), false);
  }
  deepStrictEqual(await commands(host), []);
});

Deno.test("start says which setting asks for more CPUs than there are", async () => {
  const words =
    "docker: Error response from daemon: Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available.";
  await using host = await fakeDocker(`"run "*) echo '${words}' >&2; exit 125 ;;`, {
    bottle: "egress: { pipelock: false }\nresources: { cpus: 1000 }",
  });
  failed(
    await host.run(HEADLESS),
    65,
    /^error: Cannot give the bottle its "resources.cpus": Range of CPUs/m,
  );
  await leftNothing(host);
});

Deno.test("start refuses names that are no names", async () => {
  await using host = await fakeDocker();
  for (const name of ["../web", "Web", "a b", "web\n", "$(id)", "-"]) {
    failed(
      await host.run(["start", name, "--dry-run"]),
      65,
      /bad name$/m,
      /^hint: a name must match/m,
    );
  }
  failed(await host.run(["start", "webx", "--dry-run"]), 65, /^hint: did you mean "web"/m);
});

/** Misuse of the command line: exit code 64 before anything happens. */
const USAGE: [string[], ...RegExp[]][] = [
  [["strat"], /Unknown command "strat"/, /^hint: did you mean "claude-bottle start"$/m],
  [["start", "web", "--detahc"], /Unknown flag "--detahc"/, /^hint: did you mean "--detach"$/m],
  [
    ["start", "web", "--yes=no"],
    /Flag "--yes" takes no value/,
    /^hint: usage: claude-bottle start/m,
  ],
  [["start", "web", "--cwd=foo"], /Flag "--cwd" takes no value/],
  [["get", "web-12345"], /Missing argument DEST/],
  [["start"], /Missing argument AGENT/, /^hint: usage: claude-bottle start/m],
  [
    ["start", "web"],
    /without a terminal$/m,
    /^hint: --headless --prompt TEXT$/m,
    /^hint: --detach$/m,
  ],
  [["start", "web", "--headless", "--yes"], /"--headless" and "--prompt" go together/, /^hint: /m],
  [["start", "web", "--prompt", "x"], /"--headless" and "--prompt" go together/, /^hint: /m],
  [["start", "web", "--format", "json"], /"--format" goes with "--dry-run"/, /^hint: /m],
  [["start", "web", "--detach"], /Cannot ask for confirmation/, /^hint: --yes$/m],
  [
    ["start", "web", "--dry-run", "--backend", "dokcer"],
    /Unknown backend/,
    /did you mean "docker"/,
  ],
  [["attach", "web-12345"], /Cannot attach without a terminal/],
  [["resume", "web-12345"], /Unknown bottle "web-12345"/, /^hint: claude-bottle list$/m],
  [["exec", "web-12345"], /Missing command/, /^hint: claude-bottle exec web-12345 -- CMD$/m],
  [["exec", "web-12345", "--", "ls"], /Unknown bottle "web-12345"/],
  [["get", "web-12345", "dest"], /Unknown bottle "web-12345"/],
  [["logs", "web-12345"], /Unknown bottle "web-12345"/],
  [["stop"], /Say which bottle to stop/, /^hint: claude-bottle list$/m],
  [["stop", "x", "--all"], /Say which bottle to stop/],
  [["info", "web-12345"], /Unknown bottle "web-12345"/],
  [["edit", "webx"], /Unknown agent or bottle "webx"/, /^hint: did you mean "web"$/m],
  [["schema", "botle"], /Unknown schema "botle"/, /^hint: did you mean "bottle"$/m],
  [["completions", "tcsh"], /Unknown shell "tcsh"/, /^hint: bash, zsh or fish$/m],
];
Deno.test("misuse of the command line exits with 64 and says what to type", async (t) => {
  await using host = await fakeDocker();
  for (const [args, ...patterns] of USAGE) {
    await t.step(args.join(" "), async () => failed(await host.run(args), 64, ...patterns));
  }
  deepStrictEqual(await commands(host), []);
});

Deno.test("start refuses a backend that is not available yet", async () => {
  await using host = await fakeDocker();
  const args = ["start", "web", "--dry-run", "--backend=smolmachines"];
  failed(await host.run(args), 69, /not available yet$/m, /^hint: --backend docker$/m);
});

Deno.test("start needs trust for a repository's agent, remembers it, and asks about new content", async () => {
  // Ends after trust was decided: the engine is too old.
  await using host = await fakeDocker(`"version --format"*) echo null ;;`);
  const repo = `${host.path}/repo`;
  const agent = `${repo}/.claude-bottle/agents/fix.md`;
  await Deno.mkdir(`${repo}/.claude-bottle/agents`, { recursive: true });
  await Deno.writeTextFile(agent, "---\nbottle: web\n---\nfirst\n");
  const args = ["start", "fix", "--headless", "--prompt", "x", "--yes"];
  const refused = /^error: Cannot start a repository's agent that is not trusted$/m;
  const start = (...more: string[]) => host.run([...args, ...more], { cwd: repo });

  failed(await start(), 77, refused, /^hint: claude-bottle start fix --trust-repo-agent$/m);
  deepStrictEqual(await commands(host), []);
  failed(await start("--trust-repo-agent"), 69);
  failed(await start(), 69); // remembered
  await Deno.writeTextFile(agent, "---\nbottle: web\n---\nsecond\n");
  failed(await start(), 77, refused);
  await Deno.writeTextFile(`${host.path}/.claude-bottle/state/trusted-agents.json`, "{garbage");
  failed(await start(), 77, refused); // what cannot be read trusts nobody
});

Deno.test("start warns about a repository's bottles and never reads them", async () => {
  await using host = await fakeDocker();
  const repo = `${host.path}/repo`;
  await Deno.mkdir(`${repo}/.claude-bottle/bottles`, { recursive: true });
  await Deno.writeTextFile(`${repo}/.claude-bottle/bottles/web.md`, "not a manifest: [");
  await Deno.writeTextFile(
    `${repo}/.claude-bottle/bottles/evil.md`,
    "---\negress: { routes: [{ host: evil.example.com }] }\n---\n",
  );
  const result = await host.run(["start", "web", "--dry-run"], { cwd: repo });
  strictEqual(result.code, 0, result.stderr);
  match(result.stderr, /^warning: Ignoring ".*repo\/\.claude-bottle\/bottles"/m);
  match(result.stdout, /^network {2}none$/m);
});

Deno.test("a docker of the working directory or of a relative PATH entry is never run", async () => {
  await using host = await fakeDocker("", { script: null });
  const repo = `${host.path}/repo`;
  const log = `${host.bin}/calls.log`;
  await Deno.mkdir(`${repo}/bin`, { recursive: true });
  await Deno.mkdir(`${repo}/links`);
  await writeDocker(`${repo}/bin/docker`, { log });
  await writeDocker(`${repo}/docker`, { log });
  // Called "docker", a shell would run the repository's script "ps".
  await Deno.symlink("/bin/sh", `${repo}/links/docker`);
  await writeDocker(`${repo}/ps`, { log });
  for (
    const path of [
      "bin",
      ".",
      "",
      `${repo}/bin`,
      `${host.path}/../${host.path.split("/").pop()}/repo/bin`,
      `${repo}/links`,
    ]
  ) {
    const env = { PATH: `${path}:${host.bin}` };
    failed(await host.run(["list"], { cwd: repo, env }), 69, /Cannot find "docker" in PATH/);
  }
  deepStrictEqual(await host.calls(), []);
  // The twin: the same docker, asked for from elsewhere.
  strictEqual((await host.run(["list"], { env: { PATH: `${repo}/bin:/usr/bin:/bin` } })).code, 0);
  ok((await host.calls()).length > 0);
});

Deno.test("without HOME the program says so", async () => {
  await using host = await fakeDocker();
  const argv = ["-u", "HOME", Deno.execPath(), ...PROGRAM, "list"];
  const env = { DENO_DIR: host.env.DENO_DIR! };
  failed(await runProcess("env", argv, { env }), 64, /HOME is not set$/m, /^hint: export HOME=/m);
  failed(await host.run(["list"], { env: { HOME: "relative" } }), 64, /HOME is not set$/m);
});

const ID = "web-a1b2c";
/** An engine with one stopped bottle. */
const STOPPED = `
  "ps "*) echo '{"Names":"claude-bottle-${ID}","State":"exited","Labels":"claude-bottle.id=${ID},claude-bottle.role=agent,claude-bottle.owner=me,claude-bottle.agent=web,claude-bottle.backend=docker","CreatedAt":"2026-01-01 00:00:00 +0000 UTC"}' ;;`;

Deno.test("a newer version's state is refused, and its bottle neither stopped nor cleaned up", async () => {
  await using host = await fakeDocker(STOPPED);
  const newer = '{"version":2}';
  await host.write(`state/${ID}/metadata.json`, newer);
  await host.write("state/owner", "me");
  for (
    const args of [["resume", ID, "--detach", "--yes"], ["info", ID], ["stop", ID], [
      "stop",
      "--all",
    ]]
  ) {
    const { code, stdout, stderr } = await host.run(args);
    strictEqual(code, 74, stderr);
    strictEqual(stdout, "");
    match(stderr, /^error: Cannot read state ".*": a newer claude-bottle wrote it$/m);
    match(stderr, /^hint: update claude-bottle$/m);
  }
  const cleanup = await host.run(["cleanup", "--yes"]);
  strictEqual(cleanup.code, 0, cleanup.stderr);
  match(cleanup.stderr, /^warning: Leaving web-a1b2c alone: /m);
  strictEqual(await host.read(`state/${ID}/metadata.json`), newer);
  deepStrictEqual(
    (await host.calls()).filter((call) => /^(rm|kill|volume rm|start) /.test(call)),
    [],
  );
  const list = await host.run(["list"]);
  deepStrictEqual([list.code, /^web-a1b2c /m.test(list.stdout)], [0, true]);
});

Deno.test("resume asks about a repository's agent as start does", async () => {
  await using host = await fakeDocker(STOPPED);
  await Deno.remove(`${host.path}/.claude-bottle/agents/web.md`);
  const repo = `${host.path}/repo`;
  await Deno.mkdir(`${repo}/.claude-bottle/agents`, { recursive: true });
  await Deno.writeTextFile(`${repo}/.claude-bottle/agents/web.md`, "---\nbottle: web\n---\nevil\n");
  const state = (cwd: string) =>
    host.write(
      `state/${ID}/metadata.json`,
      JSON.stringify({
        version: 1,
        id: ID,
        agent: "web",
        bottle: "web",
        backend: "docker",
        cwd,
        workspace: false,
        started_at: "2026-01-01T00:00:00.000Z",
        images: {},
        program: "0",
        phase: "stopped",
        detached: false,
        headless: false,
        arguments: [],
      }),
    );
  const resume = () => host.run(["resume", "web", "--detach", "--yes"], { cwd: repo });
  await state(repo);
  failed(await resume(), 77, /not trusted$/m);
  // Started somewhere else: this repository's agent of that name is another one.
  await state("/some where");
  failed(await resume(), 64, /Cannot resume .* from here$/m, /^hint: .*cd '\/some where'$/m);
  deepStrictEqual((await host.calls()).filter((call) => /^(start|run) /.test(call)), []);
});

Deno.test("--dry-run prints the plan and asks docker nothing", async () => {
  await using host = await fakeDocker("", {
    bottle: "env: { MODE: test }\negress:\n  pipelock: false\n" +
      "  routes: [{ host: a.example.com }, { host: b.example.com }]",
  });
  const work = `${host.path}/work`;
  await Deno.mkdir(work);
  await Deno.writeTextFile(`${work}/.env`, "TOKEN=x");
  await Deno.writeTextFile(`${work}/id_rsa\x1b[2J`, "");
  const args = ["start", "web", "--dry-run", "--cwd"];

  const text = await host.run(args, { cwd: work });
  strictEqual(text.code, 0, text.stderr);
  match(text.stdout, /^network {2}a\.example\.com:443\n {9}b\.example\.com:443$/m);
  match(text.stdout, /^copy {5}.*: 2 files/m);
  match(text.stdout, /looks like a credential: \.env /);
  strictEqual(text.stdout.includes("\x1b"), false); // the names of files are the repository's words

  const json = await host.run([...args, "--format", "json"], { cwd: work });
  strictEqual(json.code, 0, json.stderr);
  const plan = JSON.parse(json.stdout);
  match(plan.id, /^web-[0-9a-z]{5}$/);
  deepStrictEqual(plan.grants.routes, ["a.example.com:443", "b.example.com:443"]);
  strictEqual(plan.workspace.totals.files, 2);
  ok(plan.backend.commands[0].includes("--network=none"));

  deepStrictEqual(await host.calls(), []);
  await rejects(Deno.stat(`${host.path}/.claude-bottle/state`), Deno.errors.NotFound);
  await rejects(Deno.stat(`${host.path}/cache/claude-bottle`), Deno.errors.NotFound);
});

for (
  const [pay, variable, scheme] of [
    ["s", "CLAUDE_BOTTLE_OAUTH_TOKEN", "bearer"],
    ["k", "ANTHROPIC_API_KEY", "header"],
  ] as const
) {
  Deno.test(`init writes manifests that can be started, paid with "${pay}", and never overwrites`, async () => {
    await using host = await fakeDocker();
    const result = await host.run(["init"], { stdin: `mine\n${pay}\n` });
    strictEqual(result.code, 0, result.stderr);
    const files = ["bottles/mine.md", "agents/mine.md"];
    deepStrictEqual(
      result.stdout.trim().split("\n"),
      files.map((name) => `${host.path}/.claude-bottle/${name}`),
    );
    match(result.stderr, new RegExp(`next: export ${variable}=`));
    match(result.stderr, /next: claude-bottle start mine --cwd/);
    const bottle = await host.read("bottles/mine.md");
    const { egress } = parseYaml(bottle.split("---")[1]!) as {
      egress: { routes: { host: string; auth: Record<string, string> }[] };
    };
    strictEqual(egress.routes.length, 1);
    deepStrictEqual(
      [egress.routes[0]!.host, egress.routes[0]!.auth.scheme, egress.routes[0]!.auth.token_ref],
      ["api.anthropic.com", scheme, variable],
    );
    const plan = await host.run(["start", "mine", "--dry-run"], { env: { [variable]: "x" } });
    strictEqual(plan.code, 0, plan.stderr);
    match(plan.stdout, new RegExp(`^secrets  ${variable} `, "m"));

    failed(
      await host.run(["init"], { stdin: `mine\n${pay}\n` }),
      73,
      /it exists$/m,
      /^hint: claude-bottle edit mine$/m,
    );
    strictEqual(await host.read("bottles/mine.md"), bottle);
    deepStrictEqual(await host.calls(), []);
  });
}

Deno.test("init refuses a bad name and a bad answer, and writes nothing", async () => {
  await using host = await fakeDocker();
  failed(await host.run(["init"], { stdin: "../x\ns\n" }), 64, /Cannot use "\.\.\/x" as a name/);
  failed(await host.run(["init"], { stdin: "mine\nboth\n" }), 64, /Unknown answer "both"/);
  await rejects(host.read("bottles/mine.md"), Deno.errors.NotFound);
});

Deno.test("edit prints the paths when there is no terminal, the agent's before the bottle's", async () => {
  await using host = await fakeDocker();
  const { code, stdout } = await host.run(["edit", "web"], { env: { EDITOR: "/bin/false" } });
  const paths = ["agents", "bottles"].map((kind) => `${host.path}/.claude-bottle/${kind}/web.md\n`);
  deepStrictEqual([code, stdout], [0, paths.join("")]);
});

Deno.test("schema prints JSON Schema of each manifest", async () => {
  await using host = await fakeDocker();
  for (const [name, key] of [["bottle", "egress"], ["agent", "bottle"], ["config", "backend"]]) {
    const { code, stdout } = await host.run(["schema", name!]);
    strictEqual(code, 0);
    ok(key! in JSON.parse(stdout).properties);
  }
});

Deno.test("bare, list and --version answer on stdout what scripts read, and say the rest on stderr", async () => {
  await using host = await fakeDocker();
  for (const args of [[], ["list"]]) {
    const { code, stdout, stderr } = await host.run(args);
    deepStrictEqual([code, stdout], [0, ""]);
    match(stderr, /^No bottles\.\nhint: claude-bottle start AGENT/);
  }
  strictEqual((await host.run(["list", "--format", "json"])).stdout, "[]\n");
  deepStrictEqual(await host.run(["--version"]), {
    code: 0,
    stdout: `claude-bottle ${VERSION}\n`,
    stderr: "",
  });
});

Deno.test("doctor fails with a fix for each failing line, and as JSON", async () => {
  await using host = await fakeDocker("", { script: null });
  await host.write("bottles/web.md", "---\negres: {}\n---\n");
  const text = await host.run(["doctor"]);
  strictEqual(text.code, 69);
  match(text.stdout, /^✗ docker +not in PATH\n {2}fix: https:/m);
  match(text.stdout, /^✗ bottle web .*did you mean "egress".*\n {2}fix: claude-bottle edit web$/m);
  match(text.stdout, /^✓ agent web /m);
  const json = await host.run(["doctor", "--format", "json"]);
  strictEqual(json.code, 69);
  const found = JSON.parse(json.stdout) as { name: string; status: string; fix?: string }[];
  for (const { name, status, fix } of found) ok(status !== "fail" || fix !== undefined, name);
});

Deno.test("doctor is content with a healthy engine", async () => {
  await using host = await fakeDocker();
  const { code, stdout } = await host.run(["doctor"]);
  strictEqual(code, 0, stdout);
  match(stdout, /^✓ engine +24\.0\.7 amd64$/m);
});

Deno.test("stop --all goes on when one bottle cannot be stopped, and fails", async () => {
  const row = (id: string) =>
    `echo '{"Names":"claude-bottle-${id}","State":"running","Labels":"claude-bottle.id=${id},claude-bottle.role=agent,claude-bottle.owner=me,claude-bottle.agent=web,claude-bottle.backend=docker","CreatedAt":"2026-01-01 00:00:00 +0000 UTC"}'`;
  await using host = await fakeDocker(`
    "ps "*) ${row("web-aaaaa")}; ${row("web-bbbbb")} ;;
    "kill claude-bottle-web-aaaaa") echo "cannot kill it" >&2; exit 1 ;;`);
  await host.write("state/owner", "me");
  const { code, stderr } = await host.run(["stop", "--all"]);
  strictEqual(code, 69, stderr);
  match(stderr, /^✓ stop web-bbbbb /m);
  match(stderr, /^✗ stop web-aaaaa /m);
  match(stderr, /^ {2}cannot kill it$/m);
  const removed = (await host.calls()).filter((call) => /^rm .*-web-.....$/.test(call)).sort();
  deepStrictEqual(removed.map((call) => call.slice(-5)), ["aaaaa", "bbbbb"]);
});
