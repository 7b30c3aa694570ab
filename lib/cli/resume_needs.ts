import { type Metadata, StateStore } from "../bottle/state.ts";
import { hostPaths } from "../system/paths.ts";
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
  const ids = await store.ids();
  const matches = ids.includes(prefix) ? [prefix] : ids.filter((id) => id.startsWith(prefix));
  const metadata = matches.length === 1 ? await store.read(matches[0]!) : undefined;
  if (metadata === undefined) throw noSuchBottle(prefix, matches, ids);
  const { manifests, grants } = await loadManifests(metadata.agent, host);
  return { data: { manifests, metadata }, grants };
};
