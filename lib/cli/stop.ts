import { discard } from "../bottle/finish.ts";
import { removeBottle } from "../bottle/launch.ts";
import { UserError } from "../system/errors.ts";
import type { CommandModule } from "./command.ts";
import { type Context, createContext, locate, locateAll, type Located } from "./context.ts";

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
      ? await locateAll(context, signal)
      : [await locate(context, prefix!, signal)];
    await Promise.all(
      bottles.map((bottle) =>
        context.progress.step(`stop ${bottle.found.id}`, () => remove(context, bottle))
      ),
    );
    return 0;
  },
};

/** Removes a bottle; its work and transcript are kept where there is state to keep them in. */
export async function remove(context: Context, { backend, found }: Located): Promise<void> {
  const session = backend.open(found.id);
  const metadata = await context.store.read(found.id).catch(() => undefined);
  if (metadata !== undefined && metadata.phase !== "starting" && found.status !== "incomplete") {
    await discard(context, session, metadata);
  } else {
    await removeBottle(context.engine, session, context.auditPath(found.id));
    if (metadata?.phase === "starting") await context.store.remove(found.id);
  }
}
