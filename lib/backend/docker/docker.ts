import { z } from "zod";
import { CommandError, type LineReader, readLines, type Streaming } from "../../system/process.ts";
import { AGENT_USER } from "../layout.ts";
import { type Engine, engineError, LABELS, parseJson, probeEngine } from "../../engine/engine.ts";
import { removeContainer, removeVolume } from "../../engine/remove.ts";
import { UserError } from "../../system/errors.ts";
import { join } from "../../std/path.ts";
import type { Backend, BottleState, ExecOptions, FoundBottle, Session } from "../backend.ts";
import { dockerNames, planDocker } from "./plan.ts";
import { seccompProfile } from "./seccomp.ts";

/** How long a container may take from `docker run` to its first line. */
const START_MS = 60_000;

/** Bottles as containers. */
export function docker(engine: Engine, { cacheDir }: { cacheDir: string }): Backend {
  const seccompPath = join(cacheDir, "seccomp.json");
  return {
    name: "docker",
    capabilities: { runtimes: ["runsc"] },
    async probe({ runtime }, signal) {
      await probeEngine(engine, signal);
      if (runtime === "runsc") await probeGvisor(engine, signal);
    },
    plan: (spec) => planDocker(spec, { seccompPath }),
    async launch(plan, ca, signal) {
      await writeProfile(seccompPath);
      await startAttached(engine, plan.commands[0]!.slice(1), ca, signal);
      return openSession(engine, plan.spec.id);
    },
    async restart(plan, ca, signal) {
      const { container } = dockerNames(plan.spec.id);
      const args = ["start", "--attach", "--interactive", container];
      await startAttached(engine, args, ca, signal);
      return openSession(engine, plan.spec.id);
    },
    open: (id) => openSession(engine, id),
    list: (signal) => listBottles(engine, signal),
  };
}

/** Written anew when it differs: what is there could be another version's. */
async function writeProfile(path: string): Promise<void> {
  const text = JSON.stringify(seccompProfile());
  if (await Deno.readTextFile(path).catch(() => undefined) === text) return;
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(temporary, text, { mode: 0o600 });
  await Deno.rename(temporary, path);
}

/**
 * Starts a container with a client attached, until its init says "up"; the client then waits for
 * the certificate, hands it in and is killed, which the container does not notice.
 */
async function startAttached(
  engine: Engine,
  args: string[],
  ca: Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  const client = engine.stream(args, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(START_MS)]),
  });
  const lines = readLines(client.stdout);
  let handedOver = false;
  try {
    const line = await lines.next();
    if (line === undefined) {
      const result = await client.end();
      signal.throwIfAborted();
      throw startError(["docker", ...args], result);
    }
    if (line.trim() !== "up") {
      const tool = /^missing (\w+)/.exec(line)?.[1];
      throw new UserError(
        "create",
        tool === undefined
          ? `Cannot start the bottle: its init said "${line.slice(0, 200)}"`
          : `Cannot start the bottle: its image has no "${tool}"`,
        { hints: ["build the bottle's dockerfile FROM claude-bottle, or install it there"] },
      );
    }
    handedOver = true;
    // Not awaited: commands can be run from now on, and the self-check waits for the forwarders.
    deliver(client, lines, ca);
  } finally {
    if (!handedOver) await release(client, lines);
  }
}

/** Hands the certificate in, waits until init has it, and lets the client go. */
function deliver(client: Streaming, lines: LineReader, ca: Promise<string>): void {
  ca.then(async (pem) => {
    await client.write(`${pem.trimEnd()}\nEND\n`);
    await lines.next(); // killed sooner, the client would take the certificate with it
  })
    .catch(() => {}) // the caller sees the certificate's failure itself
    .then(() => release(client, lines));
}

async function release(client: Streaming, lines: LineReader): Promise<void> {
  await lines.cancel();
  await client[Symbol.asyncDispose]();
}

function startError(
  argv: string[],
  result: { code: number; stdout: string; stderr: string },
): Error {
  if (/unknown or invalid runtime name|unknown runtime/i.test(result.stderr)) {
    return new UserError("unavailable", `Cannot start the bottle: docker has no runtime "runsc"`, {
      hints: [
        "install gVisor: https://gvisor.dev/docs/user_guide/install/",
        "claude-bottle doctor",
      ],
      cause: new CommandError(argv, result),
    });
  }
  return engineError(argv, result);
}

const Runtimes = z.record(
  z.string(),
  z.object({ path: z.string().optional(), runtimeArgs: z.array(z.string()).nullish() }).nullable(),
);

/** gVisor must be registered, and must let a bottle dial the sockets of its volumes. */
async function probeGvisor(engine: Engine, signal: AbortSignal): Promise<void> {
  const text = await engine.check(["info", "--format", "{{json .Runtimes}}"], { signal });
  const runtimes = Runtimes.safeParse(parseJson(text));
  const runsc = runtimes.success ? runtimes.data.runsc : undefined;
  if (runsc === undefined || runsc === null) {
    throw new UserError("unavailable", `Cannot use "runtime: runsc": docker has no such runtime`, {
      hints: [
        "install gVisor: https://gvisor.dev/docs/user_guide/install/",
        "sudo runsc install -- --host-uds=open && sudo systemctl restart docker",
      ],
    });
  }
  const uds = runsc.runtimeArgs?.some((arg) => /^--host-uds=(open|all)$/.test(arg)) ?? false;
  if (!uds) {
    throw new UserError(
      "unavailable",
      `Cannot use "runtime: runsc": it is registered without "--host-uds=open"`,
      { hints: ["sudo runsc install -- --host-uds=open && sudo systemctl restart docker"] },
    );
  }
}

