import { stopBottle } from "../bottle/launch.ts";
import { bundleName } from "../sidecar/bundle.ts";
import type { Request } from "../bottle/plan.ts";
import { type Metadata, StateStore } from "../bottle/state.ts";
import { refuseUnavailable } from "../manifest/unavailable.ts";
import { UserError } from "../system/errors.ts";
import { hostPaths } from "../system/paths.ts";
import type { CommandModule, Needs } from "./command.ts";
import { createContext, locate, noSuchBottle } from "./context.ts";
import { loadManifests, type Manifests } from "./load.ts";
import { requireNeeds, runBottle } from "./run_bottle.ts";
import { requireCapable, requireYes } from "./start.ts";
import { requireTrust } from "./trust.ts";
import { preflight } from "./preflight.ts";
import { planBottle } from "../bottle/plan.ts";

interface ResumeData {
  manifests: Manifests;
  metadata: Metadata;
}

export const resume: CommandModule<ResumeData> = {
  async read(input, host): Promise<Needs<ResumeData>> {
    const prefix = input.positionals[0]!;
    const store = new StateStore(hostPaths(host.home, host.xdgCacheHome).state);
    const ids = await store.ids();
    const matches = ids.includes(prefix) ? [prefix] : ids.filter((id) => id.startsWith(prefix));
    const metadata = matches.length === 1 ? await store.read(matches[0]!) : undefined;
    if (metadata === undefined) throw noSuchBottle(prefix, matches, ids);
    const { manifests, grants } = await loadManifests(metadata.agent, host);
    return { data: { manifests, metadata }, grants };
  },

  async run(input, { manifests, metadata }, host, signal) {
    const context = createContext(host);
    const { config, agent, bottle: { bottle, warnings } } = manifests;
    const { backend, found } = await locate(context, metadata.id, signal);
    if (found.status === "running") {
      throw new UserError("usage", `Bottle "${metadata.id}" is running`, {
        hints: [`claude-bottle attach ${metadata.id}`],
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
    refuseUnavailable(bottle);
    requireCapable(backend, bottle.runtime);
    await requireTrust(agent, {
      stateDir: context.paths.state,
      given: false,
      tty: host.tty.stdin,
      signal,
    });
    await requireNeeds(manifests, context);
    const request: Request = {
      agentName: agent.name,
      agent: agent.manifest,
      prompt: agent.prompt,
      bottle,
      resources: { ...config.resources, ...bottle.resources },
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
      signal,
    });
  },
};
