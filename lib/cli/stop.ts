import { discard } from "../bottle/finish.ts";
import { removeBottle } from "../bottle/launch.ts";
import { describeError, UserError } from "../system/errors.ts";
import type { CommandModule } from "./command.ts";
import { type Context, createContext, locate, type Located, locateOwn } from "./context.ts";

export const stop: CommandModule = {
  async run(input, _data, host, signal) {
    const context = createContext(host);
    const all = input.switches.includes("all");
    const prefix = input.positionals[0];
    if (all === (prefix !== undefined)) {
      throw new UserError("usage", "Say which bottle to stop: an ID, or --all", {
        hints: ["claude-bottle list"],
      });
    }
    const bottles = all
      ? await locateOwn(context, signal)
      : [await locate(context, prefix!, signal)];
    const results = await Promise.allSettled(
      bottles.map((bottle) =>
        context.progress.step(`stop ${bottle.found.id}`, () => remove(context, bottle))
      ),
    );
    // Only now: the process ends with the first error, and would cut the other removals off.
    const [first, ...others] = results.flatMap((result) =>
      result.status === "rejected" ? [result.reason] : []
    );
    for (const error of others) {
      for (const line of describeError(error).lines) context.progress.warn(line);
    }
    if (first !== undefined) throw first;
    return 0;
  },
};

/** Removes a bottle; its work and transcript are kept where there is state to keep them in. */
export async function remove(context: Context, { backend, found }: Located): Promise<void> {
  const session = backend.open(found.id);
  // State that cannot be read is an error here: the bottle may hold work.
  const metadata = await context.store.read(found.id);
  if (metadata !== undefined && metadata.phase !== "starting" && found.status !== "incomplete") {
    await discard(context, session, metadata);
  } else {
    await removeBottle(context.engine, session, context.auditPath(found.id));
    if (metadata?.phase === "starting") await context.store.remove(found.id);
  }
}
