import { join } from "../std/path.ts";
import { hostPaths } from "../system/paths.ts";
import type { Grants, HostFacts } from "./command.ts";

const NOTHING: Deno.PermissionOptionsObject = {
  read: false,
  write: false,
  net: false,
  env: false,
  run: false,
  sys: false,
  ffi: false,
  import: false,
};

/** The reader: manifests and settings, and nothing that acts. */
export function readerPermissions(host: HostFacts): Deno.PermissionOptionsObject {
  const { config } = hostPaths(host.home, host.xdgCacheHome);
  return { ...NOTHING, read: [config, join(host.cwd, ".claude-bottle")] };
}

/** Whether a runner that was started without them must be replaced by one with these grants. */
export function needsMore(host: HostFacts, grants: Partial<Grants>): boolean {
  const base = runnerPermissions(host, {}).read as string[];
  const covered = (path: string) => base.some((own) => path.startsWith(`${own}/`));
  return grants.anywhere === true || (grants.write ?? []).length > 0 ||
    (grants.run ?? []).length > 0 || (grants.read ?? []).some((path) => !covered(path));
}

/** The runner: docker and smolvm, state and cache, and what the command was found to need. */
export function runnerPermissions(
  host: HostFacts,
  grants: Partial<Grants>,
): Deno.PermissionOptionsObject {
  const paths = hostPaths(host.home, host.xdgCacheHome);
  const own = [paths.state, paths.audit, paths.cache];
  const run = [...Object.values(host.tools), ...grants.run ?? []];
  return {
    ...NOTHING,
    read: grants.anywhere ? true : [...own, ...grants.read ?? []],
    write: grants.anywhere ? true : [...own, ...grants.write ?? []],
    run: run.length === 0 ? false : run,
  };
}
