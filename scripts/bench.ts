/**
 * Measures what docs/performance.md promises, on real containers, each beside its reference in
 * the same run: ratios hold on noisy machines, times do not. `--json` prints JSON alone.
 */
import { packTar } from "modern-tar";
import { testCertificates, testConfig, testEngine } from "../tests/support/messages_api.ts";
import { runProcess, streamProcess } from "../lib/system/process.ts";
import { createHome } from "../tests/support/program.ts";
import BARE from "../tests/bench/bare_proxy.mjs" with { type: "text" };
import CLIENT from "../tests/bench/egress_client.mjs" with { type: "text" };
import UPSTREAM from "../tests/bench/upstream.mjs" with { type: "text" };

interface Row {
  what: string;
  value: number;
  unit: string;
  limit: string;
  met: boolean;
}

const MITM_PORT = "18080";
const json = Deno.args.includes("--json");
const rounds = Number(Deno.args.find((arg) => /^--rounds=\d+$/.test(arg))?.slice(9) ?? "7");
const rows: Row[] = [];
const engine = await testEngine();

function report(what: string, value: number, unit: string, limit?: [">=" | "<=", number]): void {
  const met = limit === undefined || (limit[0] === "<=" ? value <= limit[1] : value >= limit[1]);
  const row = {
    what,
    value: Math.round(value * 100) / 100,
    unit,
    limit: limit === undefined ? "" : limit.join(" "),
    met,
  };
  rows.push(row);
  if (!json) {
    const mark = limit === undefined ? " " : met ? "✓" : "✗";
    console.log(
      `${mark} ${what.padEnd(52)} ${String(row.value).padStart(9)} ${unit.padEnd(6)} ${row.limit}`,
    );
  }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Milliseconds since boot, on the clock that the kernel stamps processes with. */
async function uptime(): Promise<number> {
  return Number((await Deno.readTextFile("/proc/uptime")).split(" ")[0]) * 1000;
}

/** When the first process of a bottle's session was started (10 ms steps), or undefined. */
async function sessionStart(id: string): Promise<number | undefined> {
  const top = await engine.check(["top", `claude-bottle-${id}`, "-eo", "pid,args"]);
  const pid = /^\s*(\d+)\s+dtach /m.exec(top)?.[1];
  if (pid === undefined) return undefined;
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]) * 10;
}

const certificates = await testCertificates();
await using home = await createHome({ BENCH_TOKEN: "bench-token-0123456789abcdef0123456789" });
await home.write("config.toml", `${await testConfig()}`);
await home.write(
  "bottles/bench.md",
  `---
egress:
  routes:
    - host: up.example
      port: 9443
      auth: { scheme: bearer, token_ref: BENCH_TOKEN }
  extra_hosts: { up.example: 127.0.0.1 }
---
`,
);
await home.write("agents/bench.md", "---\nbottle: bench\n---\n");
const started: string[] = [];
await using undo = new AsyncDisposableStack();
undo.defer(async () => {
  for (const id of started) await home.run(["stop", id]);
});

async function start(): Promise<string> {
  const result = await home.run(["start", "bench", "--yes", "--detach"]);
  if (result.code !== 0) throw new Error(result.stderr);
  const id = result.stdout.trim();
  started.push(id);
  return id;
}

async function stop(id: string): Promise<void> {
  started.splice(started.indexOf(id), 1);
  const result = await home.run(["stop", id]);
  if (result.code !== 0) throw new Error(result.stderr);
}

// --- the program, and a bottle's start and end ---------------------------------------------

const warm = await start(); // builds what is missing, and warms the caches
const image = (await engine.check(["inspect", "--format={{.Image}}", `claude-bottle-${warm}`]))
  .trim();
await stop(warm);

