import { attachSession } from "../bottle/agent_session.ts";
import { finish } from "../bottle/finish.ts";
import type { Metadata } from "../bottle/state.ts";
import { SESSION_SOCKET } from "../backend/layout.ts";
import { UserError } from "../system/errors.ts";
import type { CommandModule } from "./command.ts";
import { type Context, createContext, locate } from "./context.ts";
import { resetTerminal } from "../system/terminal.ts";

export const attach: CommandModule = {
  async run(input, _data, host, signal) {
    if (!(host.tty.stdin && host.tty.stdout)) {
      throw new UserError("usage", "Cannot attach without a terminal");
    }
    const context = createContext(host);
    const { backend, found } = await locate(context, input.positionals[0]!, signal);
    const metadata = await requireMetadata(context, found.id);
    const session = backend.open(found.id);
    if (found.status !== "running") {
      const state = await session.state(signal);
      // A detached agent that has ended is settled by whoever comes first.
      if (metadata.phase === "running" && state.status === "stopped") {
        const { code } = await finish(context, session, metadata, {
          kind: "ended",
          code: state.code,
        });
        return code;
      }
      throw new UserError("usage", `Bottle "${found.id}" is not running`, {
        hints: [`claude-bottle resume ${found.id}`],
      });
    }
    const there = await session.exec(["test", "-S", SESSION_SOCKET], { signal });
    if (there.code !== 0) {
      throw new UserError("usage", `Bottle "${found.id}" has no terminal session`, {
        hints: [`claude-bottle exec ${found.id} -- bash`],
      });
    }
    // While this terminal is attached it is the launcher, unless another terminal is: then that
    // one settles, and this one only looks on.
    await using claim = await context.store.tryClaim(found.id);
    if (claim !== undefined) await context.store.write({ ...metadata, detached: false });
    const ending = await attachSession(session, signal);
    if (ending.kind !== "ended") resetTerminal();
    if (claim === undefined) return ending.kind === "ended" ? ending.code : 0;
    const { code } = await finish(context, session, metadata, ending);
    return code;
  },
};

/** What is known of a bottle; a bottle without state was made by another user or machine. */
export async function requireMetadata(context: Context, id: string): Promise<Metadata> {
  const metadata = await context.store.read(id);
  if (metadata !== undefined) return metadata;
  throw new UserError("io", `Cannot find the state of bottle "${id}"`, {
    hints: [`claude-bottle stop ${id}`],
  });
}
