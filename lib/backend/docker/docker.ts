import { z } from "zod";
import { CommandError, type LineReader, readLines, type Streaming } from "../../system/process.ts";
import { type Engine, engineError, parseJson } from "../../engine/engine.ts";
import { UserError } from "../../system/errors.ts";
import { join } from "../../std/path.ts";
import type { Backend } from "../backend.ts";
import { listBottles } from "./list.ts";
import { openSession } from "./session.ts";
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
  const deadline = AbortSignal.timeout(START_MS);
  const client = engine.stream(args, { signal: AbortSignal.any([signal, deadline]) });
  const lines = readLines(client.stdout);
  let handedOver = false;
  try {
    const line = await lines.next();
    if (line === undefined) {
      const result = await client.end();
      signal.throwIfAborted();
      if (deadline.aborted) {
        throw new UserError(
          "create",
          `Cannot start the bottle: no answer in ${START_MS / 1000} s`,
          {
            hints: ["claude-bottle doctor"],
          },
        );
      }
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