const version: number[] = [];
const listing: number[] = [];
const references: number[] = [];
const starts: number[] = [];
const stops: number[] = [];
for (let round = 0; round < rounds; round++) {
  version.push(await timed(() => home.run(["--version"])));
  listing.push(await timed(() => home.run(["list"])));
  references.push(
    await timed(() => engine.check(["run", "--rm", "--network=none", "--entrypoint=true", image])),
  );
  const before = await uptime();
  const id = await start();
  const first = await sessionStart(id);
  if (first === undefined) throw new Error("The agent's session is not to be found");
  starts.push(first - before);
  stops.push(await timed(() => stop(id)));
}
report("--version", median(version), "ms", ["<=", 60]);
report("list", median(listing), "ms", ["<=", 200]);
report("docker run --rm --network none IMAGE true", median(references), "ms");
report("start: invocation to the agent's first exec", median(starts), "ms", ["<=", 650]);
report("  the same, best of the rounds", Math.min(...starts), "ms");
report("  ratio to docker run (ambition 3.0)", median(starts) / median(references), "×", ["<=", 4]);
report("teardown (stop, less what list takes)", median(stops) - median(listing), "ms", ["<=", 300]);

// --- egress: at the socket, and from inside the bottle --------------------------------------

const id = await start();
const bundle = `claude-bottle-${id}-bundle`;
const sidecars = (await engine.check(["inspect", "--format={{.Image}}", bundle])).trim();
await new Promise((resolve) => setTimeout(resolve, 2_000));
const usage = await engine.check(["stats", "--no-stream", "--format={{.MemUsage}}", bundle]);
report("bundle idle", mebibytes(usage), "MiB", ["<=", 80]);

function mebibytes(text: string): number {
  const [, value, unit] = /^([\d.]+)(KiB|MiB|GiB)/.exec(text)!;
  return Number(value) * { KiB: 1 / 1024, MiB: 1, GiB: 1024 }[unit as "MiB"]!;
}

await engine.check(["update", "--cpuset-cpus=0", bundle]); // one core for the daemon
const names = {
  upstream: `cb-bench-upstream-${id}`,
  bare: `cb-bench-bare-${id}`,
  client: `cb-bench-client-${id}`,
};
for (const name of Object.values(names)) {
  undo.defer(async () => void await engine.run(["rm", "--force", name]));
}
await engine.check([
  "run",
  "--detach",
  `--name=${names.upstream}`,
  `--network=container:${bundle}`,
  "--cpuset-cpus=1",
  "--env=TLS_CERT",
  "--env=TLS_KEY",
  "--entrypoint=node",
  sidecars,
  "--input-type=module",
  "--eval",
  UPSTREAM,
], { env: { TLS_CERT: certificates.bench, TLS_KEY: certificates.key } });
// What node:http can do on this machine, now, deciding and checking nothing.
await engine.check([
  "run",
  "--detach",
  `--name=${names.bare}`,
  `--network=container:${bundle}`,
  "--cpuset-cpus=0",
  "--mount=type=tmpfs,target=/tmp",
  `--mount=type=volume,source=claude-bottle-${id}-proxy,target=/run/claude-bottle/proxy`,
  "--env=TLS_CERT",
  "--env=TLS_KEY",
  "--env=UPSTREAM_CA",
  "--env=UPSTREAM_PORT=9443",
  "--env=LISTEN=/run/claude-bottle/proxy/bare.sock",
  "--entrypoint=node",
  sidecars,
  "--input-type=module",
  "--eval",
  BARE,
], {
  env: {
    TLS_CERT: certificates.bench,
    TLS_KEY: certificates.key,
    UPSTREAM_CA: certificates.ca,
  },
});
await engine.check([
  "run",
  "--detach",
  `--name=${names.client}`,
  `--network=container:${bundle}`, // to reach upstream directly, for comparison
  "--cpuset-cpus=1",
  `--mount=type=volume,source=claude-bottle-${id}-proxy,target=/run/claude-bottle/proxy,readonly`,
  "--entrypoint=sleep",
  sidecars,
  "600",
]);
const ca = await engine.check(["exec", `claude-bottle-${id}`, "cat", "/run/claude-bottle/ca.crt"]);
const files = async (container: string, dir: string) => {
  const entry = (name: string, text: string) => {
    const body = new TextEncoder().encode(text);
    return { header: { name: `${dir}/${name}`, size: body.length }, body };
  };
  const tar = await packTar([
    entry("client.mjs", CLIENT),
    entry("ca.pem", ca),
    entry("upstream.pem", certificates.ca),
  ]);
  await engine.check(["cp", "-", `${container}:/`], { stdin: tar });
};
await files(names.client, "tmp");
await files(`claude-bottle-${id}`, "tmp");

