import type { Session } from "../backend/backend.ts";
import type { Engine } from "../engine/engine.ts";
import { counted } from "../system/counted.ts";
import type { Progress } from "../system/progress.ts";
import type { Ending } from "./agent_session.ts";
import { drainAudit } from "./audit_log.ts";
import { removeParts, stopBottle } from "./launch.ts";
import { keepWork, keptWork, saveTranscript } from "./settle.ts";
import type { Metadata, StateStore } from "./state.ts";

export interface FinishContext {
  engine: Engine;
  store: StateStore;
  progress: Progress;
  auditPath(id: string): string;
}

/** Of an agent that was killed: 128 and SIGKILL. */
const LOST = 137;

/** What is left of a bottle, and what the caller exits with. */
export interface Outcome {
  code: number;
  left: "nothing" | "running" | "stopped";
}

/**
 * Ends a bottle as its agent ended: with 0 everything goes, but for transcript and changed work;
 * otherwise its files are kept for `resume`, and its sidecars go; detached, all of it runs on.
 * Takes no signal: what was begun here is finished.
 */
export async function finish(
  context: FinishContext,
  session: Session,
  metadata: Metadata,
  ending: Ending,
): Promise<Outcome> {
  const { store, progress } = context;
  const { id } = metadata;
  if (ending.kind === "detached") {
    await store.write({ ...metadata, detached: true });
    progress.say(`detached; the agent runs on: claude-bottle attach ${id}`);
    return { code: 0, left: "running" };
  }
  if (ending.kind === "ended" && ending.code === 0) {
    await discard(context, session, metadata);
    return { code: 0, left: "nothing" };
  }
  return await store.settle(id, () => keep(context, session, metadata, ending));
}

/** Stops a bottle and keeps it for `resume`; its sidecars go. */
async function keep(
  context: FinishContext,
  session: Session,
  metadata: Metadata,
  ending: Exclude<Ending, { kind: "detached" }>,
): Promise<Outcome> {
  const { engine, store, progress } = context;
  const { id } = metadata;
  if (await isRemoved(context, id)) return { code: LOST, left: "nothing" };
  await stopBottle(engine, session, context.auditPath(id));
  const state = await session.state();
  if (state.status === "gone") {
    await session[Symbol.asyncDispose]();
    // What was kept of it stays.
    if (await keptWork(store, id) === undefined) await store.remove(id);
    progress.warn(`Bottle ${id} was removed by somebody else`);
    return { code: LOST, left: "nothing" };
  }
  await saveTranscript(store, session, progress, forever());
  await store.write({ ...metadata, phase: "stopped" });
  const code = ending.kind === "ended"
    ? ending.code
    : ending.kind === "interrupted"
    ? ending.by.exitCode
    : LOST;
  const why = ending.kind === "ended"
    ? `the agent ended with code ${ending.code}`
    : ending.kind === "interrupted"
    ? `stopped by ${ending.by.signal}`
    : "the bottle was stopped from outside, or ran out of memory";
  progress.say(`${why}; kept: claude-bottle resume ${id}`);
  return { code, left: "stopped" };
}

/** Removes a bottle for good, after keeping its transcript and its changed work. */
export async function discard(
  context: FinishContext,
  session: Session,
  metadata: Metadata,
): Promise<void> {
  const { engine, store, progress } = context;
  const { id } = metadata;
  await store.settle(id, async () => {
    if (await isRemoved(context, id)) return;
    await session.stop(); // what is copied out no longer changes, and nothing more is decided
    let changed = 0;
    const keeping = [
      saveTranscript(store, session, progress, forever()),
      drainAudit(engine, id, context.auditPath(id)),
      ...metadata.workspace
        ? [keepWork(store, session, forever()).then((count) => void (changed = count))]
        : [],
    ];
    // All of them, before a failure is thrown: the process may end with it.
    for (const kept of await Promise.allSettled(keeping)) {
      // The bottle with the work in it stays.
      if (kept.status === "rejected") throw kept.reason;
    }
    await removeParts(engine, session);
    await store.write({ ...metadata, phase: "removed" });
    if (changed > 0) {
      progress.say(
        `${counted(changed, "path")} of the workspace changed: claude-bottle get ${id} DEST`,
      );
    }
  });
}

/** Whether another process has removed the bottle while this one waited; says so. */
async function isRemoved({ store, progress }: FinishContext, id: string): Promise<boolean> {
  const metadata = await store.read(id);
  if (metadata !== undefined && metadata.phase !== "removed") return false;
  progress.say(`${id} was stopped by another claude-bottle`);
  return true;
}

/** Settling is not interrupted: it is short, and half of it would lose work. */
function forever(): AbortSignal {
  return new AbortController().signal;
}
