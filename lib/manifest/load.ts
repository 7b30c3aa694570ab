import { UserError } from "../system/errors.ts";
import { type BottleFile, resolveBottle, type ResolvedBottle } from "./extends.ts";
import {
  listManifests,
  type ManifestDirs,
  type ManifestKind,
  manifestPath,
  type Origin,
  repositoryDir,
  repositoryWarnings,
} from "./manifest_dirs.ts";
import { readManifestFile } from "./manifest_file.ts";
import { NAME, NAME_RULE, nearest } from "./names.ts";
import { parseAgent, parseBottle } from "./parse.ts";
import type { AgentManifest } from "./schema.ts";

/** An agent as it is started. */
export interface LoadedAgent {
  name: string;
  manifest: AgentManifest;
  /** The body of the file: the agent's system prompt. */
  prompt: string;
  /** A repository's agent rides on the user's grants and needs the user's yes. */
  origin: Origin;
  path: string;
  /** Of the file's bytes: what that yes is remembered by. */
  sha256: string;
  warnings: string[];
}

/** A bottle with everything it inherits. */
export interface LoadedBottle {
  bottle: ResolvedBottle;
  path: string;
  /** Of the bottle's own file; those it extends are in `bottle.chain`. */
  sha256: string;
  warnings: string[];
}

/** Loads one agent: the user's, or else the repository's. No other file is parsed. */
export async function loadAgent(name: string, dirs: ManifestDirs): Promise<LoadedAgent> {
  checkName("agent", name);
  const repository = await repositoryDir(dirs);
  const repositoryPath = repository && manifestPath(repository, "agent", name);
  const path = manifestPath(dirs.home, "agent", name);
  const warnings: string[] = [];

  const home = await readManifestFile(path);
  if (home !== undefined) {
    if (repositoryPath !== undefined && await exists(repositoryPath)) {
      warnings.push(`Using your own agent "${name}", not the repository's "${repositoryPath}"`);
    }
    const { manifest, body } = parseAgent(home.text, path);
    return { name, manifest, prompt: body, origin: "home", path, sha256: home.sha256, warnings };
  }

  const file = repositoryPath === undefined
    ? undefined
    : await readManifestFile(repositoryPath, { refuseLinks: true });
  if (repositoryPath === undefined || file === undefined) throw await missing("agent", name, dirs);
  const { manifest, body } = parseAgent(file.text, repositoryPath);
  return {
    name,
    manifest,
    prompt: body,
    origin: "repository",
    path: repositoryPath,
    sha256: file.sha256,
    warnings,
  };
}

/** Loads one bottle and the chain it extends, from the user's own directory and nowhere else. */
export async function loadBottle(name: string, dirs: ManifestDirs): Promise<LoadedBottle> {
  const warnings = await repositoryWarnings(dirs);
  const bottle = await resolveBottle(name, {
    home: dirs.home,
    read: (wanted, extendedBy) => readBottle(wanted, dirs, extendedBy),
  });
  const [{ path, sha256 }] = bottle.chain;
  return { bottle, path, sha256, warnings };
}

async function readBottle(
  name: string,
  dirs: ManifestDirs,
  extendedBy: string | undefined,
): Promise<BottleFile> {
  checkName("bottle", name);
  const path = manifestPath(dirs.home, "bottle", name);
  const file = await readManifestFile(path);
  if (file === undefined) throw await missing("bottle", name, dirs, extendedBy);
  return { name, path, sha256: file.sha256, manifest: parseBottle(file.text, path).manifest };
}

function checkName(kind: ManifestKind, name: string): void {
  if (NAME.test(name)) return;
  throw new UserError("manifest", `Cannot use ${kind} ${JSON.stringify(name)}: bad name`, {
    hints: [`a name ${NAME_RULE}`],
  });
}

async function missing(
  kind: ManifestKind,
  name: string,
  dirs: ManifestDirs,
  extendedBy?: string,
): Promise<UserError> {
  const names = (await listManifests(dirs)).filter((entry) => entry.kind === kind)
    .map((entry) => entry.name);
  const meant = nearest(name, names);
  const hints: string[] = [];
  if (meant !== undefined) hints.push(`did you mean "${meant}"?`);
  hints.push(
    names.length > 0
      ? `${kind}s that exist: ${names.join(", ")}`
      : `there are no ${kind}s yet: run "claude-bottle init"`,
  );
  if (kind === "bottle") hints.push(...await repositoryWarnings(dirs));
  const by = extendedBy === undefined ? "" : `, which "${extendedBy}" extends`;
  const path = manifestPath(dirs.home, kind, name);
  return new UserError("manifest", `Cannot find ${kind} "${name}"${by}: no file "${path}"`, {
    hints,
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}
