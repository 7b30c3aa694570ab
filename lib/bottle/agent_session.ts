import { BottleStopped, type Session } from "../backend/backend.ts";
import { AGENT_HOME, SESSION_SOCKET, WORKSPACE } from "../backend/layout.ts";
import { Interruption, UserError } from "../system/errors.ts";
import { lendTerminal } from "../system/terminal.ts";
import type { AgentEnv } from "./env.ts";
import SESSION from "./session.sh" with { type: "text" };

/** How an agent's run came to an end, as far as this process is concerned. */
export type Ending =
  /** The agent ended by itself. */
  | { kind: "ended"; code: number }
  /** The terminal is gone or let go; the agent runs on. */
  | { kind: "detached" }
  /** Asked to end by a signal. */
  | { kind: "interrupted"; by: Interruption }
  /** The bottle was stopped or removed by somebody else, or died. */
  | { kind: "lost" };

export interface AgentRun {
  session: Session;
  /** The agent's program and arguments. */
  command: string[];
  env: AgentEnv;
  signal: AbortSignal;
}

/**
 * The agent's last output is on its way when its session ends; PID 1 waits half a second for
 * that, so a bottle that runs on after this was detached from.
 */
const END_MS = 1_500;

/** Runs the agent on the user's terminal, in a session that outlives it. */
export async function runInteractive(run: AgentRun): Promise<Ending> {
  // No suspend key, no other detach key than ours; ^L makes the agent redraw after an attach.
  const argv = ["dtach", "-c", SESSION_SOCKET, "-z", "-r", "ctrl_l", ...inSession(run)];
  return await onTerminal(run, argv);
}

/** Gets back to a session that runs. */
export async function attachSession(session: Session, signal: AbortSignal): Promise<Ending> {
  const argv = ["dtach", "-a", SESSION_SOCKET, "-z", "-r", "ctrl_l"];
  return await onTerminal({ session, signal, env: { open: {}, secret: {} } }, argv);
}

/** Starts the agent's session with nobody attached. */
export async function runDetached(run: AgentRun): Promise<void> {
  const argv = ["dtach", "-n", SESSION_SOCKET, "-z", "-r", "ctrl_l", ...inSession(run)];
  const result = await run.session.exec(withOpen(run.env, argv), {
    env: run.env.secret,
    signal: run.signal,
    workdir: WORKSPACE,
  });
  if (result.code !== 0) {
    throw new UserError("create", "Cannot start the agent's session", {
      hints: [`${result.stdout}${result.stderr}`.trim()], // dtach says it on stdout
    });
  }
}

/** Runs the agent without a terminal: stdin, stdout and its exit code are the caller's. */
export async function runHeadless(run: AgentRun): Promise<Ending> {
  const code = await codeOf(run, withOpen(run.env, run.command), {
    tty: false,
    workdir: WORKSPACE,
  });
  const cut = interruption(run.signal);
  if (cut !== undefined) return cut;
  // `docker exec` into a bottle that died ends with a code that an agent could have chosen.
  const state = await run.session.state();
  return state.status === "running" && code !== undefined
    ? { kind: "ended", code }
    : { kind: "lost" };
}

async function onTerminal(run: Omit<AgentRun, "command">, argv: string[]): Promise<Ending> {
  {
    using _lent = lendTerminal();
    await codeOf(run, withOpen(run.env, argv), { tty: true, workdir: AGENT_HOME });
  }
  const cut = interruption(run.signal);
  if (cut !== undefined) return cut;
  const state = await run.session.wait(AbortSignal.timeout(END_MS));
  if (state.status === "running") return { kind: "detached" };
  // 137: killed, by somebody outside or for want of memory; the agent's session did not end.
  return state.status === "stopped" && state.code !== 137
    ? { kind: "ended", code: state.code }
    : { kind: "lost" };
}

/** The command's exit code; undefined when it was cut off, by a signal or by the bottle's end. */
async function codeOf(
  { session, env, signal }: Omit<AgentRun, "command">,
  argv: string[],
  options: { tty: boolean; workdir: string },
): Promise<number | undefined> {
  try {
    return await session.interact(argv, { ...options, env: env.secret, signal });
  } catch (error) {
    if (signal.aborted || error instanceof BottleStopped) return undefined;
    throw error;
  }
}

/** What a run that was cut off from outside amounts to. */
function interruption(signal: AbortSignal): Ending | undefined {
  if (!signal.aborted) return undefined;
  if (!(signal.reason instanceof Interruption)) throw signal.reason;
  return signal.reason.signal === "SIGHUP"
    ? { kind: "detached" }
    : { kind: "interrupted", by: signal.reason };
}

function inSession({ command }: AgentRun): string[] {
  return ["/bin/sh", "-c", SESSION, "session", ...command];
}

/** Puts the open part of an environment in front of a command; the secret part is not an argv's. */
function withOpen({ open }: AgentEnv, argv: string[]): string[] {
  const pairs = Object.entries(open).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? argv : ["env", ...pairs, ...argv];
}
