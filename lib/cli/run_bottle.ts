import { join } from "../std/path.ts";
import type { Backend } from "../backend/backend.ts";
import { WORKSPACE } from "../backend/layout.ts";
import { type Ending, runDetached, runHeadless, runInteractive } from "../bottle/agent_session.ts";
import { type AgentEnv, agentEnv } from "../bottle/env.ts";
import { finish } from "../bottle/finish.ts";
import { launchBottle } from "../bottle/launch.ts";
import { planBottle, type Request } from "../bottle/plan.ts";
import type { Inquiry } from "../bottle/inquiry.ts";
import { prepare } from "../bottle/prepare.ts";
import { provisionTar, type Tree } from "../bottle/provision.ts";
import { recordBaseline } from "../bottle/settle.ts";
import type { Metadata } from "../bottle/state.ts";
import type { Secrets } from "../daemon/policy.ts";
import { checkNeeds, manifestNeeds } from "../manifest/needs.ts";
import { packWorkspace } from "../workspace/pack.ts";
import { surveyWorkspace } from "../workspace/survey.ts";
import { type Context, imageSettings } from "./context.ts";
import type { HostFacts } from "./command.ts";
import { extraCa, type Manifests } from "./manifests.ts";
import { askSecret } from "./terminal.ts";
import { resetTerminal } from "../system/terminal.ts";
import { UserError } from "../system/errors.ts";

/** Everything a bottle is run with, decided and confirmed. */
export interface BottleRun {
  context: Context;
  host: HostFacts;
  backend: Backend;
  manifests: Manifests;
  request: Request;
  metadata: Metadata;
  mode: "interactive" | "headless" | "detached";
  /** Start the stopped bottle of that ID again. */
  restart: boolean;
  signal: AbortSignal;
  /** The caller is the bottle's launcher already. */
  claimed?: boolean;
  /** What the engine has said already. */
  inquiry?: Inquiry | undefined;
}

/** Throws one error that names all that an agent needs and this machine lacks. */
export async function requireNeeds(
  manifests: Manifests,
  context: Context,
  host: HostFacts,
): Promise<void> {
  const needs = manifestNeeds(manifests.agent.manifest, manifests.bottle.bottle);
  const present = new Set<string>();
  const files = [
    ...needs.identityFiles,
    ...needs.dockerfile === undefined ? [] : [needs.dockerfile],
    ...needs.skills.map((name) => join(context.paths.skills, name)),
  ];
  await Promise.all(files.map((path) =>
    Deno.stat(path).then(() => present.add(path), (error) => {
      const absent = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.NotADirectory;
      if (!absent) throw error;
    })
  ));
  const unusable = needs.tokenRefs.filter((name) => !isHeaderValue(host.env[name] ?? ""));
  if (unusable.length > 0) {
    throw new UserError("manifest", `Cannot use the credential in ${unusable.join(", ")}`, {
      hints: ["it has spaces around it, or characters that no header may have: a line's end?"],
    });
  }
  checkNeeds(needs, {
    hasEnv: (name) => (host.env[name] ?? "") !== "",
    hasFile: (path) => present.has(path),
    hasSkill: (name) => present.has(join(context.paths.skills, name)),
  });
}

