import { z } from "zod";
import { join } from "../std/path.ts";
import { parseJson } from "../engine/engine.ts";
import type { LoadedAgent } from "../manifest/load.ts";
import { UserError } from "../system/errors.ts";
import { withFileLock } from "../system/lock.ts";
import { confirm } from "./terminal.ts";

const Trusted = z.array(z.string());

/**
 * Lets a repository's agent through only with the user's yes, remembered by the content's hash:
 * it rides on the user's grants. An agent of the user's own needs none.
 */
export async function requireTrust(
  agent: LoadedAgent,
  { stateDir, given, tty, signal }: {
    stateDir: string;
    /** --trust-repo-agent. */
    given: boolean;
    tty: boolean;
    signal: AbortSignal;
  },
): Promise<void> {
  if (agent.origin === "home") return;
  const path = join(stateDir, "trusted-agents.json");
  if ((await readTrusted(path)).includes(agent.sha256)) return;
  const question =
    `The agent "${agent.name}" comes from this repository (${agent.path}) and would use your ` +
    `bottle "${agent.manifest.bottle}". Trust it?`;
  if (!given && !(tty && await confirm(question, signal))) {
    throw new UserError("refused", `Cannot start a repository's agent that is not trusted`, {
      hints: [
        `read it: ${agent.path}`,
        `claude-bottle start ${agent.name} --trust-repo-agent`,
      ],
    });
  }
  await Deno.mkdir(stateDir, { recursive: true, mode: 0o700 });
  // Read again: another start may have added its own meanwhile.
  await withFileLock(`${path}.lock`, async () => {
    const text = JSON.stringify([...await readTrusted(path), agent.sha256]);
    await Deno.writeTextFile(path, text, { mode: 0o600 });
  });
}

/** What cannot be read trusts nobody. */
async function readTrusted(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(path).catch(() => "[]");
  return Trusted.catch([]).parse(parseJson(text));
}
