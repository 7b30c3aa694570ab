import { BACKENDS } from "../backend/mod.ts";
import type { Backend, BackendName, FoundBottle } from "../backend/backend.ts";
import { StateStore } from "../bottle/state.ts";
import type { Engine } from "../engine/engine.ts";
import type { ImageSettings } from "../image/inputs.ts";
import type { Config } from "../manifest/config.ts";
import { nearest } from "../manifest/names.ts";
import { UserError } from "../system/errors.ts";
import { hostPaths, type Paths } from "../system/paths.ts";
import { writeStderr } from "../system/terminal.ts";
import { createProgress, type Progress } from "../system/progress.ts";
import { join } from "../std/path.ts";
import type { HostFacts, Input } from "./command.ts";
import { hostEngine } from "./host_engine.ts";

/** What commands work with in the runner. */
export interface Context {
  paths: Paths;
  engine: Engine;
  backends: Record<BackendName, Backend>;
  store: StateStore;
  progress: Progress;
  auditPath(id: string): string;
}

export function createContext(host: HostFacts, { quiet = false } = {}): Context {
  const paths = hostPaths(host.home, host.xdgCacheHome);
  const engine = hostEngine(host);
  return {
    paths,
    engine,
    backends: { docker: BACKENDS.docker(engine, { cacheDir: paths.cache }) },
    store: new StateStore(paths.state),
    progress: createProgress({
      write: writeStderr,
      tty: host.tty.stderr,
      color: host.color,
      quiet,
    }),
    auditPath: (id) => join(paths.audit, `${id}.jsonl`),
  };
}

/** The backend to use: the flag, then the environment, then the settings. */
export function chooseBackend(
  context: Context,
  { input, host, config }: { input: Input; host: HostFacts; config: Config },
): Backend {
  const name = input.values.backend ?? host.backend ?? config.backend;
  const backend = (context.backends as Record<string, Backend | undefined>)[name];
  if (backend !== undefined && Object.hasOwn(context.backends, name)) return backend;
  const known = Object.keys(context.backends);
  if (name === "smolmachines") {
    throw new UserError("unavailable", `Cannot use backend "smolmachines": not available yet`, {
      hints: ["--backend docker"],
    });
  }
  const near = nearest(name, known);
  throw new UserError("usage", `Unknown backend "${name}"`, {
    hints: near === undefined ? [`known: ${known.join(", ")}`] : [`did you mean "${near}"`],
  });
}

/** Where images come from. `extraCa` is the content of the settings' `extra_ca_file`. */
export function imageSettings(host: HostFacts, config: Config, extraCa: string): ImageSettings {
  const nodeImage = host.nodeImage ?? config.image.node;
  return { extraCa, ...(nodeImage !== undefined && { nodeImage }) };
}

/** A bottle of some backend. */
export interface Located {
  backend: Backend;
  found: FoundBottle;
}

/** Every bottle there is, on every backend. */
export async function locateAll(context: Context, signal: AbortSignal): Promise<Located[]> {
  const lists = await Promise.all(
    Object.values(context.backends).map(async (backend) =>
      (await backend.list(signal)).map((found) => ({ backend, found }))
    ),
  );
  return lists.flat().sort((a, b) => a.found.id < b.found.id ? -1 : 1);
}

/** Every bottle that this user's state knows: others' on a shared engine are not ours to end. */
export async function locateOwn(context: Context, signal: AbortSignal): Promise<Located[]> {
  const owner = await context.store.owner({ create: false });
  if (owner === "") return [];
  return (await locateAll(context, signal)).filter(({ found }) => found.owner === owner);
}

/** The one bottle whose ID begins with `prefix`. */
export async function locate(
  context: Context,
  prefix: string,
  signal: AbortSignal,
): Promise<Located> {
  const all = await locateAll(context, signal);
  const exact = all.filter(({ found }) => found.id === prefix);
  const matches = exact.length > 0 ? exact : all.filter(({ found }) => found.id.startsWith(prefix));
  if (matches.length === 1) return matches[0]!;
  throw noSuchBottle(
    prefix,
    matches.map(({ found }) => found.id),
    all.map(({ found }) => found.id),
  );
}

/** Says that an ID names no bottle, or several. */
export function noSuchBottle(prefix: string, matches: string[], known: string[]): UserError {
  if (matches.length > 1) {
    return new UserError("usage", `ID "${prefix}" is not unique`, { hints: matches });
  }
  const near = nearest(prefix, known);
  return new UserError("usage", `Unknown bottle "${prefix}"`, {
    hints: near === undefined ? ["claude-bottle list"] : [`did you mean "${near}"`],
  });
}
