import { basename } from "../std/path.ts";
import { UserError } from "../system/errors.ts";
import {
  cannotWrite,
  createFile,
  Destination,
  singleFilePath,
  Unplaceable,
} from "./destination.ts";
import { readTar, type TarEntry } from "./read_tar.ts";
import type { Remark } from "./survey.ts";
import { judgeLink, judgeName, type NameLimits } from "./tar_name.ts";
import { trustedPaths } from "./trusted.ts";

/** How much an archive may hold. */
export interface UnpackLimits extends NameLimits {
  bytes: number;
  entries: number;
}

/** Enough for any workspace, and not enough to fill a disk by an archive that lies. */
export const UNPACK_LIMITS: UnpackLimits = {
  bytes: 64 * 1024 ** 3,
  entries: 2_000_000,
  pathBytes: 1024,
  depth: 128,
};

/** How an archive is unpacked. */
export interface UnpackOptions {
  /** How many leading folders to drop from every name. */
  strip?: number;
  /** Unpacks this path alone, named as after `strip`: a file, or a folder's contents. */
  only?: string;
  signal?: AbortSignal;
  limits?: Partial<UnpackLimits>;
}

/** What was unpacked. Names are raw: pass them through `printable`. */
export interface UnpackReport {
  files: number;
  directories: number;
  symlinks: number;
  bytes: number;
  /** What the archive holds and was left out. */
  skipped: Remark[];
  /** Files that tools on the host obey just because they are there: to be looked at first. */
  trusted: string[];
}

/**
 * Unpacks a tar that comes from a bottle, as if an enemy had made it (attacks.md F1, F2), into
 * `dest`: a directory that is empty or does not exist yet, or, when `only` is a file, a new file
 * in or at `dest`. Folders and files are new, links stay inside and come last, modes are plain.
 * On failure what was made is removed.
 */
export async function unpackInto(
  tar: ReadableStream<Uint8Array>,
  dest: string,
  options: UnpackOptions = {},
): Promise<UnpackReport> {
  const unpacking = new Unpacking(dest, options);
  try {
    return await unpacking.run(tar);
  } catch (error) {
    await unpacking.undo();
    if (!tar.locked) await tar.cancel(error).catch(() => {}); // it may not have been begun
    throw error;
  }
}