type Path = "socket" | "bottle" | "direct" | "bare" | "mitmdump";

async function client(where: Path, env: Record<string, string>) {
  const container = where === "bottle" ? `claude-bottle-${id}` : names.client;
  const target: Record<string, string> = where === "socket"
    ? { PROXY_SOCKET: "/run/claude-bottle/proxy/proxy.sock", CA: "/tmp/ca.pem" }
    : where === "bare"
    ? { PROXY_SOCKET: "/run/claude-bottle/proxy/bare.sock", CA: "/tmp/upstream.pem" }
    : where === "mitmdump"
    ? { PROXY_PORT: MITM_PORT, CA: "/tmp/mitm.pem" }
    : where === "bottle"
    ? { PROXY_PORT: "8888", CA: "/tmp/ca.pem" }
    : { DIRECT_PORT: "9443", CA: "/tmp/upstream.pem" };
  const all = Object.entries({ ...target, ...env }).map(([name, value]) =>
    `--env=${name}=${value}`
  );
  const out = await engine.check(["exec", ...all, container, "node", "/tmp/client.mjs"]);
  return JSON.parse(out) as { rate: number; p50: number; p99: number; mb_s: number; ms: number };
}
await engine.check(["update", "--cpuset-cpus=1", `claude-bottle-${id}`]);

