import { stopBottle } from "../bottle/launch.ts";
import { bundleName } from "../sidecar/bundle.ts";
import type { Request } from "../bottle/plan.ts";
import { refuseUnavailable } from "../manifest/unavailable.ts";
import { UserError } from "../system/errors.ts";
import type { CommandModule } from "./command.ts";
import { createContext, locate } from "./context.ts";
import { requestOf } from "./manifests.ts";
import type { ResumeData } from "./resume_needs.ts";
import { requireNeeds, runBottle } from "./run_bottle.ts";
import { requireCapable, requireYes, warnUnused } from "./start.ts";
import { requireTrust } from "./trust.ts";
import { preflight } from "./preflight.ts";
import { planBottle } from "../bottle/plan.ts";

export const resume: CommandModule<ResumeData> = {
  async run(input, { manifests, metadata }, host, signal) {
    const context = createContext(host);
    const { config, agent, bottle: { bottle, warnings } } = manifests;
    await using claim = await context.store.tryClaim(metadata.id);
    if (claim === undefined) {
      throw new UserError("usage", `Bottle "${metadata.id}" is in use by another claude-bottle`, {
        hints: [`claude-bottle attach ${metadata.id}`, "claude-bottle list"],
      });
    }
    const { backend, found } = await locate(context, metadata.id, signal);
    if (found.status === "running") {
      throw new UserError("usage", `Bottle "${metadata.id}" is running`, {
        hints: [
          `claude-bottle attach ${metadata.id}`,
          `to give it new sidecars, stop it first: docker kill claude-bottle-${metadata.id}`,
        ],
      });
    }
    if (found.status !== "stopped") {
      throw new UserError("create", `Cannot resume "${metadata.id}": its container is gone`, {
        hints: ["claude-bottle cleanup"],
      });
    }
    const detach = input.switches.includes("detach");
    if (!detach && !(host.tty.stdin && host.tty.stdout)) {
      throw new UserError("usage", "Cannot resume an interactive agent without a terminal", {
        hints: ["--detach"],
      });
    }
    for (const text of new Set([...agent.warnings, ...warnings])) context.progress.warn(text);
    refuseUnavailable(bottle, config);
    warnUnused(agent, context.progress);
    requireCapable(backend, bottle.runtime);
    await requireTrust(agent, {
      stateDir: context.paths.state,
      given: false,
      tty: host.tty.stdin,
      signal,
    });
    await requireNeeds(manifests, context, host);
    const request: Request = {
      ...requestOf(manifests),
      // Where the conversation was, unless the user says otherwise.
      arguments: input.rest ?? ["--continue", ...metadata.arguments],
    };
    if (!input.switches.includes("yes")) {
      const plan = planBottle(backend, { id: metadata.id, owner: found.owner, image: "", request });
      for (const line of preflight(plan, undefined)) context.progress.say(line);
      await requireYes(host, signal);
    }
    // Of an agent that ended while nobody was attached: its sidecars are still there.
    if (found.parts.includes(`container ${bundleName(found.id)}`)) {
      await stopBottle(context.engine, backend.open(found.id), context.auditPath(found.id));
    }
    return await runBottle({
      context,
      host,
      backend,
      manifests,
      request,
      metadata: { ...metadata, headless: false },
      mode: detach ? "detached" : "interactive",
      restart: true,
      claimed: true,
      signal,
    });
  },
};
