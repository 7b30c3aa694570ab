import type { Metadata } from "../bottle/state.ts";
import type { CommandModule, HostFacts } from "./command.ts";
import { type Context, createContext, type Located, locateOwn } from "./context.ts";
import { UserError } from "../system/errors.ts";
import { remove } from "./stop.ts";
import { confirm } from "./terminal.ts";

export const cleanup: CommandModule = {
  async run(input, _data, host, signal) {
    const context = createContext(host);
    const leftovers = await findLeftovers(context, signal);
    const states = await orphanedStates(context, signal);
    if (leftovers.length === 0 && states.length === 0) {
      console.error("Nothing to clean up.");
      return 0;
    }
    for (const { bottle: { found }, why } of leftovers) {
      console.log(`${found.id}: ${why}`);
      for (const part of found.parts) console.log(`  ${part}`);
    }
    for (const id of states) console.log(`${id}: state of a start that did not finish`);
    if (input.switches.includes("dry-run")) return 0;
    await requireConsent(input.switches.includes("yes"), host, signal);
    for (const { bottle } of leftovers) {
      await context.progress.step(`remove ${bottle.found.id}`, () => remove(context, bottle));
    }
    for (const id of states) await context.store.remove(id);
    return 0;
  },
};

/** Bottles that nobody uses and nobody can resume, each with the reason. */
async function findLeftovers(
  context: Context,
  signal: AbortSignal,
): Promise<{ bottle: Located; why: string }[]> {
  const leftovers: { bottle: Located; why: string }[] = [];
  for (const bottle of await locateOwn(context, signal)) {
    const { found } = bottle;
    if (await context.store.claimed(found.id)) continue; // its launcher lives
    let metadata: Metadata | undefined;
    try {
      metadata = await context.store.read(found.id);
    } catch (error) {
      // Another version's, for one: what it says about the bottle's work is not known.
      context.progress.warn(`Leaving ${found.id} alone: ${(error as Error).message}`);
      continue;
    }
    if (metadata === undefined || metadata.phase === "starting") {
      leftovers.push({ bottle, why: "its start did not finish" });
    } else if (found.status === "incomplete") {
      leftovers.push({ bottle, why: "parts of it are missing" });
    } else if (found.status === "running" && !metadata.detached) {
      leftovers.push({ bottle, why: `its launcher died (attach to keep it)` });
    }
  }
  return leftovers;
}

/** State of starts that died before they made anything on the engine. */
async function orphanedStates(context: Context, signal: AbortSignal): Promise<string[]> {
  const known = new Set((await locateOwn(context, signal)).map(({ found }) => found.id));
  const orphans: string[] = [];
  for (const id of await context.store.ids()) {
    if (known.has(id) || await context.store.claimed(id)) continue;
    const metadata = await context.store.read(id).catch(() => undefined);
    if (metadata?.phase === "starting") orphans.push(id);
  }
  return orphans;
}

async function requireConsent(yes: boolean, host: HostFacts, signal: AbortSignal): Promise<void> {
  if (yes) return;
  if (!host.tty.stdin) {
    throw new UserError("usage", "Cannot ask for confirmation: stdin is not a terminal", {
      hints: ["--yes"],
    });
  }
  if (!await confirm("Remove these?", signal)) {
    throw new UserError("interrupted", "Nothing removed");
  }
}
