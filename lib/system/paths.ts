import { join } from "../std/path.ts";

/** Where the program keeps things on the host. All absolute. */
export interface Paths {
  home: string;
  /** The user's grants and settings. */
  config: string;
  state: string;
  audit: string;
  cache: string;
  logs: string;
  skills: string;
}

/** `~/.claude-bottle`, and a cache that follows XDG_CACHE_HOME when that is absolute. */
export function hostPaths(home: string, xdgCacheHome: string | undefined): Paths {
  const config = join(home, ".claude-bottle");
  const base = xdgCacheHome?.startsWith("/") ? xdgCacheHome : join(home, ".cache");
  const cache = join(base, "claude-bottle");
  return {
    home,
    config,
    state: join(config, "state"),
    audit: join(config, "audit"),
    cache,
    logs: join(cache, "logs"),
    skills: join(home, ".claude", "skills"),
  };
}
