import type { Backend, BottleState, Session } from "../../backend/backend.ts";
import { aborted } from "../../engine/testing/fake_engine.ts";

/** What a fake bottle does when it is asked; what is absent succeeds. */
export interface FakeBottle {
  /** Instead of launching or restarting. */
  launch?: (signal: AbortSignal) => Promise<unknown>;
  /** The stdout of a command in it. */
  exec?: (signal: AbortSignal | undefined) => Promise<string>;
  stop?: () => Promise<void>;
  state?: BottleState;
  /** The files at a path, as a tar. */
  files?: Record<string, Uint8Array>;
}

/** A backend that notes in `events` what the core asks of it. */
export function fakeBackend(events: string[], bottle: FakeBottle): Backend {
  const open = (id: string): Session => ({
    id,
    async exec(_argv, options) {
      events.push("exec");
      return { code: 0, stdout: await bottle.exec?.(options?.signal) ?? "", stderr: "" };
    },
    interact: () => Promise.resolve(0),
    get(path) {
      events.push(`get ${path}`);
      const bytes = bottle.files?.[path] ?? new Uint8Array(1024);
      return {
        tar: ReadableStream.from([bytes]),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    state: () => Promise.resolve(bottle.state ?? { status: "stopped", code: 0 }),
    wait: () => Promise.resolve(bottle.state ?? { status: "stopped", code: 0 }),
    async stop() {
      events.push("stop bottle");
      await bottle.stop?.();
    },
    remove() {
      events.push("remove bottle");
      return Promise.resolve();
    },
    [Symbol.asyncDispose]() {
      return this.remove(Promise.resolve());
    },
  });
  const begin = async (what: string, id: string, signal: AbortSignal) => {
    events.push(what);
    await bottle.launch?.(signal);
    return open(id);
  };
  return {
    name: "docker",
    capabilities: { runtimes: [] },
    probe: () => Promise.resolve(),
    plan: (spec) => ({ spec, names: {}, bundleMounts: [], commands: [] }),
    launch: (plan, _ca, signal) => begin("launch", plan.spec.id, signal),
    restart: (plan, _ca, signal) => begin("restart", plan.spec.id, signal),
    open,
    list: () => Promise.resolve([]),
  };
}

/** Waits until it is aborted, and rejects with the reason. */
export async function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  await aborted(signal);
  throw signal?.reason;
}
