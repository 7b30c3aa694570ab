import type { Backend, Session } from "../backend/backend.ts";
import type { Secrets } from "../daemon/policy.ts";
import type { Engine } from "../engine/engine.ts";
import { removeContainer } from "../engine/remove.ts";
import { bundleName, planBundle, startBundle } from "../sidecar/bundle.ts";
import type { Progress } from "../system/progress.ts";
import { drainAudit } from "./audit_log.ts";
import type { BottlePlan } from "./plan.ts";
import { type Facts, provisionAndProbe, requireIsolation } from "./self_check.ts";

/** What launching works with. */
export interface LaunchContext {
  engine: Engine;
  backend: Backend;
  progress: Progress;
  signal: AbortSignal;
}

/** The values and files that a plan only names. */
export interface LaunchInputs {
  sidecarsImage: string;
  network: string;
  secrets: Secrets;
  extraCa: string;
  /** What goes into the bottle, one tar. */
  provision: ReadableStream<Uint8Array> | Uint8Array;
  /** Where the decisions of the bundle are kept when it goes. */
  auditPath: string;
  /** Start a stopped bottle again instead of making one. */
  restart: boolean;
}

/** A bottle that passed its self-check, with its sidecars. Disposing removes all of it. */
export interface LaunchedBottle extends AsyncDisposable {
  session: Session;
  facts: Facts;
}

/**
 * Starts bottle and sidecars in parallel, provisions, and proves the isolation from inside. On
 * failure nothing is left, but for a bottle that existed before: that one is stopped again.
 */
export async function launchBottle(
  plan: BottlePlan,
  inputs: LaunchInputs,
  context: LaunchContext,
): Promise<LaunchedBottle> {
  const { engine, backend, progress } = context;
  // One side's failure ends the other's waiting; teardown takes no signal.
  const abort = new AbortController();
  const signal = AbortSignal.any([context.signal, abort.signal]);

  await using undo = new AsyncDisposableStack();
  const existing = backend.open(plan.id);
  // Registered first: `docker run` can fail after it has made the container.
  undo.defer(() =>
    inputs.restart
      ? stopBottle(engine, existing, inputs.auditPath)
      : removeBottle(engine, existing, inputs.auditPath)
  );

  const bundle = planBundle({
    id: plan.id,
    owner: plan.backend.spec.owner,
    agent: plan.agent,
    backend: backend.name,
    image: inputs.sidecarsImage,
    network: inputs.network,
    mounts: plan.backend.bundleMounts,
    policy: plan.policy,
  });
  const certificate = Promise.withResolvers<string>();
  const ca = certificate.promise;
  ca.catch(() => {}); // its failure is the sidecars'
  const { secrets, extraCa } = inputs;
  const started = progress.step("sidecars", async () => {
    const onCertificate = certificate.resolve;
    await startBundle(engine, bundle, { secrets, extraCa, onCertificate, signal });
  });
  started.catch(certificate.reject);
  const ready = progress.step("bottle", async () => {
    const session = inputs.restart
      ? await backend.restart(plan.backend, ca, signal)
      : await backend.launch(plan.backend, ca, signal);
    const facts = await provisionAndProbe(session, inputs.provision, signal);
    return { session, facts };
  });
  const both = [started, ready];
  for (const half of both) half.catch((error) => abort.abort(error));
  const results = await Promise.allSettled(both);
  context.signal.throwIfAborted();
  // The one that failed first is the cause; the other's "aborted" says nothing.
  if (results.some((result) => result.status === "rejected")) throw abort.signal.reason;
  const { session, facts } = await ready;
  requireIsolation(facts);

  const owned = undo.move();
  return { session, facts, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/**
 * Stops a bottle and keeps its files; its sidecars go. In this order: what the agent still does
 * while it is stopped is decided and written down.
 */
export async function stopBottle(
  engine: Engine,
  session: Session,
  auditPath: string,
): Promise<void> {
  await session.stop();
  try {
    await drainAudit(engine, session.id, auditPath);
  } finally {
    await removeContainer(engine, bundleName(session.id));
  }
}

/** Removes a bottle and its sidecars; whatever of them exists. Twice is harmless. */
export async function removeBottle(
  engine: Engine,
  session: Session,
  auditPath: string,
): Promise<void> {
  await using undo = new AsyncDisposableStack();
  // Also when the bottle cannot be stopped: removing it is the stronger of the two.
  undo.defer(() => removeParts(engine, session));
  await session.stop();
  await drainAudit(engine, session.id, auditPath);
}

/** Removes what there is of a bottle and its sidecars, side by side. */
export async function removeParts(engine: Engine, session: Session): Promise<void> {
  const bundle = removeContainer(engine, bundleName(session.id));
  const ends = await Promise.allSettled([bundle, session.remove(bundle)]);
  for (const end of ends) {
    if (end.status === "rejected") throw end.reason;
  }
}
