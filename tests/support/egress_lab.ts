import { packTar } from "modern-tar";
import { createAuthority } from "../../lib/daemon/bundle/authority.ts";
import type { Policy, Route } from "../../lib/daemon/policy.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { removeContainer, removeVolume } from "../../lib/engine/remove.ts";
import { ensureImage } from "../../lib/image/build.ts";
import { sidecarsImage } from "../../lib/image/inputs.ts";
import { planBundle, startBundle } from "../../lib/sidecar/bundle.ts";
import { createProgress } from "../../lib/system/progress.ts";
import { readLines } from "../../lib/system/process.ts";
import AGENT from "./egress_agent.ts" with { type: "text" };
import type { Heard, Talk } from "./egress_agent.ts";
import OUTSIDE from "./egress_outside.ts" with { type: "text" };

/** Something that arrived outside. */
export interface Arrival {
  event: "dns" | "tcp" | "open" | "request" | "frame" | "ready";
  name?: string;
  port?: number;
  sni?: string | null;
  head?: string;
  body?: string;
  text?: string;
}

/** A bundle between an agent without a network and an outside that records what arrives. */
export interface Lab extends AsyncDisposable {
  engine: Engine;
  bundle: string;
  agent: string;
  /** The address of the outside: public by its range, and reachable from the bundle alone. */
  address: string;
  ca: string;
  talk(what: Talk): Promise<Heard>;
  /** Everything that has arrived so far. */
  arrivals(): Promise<Arrival[]>;
}

export const TOKEN = "tok/3n-Sup3r+S3cret_0123456789";
const PROXY_DIR = "/run/claude-bottle/proxy";

/** Starts it all; disposing removes it all. `zone`: `@` stands for the outside's own address. */
export async function startLab(
  engine: Engine,
  { routes, zone }: { routes: (address: string) => Route[]; zone: Record<string, string[][]> },
): Promise<Lab> {
  const signal = new AbortController().signal;
  await using undo = new AsyncDisposableStack();
  const id = `cb-eg-${crypto.randomUUID().slice(0, 5)}`;
  const subnet = `11.77.${crypto.getRandomValues(new Uint8Array(1))[0]}`;
  const address = `${subnet}.10`;
  const nodeImage = Deno.env.get("CLAUDE_BOTTLE_NODE_IMAGE");
  const inputs = sidecarsImage({ extraCa: "", ...(nodeImage && { nodeImage }) });
  const logDir = await Deno.makeTempDir({ prefix: "cb-eg-" });
  undo.defer(() => Deno.remove(logDir, { recursive: true }));
  const progress = createProgress({ write: () => {}, tty: false, color: false, quiet: true });
  const image = await ensureImage(inputs, { engine, progress, logDir, signal });

  const label = "--label=claude-bottle.test=1";
  undo.defer(async () => void await engine.run(["network", "rm", id]));
  await engine.check(["network", "create", label, `--subnet=${subnet}.0/24`, id]);

  const good = createAuthority();
  const expired = createAuthority(new Date("2020-01-01T00:00:00Z"));
  const stranger = createAuthority();
  const pair = (authority: typeof good, host: string) => ({
    cert: authority.leaf(host),
    key: authority.leafKey,
  });
  const certificates = {
    default: pair(good, address),
    "*.t.example": pair(good, "*.t.example"),
    "*.wild.t.example": pair(good, "*.wild.t.example"),
    self: pair(stranger, "self.t.example"),
    expired: pair(expired, "expired.t.example"),
    wrong: pair(good, "other.t.example"),
  };
  const names = Object.fromEntries(
    Object.entries(zone).map(([name, answers]) => [
      name,
      answers.map((list) => list.map((one) => one === "@" ? address : one)),
    ]),
  );
  const outside = `${id}-outside`;
  const run = async (name: string, args: string[], file: string, program: string) => {
    undo.defer(() => removeContainer(engine, name));
    await engine.check(["create", `--name=${name}`, label, "--interactive", ...args]);
    const body = new TextEncoder().encode(program);
    const tar = await packTar([{ header: { name: file, size: body.length, mode: 0o644 }, body }]);
    await engine.check(["cp", "-", `${name}:/`], { stdin: tar });
  };
  await run(
    outside,
    [
      `--network=${id}`,
      `--ip=${address}`,
      "--user=0:0",
      `--env=ADDRESS=${address}`,
      `--env=ZONE=${JSON.stringify(names)}`,
      `--env=CERTIFICATES=${JSON.stringify(certificates)}`,
      "--entrypoint=node",
      image,
      "--disable-warning=ExperimentalWarning",
      "/egress_outside.ts",
    ],
    "egress_outside.ts",
    OUTSIDE,
  );
  await engine.check(["start", outside]);
  const arrivals = async () => {
    const text = await engine.check(["logs", outside]);
    return text.split("\n").filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Arrival);
  };
  for (let tries = 0; !(await arrivals()).some(({ event }) => event === "ready"); tries++) {
    if (tries > 100) throw new Error("The outside does not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  const volume = `${id}-proxy`;
  undo.defer(() => removeVolume(engine, volume));
  const mount =
    `type=volume,source=${volume},target=${PROXY_DIR},volume-nocopy,volume-driver=local,` +
    `volume-opt=type=tmpfs,volume-opt=device=tmpfs,"volume-opt=o=uid=10001,gid=10001,mode=0755,size=64k"`;
  const policy: Policy = { routes: routes(address), extraHosts: {} };
  const plan = planBundle({
    id,
    agent: "test",
    owner: "test",
    backend: "docker",
    image,
    network: id,
    mounts: [mount],
    policy,
  });
  plan.args.splice(-1, 0, `--dns=${address}`, label);
  undo.defer(() => removeContainer(engine, plan.container));
  let ca = "";
  await startBundle(engine, plan, {
    secrets: { T: TOKEN },
    extraCa: good.certificate + expired.certificate,
    onCertificate: (pem) => ca = pem,
    signal,
  });

  const agent = `${id}-agent`;
  await run(
    agent,
    [
      "--network=none",
      "--user=1000:1000",
      "--cap-drop=ALL",
      `--mount=${mount},readonly`,
      "--entrypoint=node",
      image,
      "--disable-warning=ExperimentalWarning",
      "/egress_agent.ts",
      "serve",
    ],
    "egress_agent.ts",
    AGENT,
  );
  const client = undo.use(engine.stream(["start", "--attach", "--interactive", agent]));
  const lines = readLines(client.stdout);
  undo.defer(() => lines.cancel());
  const waiting = new Map<number, (heard: Heard) => void>();
  let last = 0;
  (async () => {
    for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
      const { id, ...heard } = JSON.parse(line) as Heard & { id: number };
      waiting.get(id)?.(heard);
      waiting.delete(id);
    }
  })().catch(() => {});

  const owned = undo.move();
  return {
    engine,
    bundle: plan.container,
    agent,
    address,
    ca,
    arrivals,
    async talk(what) {
      const id = ++last;
      const heard = new Promise<Heard>((resolve) => waiting.set(id, resolve));
      await client.write(`${JSON.stringify({ id, ...what })}\n`);
      return await heard;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