/** CPU time of the egress daemon so far, in milliseconds (10 ms steps). */
async function daemonCpu(): Promise<number> {
  const top = await engine.check(["top", bundle, "-eo", "pid,args"]);
  const pid = /^\s*(\d+)\s.*egress\/main/m.exec(top)![1];
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/**
 * mitmdump beside the daemon: in its network, on its core, asking the same upstream. Undefined
 * where it is not installed, or where this user may not enter the bundle's network.
 */
async function startMitmdump(): Promise<AsyncDisposable | undefined> {
  const found = await runProcess("/bin/sh", ["-c", "command -v mitmdump nsenter taskset"]);
  if (found.code !== 0 || Deno.uid() !== 0) {
    if (!json) {
      console.log("  (mitmdump is not measured: it is not installed, or not for this user)");
    }
    return undefined;
  }
  const pid = (await engine.check(["inspect", "--format={{.State.Pid}}", bundle])).trim();
  const dir = await Deno.makeTempDir({ prefix: "cb-mitm-" });
  const process = streamProcess("nsenter", [
    `--net=/proc/${pid}/ns/net`,
    "taskset",
    "--cpu-list",
    "0",
    "mitmdump",
    "--quiet",
    `--listen-port=${MITM_PORT}`,
    "--listen-host=127.0.0.1",
    `--set=confdir=${dir}`,
    "--ssl-insecure",
    "--set=stream_large_bodies=1m",
    "--set=connection_strategy=lazy",
    // up.example is this namespace's loopback, as in the bottle's extra_hosts.
    "--map-remote=|up.example|127.0.0.1",
    "--modify-headers=/~q/authorization/Bearer bench-token",
  ], {});
  const ca = `${dir}/mitmproxy-ca-cert.pem`;
  for (let tries = 0; tries < 100; tries++) {
    const text = await Deno.readTextFile(ca).catch(() => "");
    if (text !== "") {
      const body = new TextEncoder().encode(text);
      const tar = await packTar([{ header: { name: "tmp/mitm.pem", size: body.length }, body }]);
      await engine.check(["cp", "-", `${names.client}:/`], { stdin: tar });
      await new Promise((resolve) => setTimeout(resolve, 1_000)); // it listens a little later
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

async function best<T>(work: () => Promise<T>, of: (result: T) => number, tries = 3): Promise<T> {
  const results: T[] = [];
  for (let i = 0; i < tries; i++) results.push(await work());
  return results.toSorted((a, b) => of(b) - of(a))[0]!;
}

await client("socket", { REQUESTS: "8000" }); // compiles
await client("bare", { REQUESTS: "8000" });
const rate = (where: Path, requests = 30_000) =>
  best(() => client(where, { REQUESTS: String(requests) }), ({ rate }) => rate);
const down = (where: Path) =>
  best(() => client(where, { MODE: "down", TARGET: "/big?mb=400" }), ({ mb_s }) => mb_s);
const one = (where: Path) =>
  best(() => client(where, { CONNECTIONS: "1", REQUESTS: "4000" }), ({ p50 }) => -p50);

const direct = await rate("direct");
report("egress: direct to upstream, 1 KB, 16 connections", direct.rate, "req/s");
const rateBefore = await daemonCpu();
const socket = await rate("socket");
const perRequest = (await daemonCpu() - rateBefore) * 1000 / 90_000;
report("egress: the daemon's CPU per request", perRequest, "µs");
report("egress: through the daemon (best of 3)", socket.rate, "req/s", [">=", 8000]);
const bare = await rate("bare");
report("egress: a bare proxy on the same node:http", bare.rate, "req/s");
report("  share of it", 100 * socket.rate / bare.rate, "%");
{
  await using other = await startMitmdump();
  if (other !== undefined) {
    report("egress: through mitmdump", (await rate("mitmdump", 3_000)).rate, "req/s");
    report("egress: download through mitmdump", (await down("mitmdump")).mb_s, "MB/s");
  }
}
const inside = await rate("bottle");
report("egress: the same from inside the bottle", inside.rate, "req/s");
report("  share that arrives", 100 * inside.rate / socket.rate, "%", [">=", 80]);
const added = (await one("socket")).p50 - (await one("direct")).p50;
report("egress: p50 added at one connection", added, "ms", ["<=", 0.4]);
report("egress: download direct from upstream", (await down("direct")).mb_s, "MB/s");
const cpuBefore = await daemonCpu();
const fast = await down("socket");
// What the daemon alone could do: client and upstream share the other core, and that is the limit.
const perCpu = 3 * 400 / ((await daemonCpu() - cpuBefore) / 1000);
report("egress: download, per second of the daemon's CPU", perCpu, "MB");
report("egress: download", fast.mb_s, "MB/s", [">=", 300]);
const bareDown = await down("bare");
report("egress: download through the bare proxy", bareDown.mb_s, "MB/s");
report("  share of it", 100 * fast.mb_s / bareDown.mb_s, "%");
const fastInside = await down("bottle");
report("egress: the same from inside the bottle", fastInside.mb_s, "MB/s");
report("  share that arrives", 100 * fastInside.mb_s / fast.mb_s, "%", [">=", 80]);
const sse = await best(() => client("socket", { MODE: "sse", TARGET: "/sse" }), ({ ms }) => -ms, 5);
report("egress: first event after upstream's", sse.ms, "ms", ["<=", 5]);
await client("socket", { MODE: "down", TARGET: "/big?mb=400", PACE_MB_S: "40" });
const peak = await engine.check([
  "exec",
  bundle,
  "sh",
  "-c",
  "for p in /proc/[0-9]*; do grep -q egress $p/cmdline 2>/dev/null && sed -n 's/VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' $p/status; done | sort -n | tail -1",
]);
report("egress: peak memory, with a slow reader on 400 MB", Number(peak) / 1024, "MiB", [
  "<=",
  200,
]);

if (json) console.log(JSON.stringify({ time: new Date().toISOString(), rows }, null, 2));
else console.log(`\n${JSON.stringify(rows)}`);
const missed = rows.filter(({ met }) => !met);
if (missed.length > 0) console.error(`${missed.length} limits are not met on this machine, now`);
