import { basename, join, resolve } from "../std/path.ts";
import { UserError } from "../system/errors.ts";
import { NAME } from "./names.ts";

/** Where manifests are looked for. */
export interface ManifestDirs {
  /** The user's `~/.claude-bottle`, absolute: the only place that can grant anything. */
  home: string;
  /** The working directory, absolute: a repository that may ship agents. */
  cwd: string;
}

/** Who wrote a manifest: the user, or a repository that rides on the user's grants. */
export type Origin = "home" | "repository";

/** The two kinds of manifest. */
export type ManifestKind = "agent" | "bottle";

/** A manifest that exists; nothing of it was read. */
export interface ManifestEntry {
  kind: ManifestKind;
  name: string;
  origin: Origin;
  path: string;
}

/** Says where the manifest of that name would be. */
export function manifestPath(dir: string, kind: ManifestKind, name: string): string {
  return join(dir, `${kind}s`, `${name}.md`);
}

/**
 * Finds the repository's manifest directory: `.claude-bottle` in the working directory, unless
 * that is the user's own or is not there. A link is refused: it could make any directory of the
 * host into a repository's.
 */
export async function repositoryDir({ home, cwd }: ManifestDirs): Promise<string | undefined> {
  const dir = join(cwd, ".claude-bottle");
  const info = await lstat(dir);
  if (info === undefined || await realPath(dir) === await realPath(home)) return undefined;
  for (const path of [dir, join(dir, "agents")]) {
    if ((await lstat(path))?.isSymlink) {
      throw new UserError(
        "manifest",
        `Cannot use "${path}": a repository's manifests must not be behind a symbolic link`,
      );
    }
  }
  return dir;
}

/** Tells the user about bottles that a repository ships: they are never read. */
export async function repositoryWarnings(dirs: ManifestDirs): Promise<string[]> {
  const dir = await repositoryDir(dirs);
  if (dir === undefined || await lstat(join(dir, "bottles")) === undefined) return [];
  return [`Ignoring "${join(dir, "bottles")}": a repository cannot grant, only ${dirs.home} can`];
}

/** Lists the manifests that can be used, by name; a home agent hides a repository's. */
export async function listManifests(dirs: ManifestDirs): Promise<ManifestEntry[]> {
  const entries = [
    ...await list(dirs.home, "agent", "home"),
    ...await list(dirs.home, "bottle", "home"),
  ];
  const repository = await repositoryDir(dirs);
  if (repository !== undefined) {
    for (const entry of await list(repository, "agent", "repository")) {
      if (!entries.some(({ kind, name }) => kind === "agent" && name === entry.name)) {
        entries.push(entry);
      }
    }
  }
  return entries.sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name));
}

async function list(dir: string, kind: ManifestKind, origin: Origin): Promise<ManifestEntry[]> {
  const entries: ManifestEntry[] = [];
  try {
    for await (const { name: file, isDirectory } of Deno.readDir(join(dir, `${kind}s`))) {
      const name = basename(file, ".md");
      if (isDirectory || name === file || !NAME.test(name)) continue;
      entries.push({ kind, name, origin, path: manifestPath(dir, kind, name) });
    }
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  return entries;
}

async function lstat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (isAbsent(error)) return resolve(path);
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}
