import { foldName } from "./tar_name.ts";

/** What host tools run or obey because it is there: hooks, editor tasks, agent settings. */
const TRUSTED = [
  /(^|\/)\.git$/, // a file or link that points to a repository elsewhere
  /(^|\/)\.git\/(config|config\.worktree|hooks|info\/attributes)$/,
  /(^|\/)\.git\/hooks\/[^/]+$/,
  /(^|\/)\.git\/modules\/(.+\/)?(config$|hooks\/)/,
  /(^|\/)\.vscode(\/(tasks|settings|launch|mcp)\.json)?$/,
  /(^|\/)\.devcontainer(\.json|\/.*devcontainer\.json)?$/,
  /(^|\/)\.envrc$/,
  /(^|\/)\.claude(\/settings[^/]*\.json)?$/,
  /(^|\/)\.mcp\.json$/,
  /(^|\/)\.husky(\/[^/]+)?$/,
];

/**
 * Names those of `paths` (files and symlinks) that a tool on the host trusts. A bare repository
 * under any name counts: git takes it for one where it finds it, and obeys its `config`.
 */
export function trustedPaths(paths: string[]): string[] {
  const folded = paths.map(foldName);
  const present = new Set(folded);
  return paths.filter((_, i) => {
    const key = folded[i] ?? "";
    if (/(^|\/)\.git\/hooks\/[^/]+\.sample$/.test(key)) return false; // git's own, and inert
    return TRUSTED.some((pattern) => pattern.test(key)) ||
      (/(^|\/)config$/.test(key) && present.has(key.replace(/config$/, "head")));
  }).sort();
}
