import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { BottleSpec } from "../backend.ts";
import INIT from "../init.sh" with { type: "text" };
import { planDocker } from "./plan.ts";

const SPEC: BottleSpec = {
  id: "web-a1b2c",
  owner: "me",
  agent: "web",
  image: "sha256:abc",
  services: [{ name: "proxy", port: 8888, socket: "/run/claude-bottle/proxy/proxy.sock" }],
  resources: { cpus: 2, memory: 4 * 2 ** 30, pids: 512 },
  runtime: "runsc",
};
const plan = planDocker(SPEC, { seccompPath: "/cache/seccomp.json" });
const [argv] = plan.commands as [string[]];
/** Docker's own flags: what comes before the image. */
const flags = argv.slice(2, argv.indexOf(SPEC.image));

Deno.test("planDocker() is as it was", async () => {
  const path = fileURLToPath(new URL("../../../tests/testdata/plan_docker.json", import.meta.url));
  // The script has its own file; here it matters where it stands.
  const named = (arg: string) => arg === INIT ? "<init.sh>" : arg;
  const now = { ...plan, commands: plan.commands.map((command) => command.map(named)) };
  if (Deno.env.get("UPDATE_TESTDATA")) {
    await Deno.writeTextFile(path, `${JSON.stringify(now, null, 2)}\n`);
  }
  deepStrictEqual(now, JSON.parse(await Deno.readTextFile(path)));
});

const REQUIRED = {
  "has no network": "--network=none",
  "has no capability": "--cap-drop=ALL",
  "gains no privilege": "--security-opt=no-new-privileges",
  "has our system calls": "--security-opt=seccomp=/cache/seccomp.json",
  "has limited memory": "--memory=4294967296",
  "has no swap on top": "--memory-swap=4294967296",
  "has limited processes": "--pids-limit=512",
  "has limited processors": "--cpus=2",
  "writes no core files": "--ulimit=core=0",
  "runs under the runtime": "--runtime=runsc",
  "runs exactly that image": "--pull=never",
  "has an init": "--init",
  "runs forwarders out of the agent's reach": "--user=0:0",
};
for (const [what, flag] of Object.entries(REQUIRED)) {
  Deno.test(`planDocker() plans a bottle that ${what}`, () => {
    strictEqual(flags.filter((given) => given === flag).length, 1);
  });
}

Deno.test("planDocker() says each thing once, so that nothing later takes it back", () => {
  const names = flags.map((flag) => flag.replace(/=.*$/s, ""));
  const repeatable = new Set(["--label", "--security-opt", "--log-opt", "--env"]);
  const single = names.filter((name) => !repeatable.has(name));
  deepStrictEqual(single, [...new Set(single)]);
  deepStrictEqual(
    flags.filter((flag) => flag.startsWith("--security-opt")).length,
    2,
  );
});

Deno.test("planDocker() opens nothing: no bind mount, port, device, host namespace or privilege", () => {
  const refused =
    /^(-v|--volume|-p|--publish|--device|--privileged|--cap-add|--pid|--ipc|--uts|--userns|--cgroupns|--add-host|--dns|--link|--volumes-from|--rm|--restart)\b/;
  deepStrictEqual(flags.filter((flag) => refused.test(flag)), []);
  const mounts = flags.filter((flag) => flag.startsWith("--mount="));
  strictEqual(mounts.length, 1);
  ok(mounts[0]!.startsWith("--mount=type=volume,source=claude-bottle-web-a1b2c-proxy,"));
  ok(mounts[0]!.endsWith(",readonly"));
  ok(mounts[0]!.includes("volume-nocopy"));
  strictEqual(argv.join(" ").includes("docker.sock"), false);
});

Deno.test("planDocker() has both containers describe the socket's volume alike", () => {
  const [bundle] = plan.bundleMounts;
  ok(flags.includes(`--mount=${bundle},readonly`));
  // Owned by the sidecars' user from its first moment: nobody else can replace the socket.
  ok(bundle!.includes("uid=10001,gid=10001,mode=0755"));
  ok(bundle!.includes("nosuid,nodev,noexec"));
});

Deno.test("planDocker() mounts no socket of a service that is not granted", () => {
  const none = planDocker({ ...SPEC, services: [] }, { seccompPath: "/s" });
  strictEqual(none.commands.flat().some((arg) => arg.startsWith("--mount")), false);
  deepStrictEqual(none.bundleMounts, []);
});

Deno.test("planDocker() leaves out limits and runtime that are not given", () => {
  const { cpus: _, ...resources } = SPEC.resources;
  const { runtime: __, ...spec } = SPEC;
  const bare = planDocker({ ...spec, resources }, { seccompPath: "/s" }).commands.flat();
  strictEqual(bare.some((arg) => /^--(cpus|runtime)/.test(arg)), false);
  ok(bare.includes("--memory=4294967296"));
});

Deno.test("planDocker() labels everything, so that it is found again", () => {
  deepStrictEqual(flags.filter((flag) => flag.startsWith("--label=")), [
    "--label=claude-bottle.id=web-a1b2c",
    "--label=claude-bottle.owner=me",
    "--label=claude-bottle.role=agent",
    "--label=claude-bottle.agent=web",
    "--label=claude-bottle.backend=docker",
  ]);
  ok(plan.bundleMounts[0]!.includes("volume-label=claude-bottle.id=web-a1b2c"));
});
