import ignore from "ignore";
import { printable, UserError } from "../system/errors.ts";
import { type Identity, openRegular } from "./safe_open.ts";
import { suspicion } from "./suspects.ts";

/** The file at the root of a workspace that names, in gitignore syntax, what is not copied. */
export const IGNORE_FILE = ".claude-bottleignore";

/** One thing of a workspace. */
export interface SurveyEntry extends Identity {
  /** Relative to the workspace, separated by "/". */
  path: string;
  type: "file" | "directory" | "symlink";
  /** Permission bits only: setuid, setgid and sticky are dropped. */
  mode: number;
  /** Bytes of a file; 0 for the rest. */
  size: number;
  mtime: Date;
  /** Where a symlink points, as it is written. */
  linkname?: string;
}

/** A path and what is to be said about it. Names are raw: pass them through `printable`. */
export interface Remark {
  path: string;
  reason: string;
}

/** What a working directory holds, before anything of it is copied. */
export interface Survey {
  /** Sorted by path, so that a directory comes before what is in it. */
  entries: SurveyEntry[];
  totals: { files: number; bytes: number };
  /** Sockets, fifos and devices. */
  skipped: Remark[];
  /** Files that look like credentials; never their values. */
  suspects: Remark[];
}

/**
 * Surveys the directory `dir`, `.git` included, minus what its `.claude-bottleignore` names.
 * Follows no symlink and runs nothing.
 */
export async function surveyWorkspace(dir: string, signal: AbortSignal): Promise<Survey> {
  const survey: Survey = {
    entries: [],
    totals: { files: 0, bytes: 0 },
    skipped: [],
    suspects: [],
  };
  if (!(await attempt(dir, "", () => Deno.stat(dir))).isDirectory) {
    throw new UserError("io", `Cannot copy "${dir}": it is not a directory`);
  }
  const ignored = await readIgnoreFile(dir);
  if (!ignored(".git")) await refuseWorktree(dir);

  const pending = [""];
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    signal.throwIfAborted();
    for (const { name, isDirectory } of await readDirectory(dir, parent)) {
      const path = parent === "" ? name : `${parent}/${name}`;
      if (ignored(isDirectory ? `${path}/` : path)) continue;
      refuseLossy(path, "file name");
      const info = await attempt(dir, path, () => Deno.lstatSync(`${dir}/${path}`));
      const entry = await describe(dir, path, info);
      if (entry === undefined) {
        survey.skipped.push({ path, reason: kindOf(info) });
        continue;
      }
      survey.entries.push(entry);
      if (entry.type === "directory") pending.push(path);
      if (entry.type === "file") {
        survey.totals.files++;
        survey.totals.bytes += entry.size;
        const reason = await attempt(dir, path, () => inspect(dir, entry));
        if (reason !== undefined) survey.suspects.push({ path, reason });
      }
    }
  }
  for (const list of [survey.entries, survey.skipped, survey.suspects]) list.sort(byPath);
  return survey;
}

async function describe(
  dir: string,
  path: string,
  info: Deno.FileInfo,
): Promise<SurveyEntry | undefined> {
  const { dev, ino } = info;
  const entry = {
    path,
    mode: (info.mode ?? 0o755) & 0o777,
    size: 0,
    // Before 1970 tar has no number for it.
    mtime: new Date(Math.max(0, info.mtime?.getTime() ?? 0)),
    dev,
    ino,
  };
  if (info.isFile) return { ...entry, type: "file", size: info.size };
  if (info.isDirectory) return { ...entry, type: "directory" };
  if (!info.isSymlink) return undefined;
  const linkname = await attempt(dir, path, () => Deno.readLinkSync(`${dir}/${path}`));
  refuseLossy(linkname, `target of symbolic link "${path}"`);
  return { ...entry, type: "symlink", linkname };
}

/** Why `entry` looks like a credential, if it does; opens it when its name alone does not say. */
function inspect(dir: string, entry: SurveyEntry): string | undefined {
  const path = `${dir}/${entry.path}`;
  // World-readable files can be read. The others are tried now, before a bottle exists.
  if ((entry.mode & 0o004) === 0) {
    using file = openRegular(path);
    if (file === undefined) throw new UserError("io", `Cannot copy "${path}": it was replaced`);
  }
  return suspicion(entry.path, entry.size, (bytes) => {
    using file = openRegular(path);
    if (file === undefined) return "";
    const buffer = new Uint8Array(bytes);
    return new TextDecoder().decode(buffer.subarray(0, file.readSync(buffer)));
  });
}

async function readDirectory(dir: string, parent: string): Promise<Deno.DirEntry[]> {
  const path = parent === "" ? dir : `${dir}/${parent}`;
  return await attempt(dir, parent, async () => {
    // Should the directory have become a link since it was seen, nothing is read through it.
    if (parent !== "" && !(await Deno.lstat(path)).isDirectory) return [];
    return await Array.fromAsync(Deno.readDir(path));
  });
}

async function readIgnoreFile(dir: string): Promise<(path: string) => boolean> {
  const path = `${dir}/${IGNORE_FILE}`;
  const info = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw unreadable(path, error);
  });
  if (info === undefined) return () => false;
  if (!info.isFile) {
    throw new UserError("manifest", `Cannot use "${path}": it is not a regular file`);
  }
  const text = await attempt(dir, IGNORE_FILE, () => Deno.readTextFile(path));
  // Git's own default: case counts, except where the file system does not care.
  const rules = ignore({ ignorecase: Deno.build.os === "darwin" }).add(text);
  return (candidate) => rules.ignores(candidate);
}

async function refuseWorktree(dir: string): Promise<void> {
  const path = `${dir}/.git`;
  let gitdir: string;
  try {
    if (!(await Deno.lstat(path)).isFile) return;
    using file = openRegular(path);
    if (file === undefined) return;
    const buffer = new Uint8Array(4096);
    const text = new TextDecoder().decode(buffer.subarray(0, file.readSync(buffer)));
    gitdir = /^gitdir:\s*(.+)$/m.exec(text)?.[1]?.trim() ?? "an unknown place";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw unreadable(path, error);
  }
  throw new UserError(
    "manifest",
    `Cannot copy "${printable(dir)}": its .git is a file that points to "${printable(gitdir)}", ` +
      "outside of it (a worktree or a submodule), so the copy would have no history",
    {
      hints: [
        `git clone "${printable(dir)}" <new directory>, and start there`,
        "or start in the main checkout",
        `or name /.git in ${IGNORE_FILE} to copy the files without their history`,
      ],
    },
  );
}

/** Deno turns bytes that are not UTF-8 into U+FFFD, and then finds no file of that name. */
function refuseLossy(text: string, what: string): void {
  if (!text.includes("\ufffd")) return;
  throw new UserError("io", `Cannot copy "${text}": its ${what} is not valid UTF-8`, {
    hints: [`rename it, or name it or its folder in ${IGNORE_FILE}`],
  });
}

async function attempt<T>(dir: string, path: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof UserError
      ? error
      : unreadable(path === "" ? dir : `${dir}/${path}`, error);
  }
}

function unreadable(path: string, error: unknown): UserError {
  const detail = error instanceof Error ? error.message : String(error);
  return new UserError("io", `Cannot read "${path}": ${detail}`, {
    hints: [`make it readable, or name it in ${IGNORE_FILE}`],
    cause: error,
  });
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isSocket) return "a socket";
  if (info.isFifo) return "a fifo";
  return "a device";
}

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
