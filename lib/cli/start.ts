import { mintId } from "../bottle/identity.ts";
import { planBottle, type Request } from "../bottle/plan.ts";
import { agentImage } from "../image/inputs.ts";
import { refuseUnavailable, unusedKeys } from "../manifest/unavailable.ts";
import type { Progress } from "../system/progress.ts";
import { UserError } from "../system/errors.ts";
import { type Survey, surveyWorkspace } from "../workspace/survey.ts";
import type { CommandModule, HostFacts, Input } from "./command.ts";
import { chooseBackend, createContext, imageSettings } from "./context.ts";
import { extraCa, type Manifests, requestOf } from "./manifests.ts";
import { preflight } from "./preflight.ts";
import { requireNeeds, runBottle } from "./run_bottle.ts";
import { confirm } from "./terminal.ts";
import { requireTrust } from "./trust.ts";

export const start: CommandModule<Manifests> = {
  async run(input, manifests, host, signal, inquiry) {
    const has = (name: string) => input.switches.includes(name);
    const context = createContext(host);
    const { config, agent, bottle: { bottle, warnings } } = manifests;
    for (const text of new Set([...agent.warnings, ...warnings])) context.progress.warn(text);
    refuseUnavailable(bottle, config);
    warnUnused(agent, context.progress);
    const backend = chooseBackend(context, { input, host, config });
    requireCapable(backend, bottle.runtime);
    const request = asked(input, manifests, host);
    const survey = request.workspace === undefined
      ? undefined
      : await surveyWorkspace(request.workspace, signal);
    await requireNeeds(manifests, context, host);

    const id = mintId(agent.name);
    const owner = await context.store.owner({ create: false });
    if (has("dry-run")) {
      const settings = imageSettings(host, config, extraCa(config, host));
      const plan = planBottle(backend, {
        id,
        owner,
        image: agentImage(settings).reference,
        request,
      });
      console.log(
        input.values.format === "json"
          ? JSON.stringify({ ...plan, workspace: survey && describeSurvey(survey) }, null, 2)
          : preflight(plan, survey).join("\n"),
      );
      return 0;
    }
    if (bottle.egress.pipelock && !bottle.egress.pipelockExplicit) {
      context.progress.warn("pipelock, the second check of what goes out, is not available yet");
    }
    await requireTrust(agent, {
      stateDir: context.paths.state,
      given: has("trust-repo-agent"),
      tty: host.tty.stdin,
      signal,
    });
    if (!has("yes")) {
      const plan = planBottle(backend, { id, owner, image: "", request });
      for (const line of preflight(plan, survey)) context.progress.say(line);
      await requireYes(host, signal);
    }
    return await runBottle({
      context,
      host,
      backend,
      manifests,
      request,
      metadata: {
        version: 1,
        id,
        agent: agent.name,
        bottle: bottle.name,
        backend: backend.name,
        cwd: host.cwd,
        workspace: request.workspace !== undefined,
        started_at: new Date().toISOString(),
        images: {},
        program: host.version,
        phase: "starting",
        detached: false,
        headless: request.headless !== undefined,
        arguments: request.arguments,
      },
      mode: has("detach") ? "detached" : has("headless") ? "headless" : "interactive",
      restart: false,
      signal,
      inquiry,
    });
  },
};

function asked(input: Input, manifests: Manifests, host: HostFacts): Request {
  const interactive = !input.switches.includes("headless") && !input.switches.includes("detach") &&
    !input.switches.includes("dry-run");
  if (interactive && !(host.tty.stdin && host.tty.stdout)) {
    throw new UserError("usage", "Cannot start an interactive agent without a terminal", {
      hints: ["--headless --prompt TEXT", "--detach"],
    });
  }
  return {
    ...requestOf(manifests),
    ...(input.switches.includes("cwd") && { workspace: host.cwd }),
    ...(input.values.prompt !== undefined && { headless: { prompt: input.values.prompt } }),
    arguments: input.rest ?? [],
  };
}

/** Says which of an agent's keys have no effect. */
export function warnUnused(agent: Manifests["agent"], progress: Progress): void {
  const unused = unusedKeys(agent.manifest).join(" and ");
  if (unused === "") return;
  progress.warn(`${unused} of agent "${agent.name}": no effect, Claude Code has it for sub-agents`);
}

/** A bottle is refused a runtime that its backend does not have. */
export function requireCapable(
  backend: ReturnType<typeof chooseBackend>,
  runtime: "runsc" | undefined,
): void {
  if (runtime === undefined || backend.capabilities.runtimes.includes(runtime)) return;
  throw new UserError("manifest", `Cannot use "runtime: ${runtime}" on backend "${backend.name}"`);
}

/** Asks the user to go on. */
export async function requireYes(host: HostFacts, signal: AbortSignal): Promise<void> {
  if (!host.tty.stdin) {
    throw new UserError("usage", "Cannot ask for confirmation: stdin is not a terminal", {
      hints: ["--yes"],
    });
  }
  if (!await confirm("Go on?", signal)) throw new UserError("interrupted", "Not started");
}

function describeSurvey(survey: Survey) {
  return { totals: survey.totals, suspects: survey.suspects, skipped: survey.skipped };
}
