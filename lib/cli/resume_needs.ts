import { type Metadata, StateStore } from "../bottle/state.ts";
import { hostPaths } from "../system/paths.ts";
import { UserError } from "../system/errors.ts";
import { quote } from "../system/process.ts";
import type { Read } from "./command.ts";
import { noSuchBottle } from "./context.ts";
import { loadManifests } from "./load.ts";
import type { Manifests } from "./manifests.ts";

/** What `resume` works on. */
export interface ResumeData {
  manifests: Manifests;
  metadata: Metadata;
}

/** What `resume` needs. */
export const resumeNeeds: Read<ResumeData> = async (input, host) => {
  const prefix = input.positionals[0]!;
  const store = new StateStore(hostPaths(host.home, host.xdgCacheHome).state);
  const ids = await resumableIds(store);
  const matches = ids.includes(prefix) ? [prefix] : ids.filter((id) => id.startsWith(prefix));
  const metadata = matches.length === 1 ? await store.read(matches[0]!) : undefined;
  if (metadata === undefined) throw noSuchBottle(prefix, matches, ids);
  const { manifests, grants } = await loadManifests(metadata.agent, host).catch((error) => {
    if (!(error instanceof UserError) || metadata.cwd === host.cwd) throw error;
    throw new UserError(error.kind, error.message, {
      hints: [...error.hints, `it was started elsewhere: cd ${quote([metadata.cwd])}`],
      cause: error,
    });
  });
  // Another repository may have an agent of that name: this bottle is not for it.
  if (manifests.agent.origin === "repository" && metadata.cwd !== host.cwd) {
    throw new UserError("usage", `Cannot resume "${metadata.id}" from here`, {
      hints: [`its agent may be that of a repository: cd ${quote([metadata.cwd])}`],
    });
  }
  return { data: { manifests, metadata }, grants };
};

/** Bottles that may still exist; what cannot be read may, too, and is said when it is chosen. */
async function resumableIds(store: StateStore): Promise<string[]> {
  const ids: string[] = [];
  for (const id of await store.ids()) {
    const metadata = await store.read(id).catch(() => undefined);
    if (metadata?.phase !== "removed") ids.push(id);
  }
  return ids;
}
