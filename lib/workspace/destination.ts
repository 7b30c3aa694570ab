import { join } from "../std/path.ts";
import { UserError } from "../system/errors.ts";
import { foldName } from "./tar_name.ts";

/** Thrown for one entry that cannot be placed; the rest goes on. */
export class Unplaceable extends Error {
  override name = "Unplaceable";
}

/**
 * A directory that is filled with names from elsewhere. Every folder below it is made by this
 * object and looked at again before each use; nothing is overwritten and no link is followed.
 */
export class Destination {
  readonly #root: string;
  readonly #ownsRoot: boolean;
  /** What was made, by folded path, in the order it was made. */
  readonly #made = new Map<string, { path: string; directory: boolean }>();

  private constructor(root: string, ownsRoot: boolean) {
    this.#root = root;
    this.#ownsRoot = ownsRoot;
  }

  /** Takes `path`, which must not exist yet or be an empty directory. */
  static async open(path: string): Promise<Destination> {
    try {
      await Deno.mkdir(path, { mode: 0o755 });
      return new Destination(await Deno.realPath(path), true);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw cannotWrite(path, error);
    }
    try {
      for await (const _ of Deno.readDir(path)) {
        throw new UserError("create", `Cannot write to "${path}": the directory is not empty`, {
          hints: ["name a directory that does not exist yet"],
        });
      }
    } catch (error) {
      throw error instanceof UserError ? error : cannotWrite(path, error);
    }
    return new Destination(await Deno.realPath(path), false);
  }

  /** Makes the directory `parts`; one that this run made already keeps its mode. */
  async directory(parts: string[], mode: number): Promise<boolean> {
    await this.#parent(parts);
    const known = this.#made.get(foldName(parts.join("/")));
    if (known?.directory && known.path === parts.join("/")) return false;
    this.#claim(parts);
    await this.#make(parts, (path) => Deno.mkdir(path, { mode: (mode & 0o755) | 0o700 }));
    this.#record(parts, true);
    return true;
  }

  /** Creates the file `parts`, which must not exist. */
  async file(parts: string[], mode: number): Promise<Deno.FsFile> {
    await this.#parent(parts);
    this.#claim(parts);
    const file = await this.#make(parts, (path) => createFile(path, mode));
    this.#record(parts, false);
    return file;
  }

  /** Creates the symlink `parts`. Its target is the caller's to judge. */
  async symlink(parts: string[], target: string): Promise<void> {
    // Its folder has been there since the entry was read; if not, somebody else is at work.
    await this.#parent(parts);
    await this.#make(parts, (path) => Deno.symlink(target, path));
  }

  /** Keeps the name `parts` for a symlink that is made later, so that no entry passes it. */
  async reserve(parts: string[]): Promise<void> {
    await this.#parent(parts);
    this.#claim(parts);
    this.#record(parts, false);
  }

  /** Removes what this object made. */
  async undo(): Promise<void> {
    for (const { path } of [...this.#made.values()].reverse()) {
      // Not recursive: what somebody else put there stays, and so do its folders.
      await Deno.remove(join(this.#root, path)).catch(() => {});
    }
    if (this.#ownsRoot) await Deno.remove(this.#root).catch(() => {});
  }

  /** Makes sure that every folder above `parts` is a real directory that this run made. */
  async #parent(parts: string[]): Promise<void> {
    for (let depth = 1; depth < parts.length; depth++) {
      const above = parts.slice(0, depth);
      const path = above.join("/");
      const known = this.#made.get(foldName(path));
      if (known === undefined) {
        await this.#make(above, (path) => Deno.mkdir(path, { mode: 0o755 }));
        this.#record(above, true);
      } else if (known.path !== path) {
        throw new Unplaceable(`its folder "${path}" differs from "${known.path}" in case only`);
      } else if (!known.directory) {
        throw new Unplaceable(`its folder "${path}" is not a directory`);
      } else if (!Deno.lstatSync(this.#absolute(above)).isDirectory) {
        throw new UserError("refused", `Cannot unpack: "${path}" was replaced meanwhile`);
      }
    }
  }

  /** Tells what concerns one name from what ends the run, such as a full disk. */
  async #make<T>(parts: string[], action: (path: string) => Promise<T>): Promise<T> {
    const path = this.#absolute(parts);
    try {
      return await action(path);
    } catch (error) {
      // A file system that folds names in a way foldName() does not know.
      if (error instanceof Deno.errors.AlreadyExists) throw new Unplaceable("it exists already");
      // Deno makes links only for a process that may read and write everywhere.
      if (error instanceof Deno.errors.NotCapable && error.message.includes("symlink")) {
        throw new Unplaceable("a symbolic link, for which this command has no permission");
      }
      const code = (error as { code?: string }).code;
      if (code === "ENAMETOOLONG" || code === "EILSEQ") {
        throw new Unplaceable("a name that this file system does not take");
      }
      throw cannotWrite(path, error);
    }
  }

  #claim(parts: string[]): void {
    const path = parts.join("/");
    const known = this.#made.get(foldName(path));
    if (known === undefined) return;
    throw new Unplaceable(
      known.path === path ? "a duplicate name" : `the same as "${known.path}" but for case`,
    );
  }

  #record(parts: string[], directory: boolean): void {
    const path = parts.join("/");
    this.#made.set(foldName(path), { path, directory });
  }

  #absolute(parts: string[]): string {
    return join(this.#root, ...parts);
  }
}

/** Creates a file that must not exist: plain permissions, writable by its owner. */
export async function createFile(path: string, mode: number): Promise<Deno.FsFile> {
  return await Deno.open(path, { write: true, createNew: true, mode: (mode & 0o755) | 0o600 });
}

/** Where a single file goes: into `dest` when that is a directory, else to `dest` itself. */
export async function singleFilePath(dest: string, name: string): Promise<string> {
  const isDirectory = await Deno.stat(dest).then((info) => info.isDirectory, () => false);
  return isDirectory ? join(dest, name) : dest;
}

/** Says that `path` cannot be written, and why. */
export function cannotWrite(path: string, cause: unknown): UserError {
  const detail = cause instanceof Deno.errors.AlreadyExists
    ? "it exists"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new UserError("create", `Cannot write to "${path}": ${detail}`, { cause });
}
