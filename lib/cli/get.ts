import { isAbsolute, join } from "../std/path.ts";
import { WORKSPACE } from "../backend/layout.ts";
import { keptWork } from "../bottle/settle.ts";
import { UserError } from "../system/errors.ts";
import { unpackInto, type UnpackReport } from "../workspace/unpack.ts";
import type { CommandModule, Read } from "./command.ts";
import { type Context, createContext, locateAll, noSuchBottle } from "./context.ts";
import { size } from "./preflight.ts";

export const get: CommandModule = {
  async run(input, _data, host, signal) {
    const [prefix, second, third] = input.positionals as [string, string, string | undefined];
    const path = third === undefined ? undefined : relativePath(second);
    const given = third ?? second;
    const dest = isAbsolute(given) ? given : join(host.cwd, given);
    const context = createContext(host);
    const source = await findSource(context, prefix, signal);
    const report = await source(async (tar) =>
      await unpackInto(tar, dest, { strip: 1, signal, ...(path !== undefined && { only: path }) })
    );
    say(context, dest, report);
    return 0;
  },
};

type Unpack = (tar: ReadableStream<Uint8Array>) => Promise<UnpackReport>;

/** A bottle that exists, or the work that one left. */
async function findSource(
  context: Context,
  prefix: string,
  signal: AbortSignal,
): Promise<(unpack: Unpack) => Promise<UnpackReport>> {
  const { store } = context;
  const known = await store.ids();
  const kept: string[] = [];
  for (const id of known.filter((id) => id.startsWith(prefix))) {
    if (await keptWork(store, id) !== undefined) kept.push(id);
  }
  // What a bottle left can be had without an engine, too, by its whole ID.
  const metadata = await store.read(prefix).catch(() => undefined); // broken: it may still be there
  const left = kept.includes(prefix) && metadata?.phase === "removed";
  const living = left ? [] : await locateAll(context, signal);
  // A bottle that is gone and left nothing is in nobody's way.
  const ids = [...new Set([...kept, ...living.map(({ found }) => found.id)])];
  const matches = ids.includes(prefix) ? [prefix] : ids.filter((id) => id.startsWith(prefix));
  if (matches.length === 0 && known.includes(prefix)) {
    throw new UserError("usage", `Bottle "${prefix}" left no work: nothing of it was kept`);
  }
  if (matches.length !== 1) throw noSuchBottle(prefix, matches, ids);
  const id = matches[0]!;
  const bottle = living.find(({ found }) => found.id === id);
  if (bottle === undefined || bottle.found.status === "incomplete") {
    const path = await keptWork(store, id);
    if (path === undefined) {
      throw new UserError("io", `Bottle "${id}" has no files`, {
        hints: ["claude-bottle cleanup"],
      });
    }
    return async (unpack) => {
      using file = await Deno.open(path);
      return await unpack(file.readable);
    };
  }
  // What it holds now, and not what an earlier attempt to stop it has kept.
  return async (unpack) => {
    await using download = bottle.backend.open(id).get(WORKSPACE, signal);
    return await unpack(download.tar);
  };
}

/** Below /workspace, however it was written. */
function relativePath(path: string): string {
  const inside = path.startsWith(`${WORKSPACE}/`) ? path.slice(WORKSPACE.length + 1) : path;
  return inside.replace(/^\.\//, "").replace(/\/+$/, "");
}

function say({ progress }: Context, dest: string, report: UnpackReport): void {
  progress.say(`${report.files} files, ${size(report.bytes)} in ${dest}`);
  for (const { path, reason } of report.skipped) progress.warn(`Left out: ${path}: ${reason}`);
  for (const path of report.trusted) {
    progress.warn(`A tool on this machine could run or trust "${path}": read it first`);
  }
}

/** What `get` needs. */
// Its purpose is to write where it is told, links included, which Deno grants only unscoped.
export const getNeeds: Read = () =>
  Promise.resolve({ grants: { anywhere: true }, data: undefined });