/** What a header's value may be (RFC 9110 §5.5), without white space around it. */
function isHeaderValue(text: string): boolean {
  return text === text.trim() && /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

/** Launches the bottle, runs the agent in it and settles; returns the exit code. */
export async function runBottle(run: BottleRun): Promise<number> {
  const { context, backend, manifests, request, metadata, signal } = run;
  const { store, engine, progress } = context;
  const { id } = metadata;
  const { config, bottle: { bottle } } = manifests;
  const env = await resolveEnv(run);
  const certificates = extraCa(config, run.host);
  const settings = imageSettings(run.host, config, certificates);
  const build = { engine, progress, logDir: context.paths.logs, signal };
  const owner = await store.owner({ create: true });
  const prepared = await prepare(backend, bottle, {
    settings,
    build,
    cacheDir: context.paths.cache,
    inquiry: run.inquiry,
  });
  const plan = planBottle(backend, { id, owner, image: prepared.agentImage, request });

  await using undo = new AsyncDisposableStack();
  if (run.restart) {
    await store.write({ ...metadata, phase: "starting", detached: false });
    undo.defer(() => store.write({ ...metadata, phase: "stopped" }));
  } else {
    if (!await store.create({ ...metadata, images: imagesOf(prepared) })) {
      throw new UserError("create", `Cannot create bottle "${id}": that ID exists`, {
        hints: ["try again"],
      });
    }
    undo.defer(() => store.remove(id));
  }
  await using _claim = run.claimed ? undefined : await store.claim(id);

  const { tar, recorded } = await provision(run);
  const launched = await launchBottle(plan, {
    sidecarsImage: prepared.sidecarsImage,
    network: prepared.network,
    secrets: secretsOf(manifests, run.host),
    extraCa: certificates,
    provision: tar,
    auditPath: context.auditPath(id),
    restart: run.restart,
  }, { engine, backend, progress, signal });
  undo.use(launched);
  await recorded;
  const running: Metadata = { ...metadata, images: imagesOf(prepared), phase: "running" };
  await store.write(running);
  const { session } = launched;
  const agent = { session, command: plan.command, env, signal };

  if (run.mode === "detached") {
    await runDetached(agent);
    await store.write({ ...running, detached: true });
    undo.move(); // it runs on
    console.log(id);
    return 0;
  }
  // From here on the agent has run: what it made is settled and not simply undone.
  undo.move();
  let ending: Ending;
  try {
    ending = run.mode === "headless" ? await runHeadless(agent) : await runInteractive(agent);
  } catch (error) {
    progress.warn(`The agent's terminal failed: ${(error as Error).message}`);
    ending = { kind: "lost" };
  }
  if (run.mode === "interactive" && ending.kind !== "ended" && run.host.tty.stderr) {
    resetTerminal();
  }
  const { code } = await finish(context, session, running, ending);
  return code;
}

/** Values for the bottle's env: of the host, and of the terminal. Nothing is stored. */
async function resolveEnv({ manifests, host, signal }: BottleRun): Promise<AgentEnv> {
  const { bottle } = manifests.bottle;
  const needs = manifestNeeds(manifests.agent.manifest, bottle);
  const prompted: Record<string, string> = {};
  for (const { name, question } of needs.prompts) {
    if (!host.tty.stdin) {
      throw new UserError("usage", `Cannot ask for ${name}: stdin is not a terminal`, {
        hints: [`take it from the host instead: ${name}: "\${${name}}" in the bottle's env`],
      });
    }
    prompted[name] = await askSecret(`${name}: ${question}`, signal);
  }
  const hostEnv = (name: string) => host.env[name] ?? "";
  return agentEnv(bottle, { hostEnv, prompted, terminal: host.terminal });
}

function secretsOf({ bottle: { bottle } }: Manifests, host: HostFacts): Secrets {
  const names = bottle.egress.routes.flatMap(({ auth }) => auth ? [auth.token_ref] : []);
  return Object.fromEntries(names.map((name) => [name, host.env[name]!]));
}

/** The tar that goes into the bottle; `recorded` settles once the workspace has been noted. */
async function provision(
  { context, manifests, request, metadata, restart, signal }: BottleRun,
): Promise<{ tar: ReadableStream<Uint8Array>; recorded: Promise<void> }> {
  const skills: Record<string, Tree> = {};
  for (const name of manifests.agent.manifest.skills) {
    const dir = join(context.paths.skills, name);
    skills[name] = { dir, survey: await surveyWorkspace(dir, signal) };
  }
  const inputs = { prompt: request.prompt, skills, resumed: restart };
  if (request.workspace === undefined || restart) {
    return { tar: provisionTar(inputs, signal), recorded: Promise.resolve() };
  }
  // Surveyed again: since the preflight an editor may have replaced a file.
  const survey = await surveyWorkspace(request.workspace, signal);
  const packed = packWorkspace(request.workspace, survey, { prefix: WORKSPACE.slice(1), signal });
  const { tar: workspace, recorded } = recordBaseline(context.store, metadata.id, packed);
  recorded.catch(() => {}); // awaited after the launch, whose failure comes first
  return { tar: provisionTar({ ...inputs, workspace }, signal), recorded };
}

function imagesOf(prepared: { agentImage: string; sidecarsImage: string }): Record<string, string> {
  return { agent: prepared.agentImage, sidecars: prepared.sidecarsImage };
}