class Unpacking {
  readonly #dest: string;
  readonly #options: UnpackOptions;
  readonly #limits: UnpackLimits;
  readonly #only: string[];
  readonly #links: { parts: string[]; target: string }[] = [];
  readonly #written: string[] = [];
  readonly #report: UnpackReport = {
    files: 0,
    directories: 0,
    symlinks: 0,
    bytes: 0,
    skipped: [],
    trusted: [],
  };
  #directory: Destination | undefined;
  #single: string | undefined;

  constructor(dest: string, options: UnpackOptions) {
    this.#dest = dest;
    this.#options = options;
    this.#limits = { ...UNPACK_LIMITS, ...options.limits };
    this.#only = (options.only ?? "").split("/").filter((part) => part !== "" && part !== ".");
  }

  async run(tar: ReadableStream<Uint8Array>): Promise<UnpackReport> {
    // Before the first entry, so that a wrong destination is told even when nothing follows.
    if (this.#only.length === 0) this.#directory = await Destination.open(this.#dest);
    let entries = 0;
    for await (const entry of readTar(tar, this.#options.signal)) {
      if (++entries > this.#limits.entries) throw refused("it has too many entries");
      await this.#entry(entry);
    }
    if (this.#directory === undefined && this.#single === undefined) {
      const why = this.#report.skipped[0]?.reason;
      throw new UserError(
        "io",
        `Cannot get "${this.#options.only}": ` +
          (why === undefined ? "there is nothing of that name" : `it is ${why}`),
      );
    }
    for (const { parts, target } of this.#links) {
      this.#options.signal?.throwIfAborted();
      if (await this.#placed(parts, () => this.#directory?.symlink(parts, target))) {
        this.#report.symlinks++;
        this.#written.push(parts.join("/"));
      }
    }
    this.#report.trusted = trustedPaths(this.#written);
    return this.#report;
  }

  async undo(): Promise<void> {
    await this.#directory?.undo();
    if (this.#single !== undefined) await Deno.remove(this.#single).catch(() => {});
  }

  async #entry(entry: TarEntry): Promise<void> {
    const verdict = judgeName(entry.name, this.#limits);
    if (verdict.kind === "refuse") throw refused(`it holds ${verdict.reason}`, entry.name);
    const path = entry.name.replace(/\/$/, "");
    const problem = entry.problem ?? (verdict.kind === "skip" ? verdict.reason : undefined);
    if (problem !== undefined || verdict.kind === "skip") {
      if (this.#only.length === 0) this.#skip(path, problem ?? "an odd name");
      return;
    }
    const stripped = verdict.parts.slice(this.#options.strip ?? 0);
    if (!this.#only.every((part, i) => stripped[i] === part)) return;
    const parts = stripped.slice(this.#only.length);
    if (parts.length > 0) return await this.#place(entry, parts);

    // What `dest` itself becomes.
    if (entry.type === "directory") await this.#open();
    else if (entry.type !== "file") this.#skip(path, describeType(entry.type));
    else if (this.#only.length === 0) this.#skip(path, "a file where a folder was expected");
    else if (this.#directory !== undefined) this.#skip(path, "a duplicate name");
    else await this.#writeSingle(entry, basename(this.#only.at(-1) ?? ""));
  }

  async #place(entry: TarEntry, parts: string[]): Promise<void> {
    const directory = await this.#open();
    const path = parts.join("/");
    switch (entry.type) {
      case "directory":
        await this.#placed(parts, async () => {
          if (await directory.directory(parts, entry.mode)) this.#report.directories++;
        });
        return;
      case "file":
        await this.#placed(parts, async () => {
          this.#announce(entry);
          await this.#write(await directory.file(parts, entry.mode), entry);
          this.#written.push(path);
        });
        return;
      case "symlink": {
        const reason = judgeLink(entry.linkname, parts.length - 1, this.#limits);
        if (reason !== undefined) return this.#skip(path, reason);
        if (await this.#placed(parts, () => directory.reserve(parts))) {
          this.#links.push({ parts, target: entry.linkname });
        }
        return;
      }
      default:
        this.#skip(path, describeType(entry.type));
    }
  }

  async #open(): Promise<Destination> {
    if (this.#single !== undefined) throw refused("one name is a file and a folder");
    return this.#directory ??= await Destination.open(this.#dest);
  }

  async #writeSingle(entry: TarEntry, name: string): Promise<void> {
    if (this.#single !== undefined) return this.#skip(entry.name, "a duplicate name");
    this.#announce(entry);
    const path = await singleFilePath(this.#dest, name);
    const file = await createFile(path, entry.mode).catch((error) => {
      throw cannotWrite(path, error);
    });
    this.#single = path;
    await this.#write(file, entry);
    this.#written.push(this.#only.join("/"));
  }

  /** Refuses by the size that is announced, before the disk fills with it. */
  #announce(entry: TarEntry): void {
    if (this.#report.bytes + entry.size > this.#limits.bytes) {
      throw refused(`it holds more than ${this.#limits.bytes} bytes`);
    }
  }

  async #write(file: Deno.FsFile, entry: TarEntry): Promise<void> {
    using target = file;
    for await (const chunk of entry.body()) {
      try {
        await writeAll(target, chunk);
      } catch (error) {
        throw cannotWrite(`${this.#dest}/${entry.name}`, error);
      }
      this.#report.bytes += chunk.length;
    }
    this.#report.files++;
  }

  async #placed(parts: string[], action: () => Promise<void> | undefined): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      if (!(error instanceof Unplaceable)) throw error;
      this.#skip(parts.join("/"), error.message);
      return false;
    }
  }

  #skip(path: string, reason: string): void {
    this.#report.skipped.push({ path, reason });
  }
}

async function writeAll(file: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    const rest = chunk.subarray(at);
    // Small chunks at once: the way through the thread pool costs more than they do.
    at += rest.length <= 16 * 1024 ? file.writeSync(rest) : await file.write(rest);
  }
}

function describeType(type: TarEntry["type"]): string {
  switch (type) {
    case "hardlink":
      return "a hard link";
    case "symlink":
      return "a symbolic link";
    case "other":
      return "of an unknown type";
    default:
      return `a ${type}`;
  }
}

function refused(reason: string, name?: string): UserError {
  const where = name === undefined ? "" : `: "${name}"`;
  return new UserError("refused", `Cannot unpack the archive: ${reason}${where}`, {
    hints: ["nothing of it was kept"],
  });
}
