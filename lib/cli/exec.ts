import { commandEnv } from "../bottle/env.ts";
import { AGENT_HOME } from "../backend/layout.ts";
import { UserError } from "../system/errors.ts";
import type { CommandModule } from "./command.ts";
import { createContext, locate } from "./context.ts";

export const exec: CommandModule = {
  async run(input, _data, host, signal) {
    const command = input.rest;
    if (command === undefined || command.length === 0) {
      throw new UserError("usage", "Missing command", {
        hints: [`claude-bottle exec ${input.positionals[0]} -- CMD`],
      });
    }
    const context = createContext(host);
    const { backend, found } = await locate(context, input.positionals[0]!, signal);
    if (found.status !== "running") {
      throw new UserError("usage", `Bottle "${found.id}" is not running`, {
        hints: [`claude-bottle resume ${found.id}`],
      });
    }
    const session = backend.open(found.id);
    const tty = host.tty.stdin && host.tty.stdout;
    // The manifest's env is the agent's; a command gets the way out and the trust.
    const env = commandEnv(host.terminal);
    const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const argv = ["env", ...pairs, "sh", "-c", 'cd /workspace 2>/dev/null; exec "$@"', "sh"];
    const code = await session.interact([...argv, ...command], {
      tty,
      workdir: AGENT_HOME,
      signal,
    });
    if (code !== 0 && (await session.state()).status !== "running") {
      throw new UserError("unavailable", `Bottle "${found.id}" stopped while the command ran`, {
        hints: [`claude-bottle resume ${found.id}`],
      });
    }
    return code;
  },
};