const State = z.object({ Status: z.string(), Running: z.boolean(), ExitCode: z.number() });

function openSession(engine: Engine, id: string): Session {
  const { container, proxyVolume } = dockerNames(id);
  const execArgs = (
    argv: string[],
    { env = {}, workdir, tty }: ExecOptions & { tty?: boolean },
  ) => [
    "exec",
    ...(tty === undefined
      ? ["--interactive"]
      : tty
      ? ["--interactive", "--tty"]
      : ["--interactive"]),
    `--user=${AGENT_USER}`,
    ...(workdir === undefined ? [] : [`--workdir=${workdir}`]),
    // The name alone: docker takes the value from its own environment, and no argv shows it.
    ...Object.keys(env).map((name) => `--env=${name}`),
    container,
    ...argv,
  ];
  const state = async (signal?: AbortSignal): Promise<BottleState> => {
    const args = ["container", "inspect", "--format", "{{json .State}}", container];
    const result = await engine.run(args, signal && { signal });
    if (result.code !== 0) {
      if (/no such container/i.test(result.stderr)) return { status: "gone" };
      throw engineError(["docker", ...args], result);
    }
    const { Running, ExitCode } = State.parse(parseJson(result.stdout));
    return Running ? { status: "running" } : { status: "stopped", code: ExitCode };
  };
  return {
    id,
    state,
    exec: (argv, options = {}) =>
      engine.run(execArgs(argv, options), {
        ...(options.env && { env: options.env }),
        ...(options.stdin !== undefined && { stdin: options.stdin }),
        ...(options.signal && { signal: options.signal }),
      }),
    interact: (argv, options) =>
      engine.interact(execArgs(argv, options), {
        ...(options.env && { env: options.env }),
        ...(options.signal && { signal: options.signal }),
      }),
    get(path, signal) {
      const client = engine.stream(["cp", `${container}:${path}`, "-"], { signal });
      return {
        tar: client.stdout,
        [Symbol.asyncDispose]: async () => {
          await client[Symbol.asyncDispose]();
        },
      };
    },
    async wait(signal) {
      // `docker wait` says when; the state says what, also when the container was never there.
      await using client = engine.stream(["wait", container]);
      const lines = readLines(client.stdout);
      const enough = Promise.withResolvers<void>();
      const stop = () => enough.resolve();
      signal.addEventListener("abort", stop, { once: true });
      if (!signal.aborted) await Promise.race([lines.next(), enough.promise]);
      signal.removeEventListener("abort", stop);
      await lines.cancel();
      return await state();
    },
    async stop() {
      const result = await engine.run(["kill", container]);
      const over = /no such container|is not running/i.test(result.stderr);
      if (result.code !== 0 && !over) throw engineError(["docker", "kill", container], result);
    },
    async [Symbol.asyncDispose]() {
      await removeContainer(engine, container);
      await removeVolume(engine, proxyVolume);
    },
  };
}

const Row = z.object({
  Names: z.string(),
  State: z.string(),
  Labels: z.string(),
  CreatedAt: z.string(),
});

async function listBottles(engine: Engine, signal: AbortSignal): Promise<FoundBottle[]> {
  const [containers, volumes] = await Promise.all([
    engine.check([
      "ps",
      "--all",
      "--no-trunc",
      `--filter=label=${LABELS.id}`,
      "--format={{json .}}",
    ], { signal }),
    engine.check([
      "volume",
      "ls",
      `--filter=label=${LABELS.id}`,
      `--format={{.Name}} {{.Label "${LABELS.id}"}} {{.Label "${LABELS.owner}"}}`,
    ], { signal }),
  ]);
  const found = new Map<string, FoundBottle>();
  const bottle = (id: string) => {
    let known = found.get(id);
    if (known === undefined) {
      known = { id, owner: "", agent: "", status: "incomplete", parts: [], createdAt: new Date(0) };
      found.set(id, known);
    }
    return known;
  };
  for (const line of containers.split("\n").filter((text) => text !== "")) {
    const row = Row.parse(parseJson(line));
    const labels = parseLabels(row.Labels);
    if (labels[LABELS.backend] !== "docker") continue;
    const entry = bottle(labels[LABELS.id]!);
    entry.parts.push(`container ${row.Names}`);
    entry.agent = labels[LABELS.agent] ?? "";
    entry.owner = labels[LABELS.owner] ?? "";
    if (labels[LABELS.role] !== "agent") continue;
    entry.createdAt = new Date(row.CreatedAt.replace(/ [A-Z]+$/, ""));
    entry.status = row.State === "running"
      ? "running"
      : row.State === "exited"
      ? "stopped"
      : "incomplete";
  }
  for (const line of volumes.split("\n").filter((text) => text !== "")) {
    const [name, id, owner] = line.split(" ") as [string, string, string | undefined];
    const entry = bottle(id);
    entry.owner ||= owner ?? "";
    entry.parts.push(`volume ${name}`);
  }
  return [...found.values()];
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(",").map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
