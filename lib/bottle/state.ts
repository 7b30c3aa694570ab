import { z } from "zod";
import { join } from "../std/path.ts";
import { UserError } from "../system/errors.ts";
import { withFileLock } from "../system/lock.ts";
import { BOTTLE_ID } from "./identity.ts";

/** The state's form. A newer one is refused, never rewritten. */
const VERSION = 1;

/** What is known of a bottle beside its labels. No secret, and no value of its env. */
export const Metadata = z.strictObject({
  version: z.literal(VERSION),
  id: z.string().regex(BOTTLE_ID),
  agent: z.string(),
  bottle: z.string(),
  backend: z.string(),
  /** The working directory it was started in. */
  cwd: z.string(),
  /** A copy of the working directory was made. */
  workspace: z.boolean(),
  started_at: z.iso.datetime(),
  images: z.record(z.string(), z.string()),
  program: z.string(),
  /**
   * `starting` until the agent runs: what is left in that phase was never used. `removed`: the
   * bottle is gone, and this is its transcript's and its work's.
   */
  phase: z.enum(["starting", "running", "stopped", "removed"]),
  /** Goes on without its launcher: on purpose, or because its terminal was lost. */
  detached: z.boolean(),
  headless: z.boolean(),
  /** The arguments after `--`. */
  arguments: z.array(z.string()),
});
export type Metadata = z.infer<typeof Metadata>;

/** Bottles' state directories. */
export class StateStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Names this store on an engine that others use too: made once, random, and no secret. Without
   * `create` it is empty when there is none yet.
   */
  async owner({ create }: { create: boolean }): Promise<string> {
    const path = join(this.#root, "owner");
    const known = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    if (known !== "" || !create) return known.trim();
    await Deno.mkdir(this.#root, { recursive: true, mode: 0o700 });
    const temporary = `${path}.${crypto.randomUUID()}`;
    await Deno.writeTextFile(temporary, crypto.randomUUID(), { mode: 0o600 });
    // A link and not a rename: of two first starts at once, one decides.
    await Deno.link(temporary, path).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
    await Deno.remove(temporary);
    return (await Deno.readTextFile(path)).trim();
  }

  directory(id: string): string {
    return join(this.#root, id);
  }

  file(id: string, name: string): string {
    return join(this.#root, id, name);
  }

  /** Makes a bottle's directory. False when another bottle has that ID. */
  async create(metadata: Metadata): Promise<boolean> {
    await Deno.mkdir(this.#root, { recursive: true, mode: 0o700 });
    try {
      await Deno.mkdir(this.directory(metadata.id), { mode: 0o700 });
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw error;
    }
    await this.write(metadata);
    return true;
  }

  /** Replaces the metadata in one step: a reader sees the old or the new. */
  async write(metadata: Metadata): Promise<void> {
    const path = this.file(metadata.id, "metadata.json");
    const temporary = `${path}.${crypto.randomUUID()}`;
    const text = `${JSON.stringify(Metadata.parse(metadata), null, 2)}\n`;
    await Deno.writeTextFile(temporary, text, { mode: 0o600 });
    await Deno.rename(temporary, path);
  }

  /** Undefined when nothing is known of that ID. */
  async read(id: string): Promise<Metadata | undefined> {
    const path = this.file(id, "metadata.json");
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    return parseMetadata(text, path);
  }

  async remove(id: string): Promise<void> {
    await Deno.remove(this.directory(id), { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }

  async ids(): Promise<string[]> {
    const ids: string[] = [];
    try {
      for await (const entry of Deno.readDir(this.#root)) {
        if (entry.isDirectory && BOTTLE_ID.test(entry.name)) ids.push(entry.name);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return ids.sort();
  }

  /** Marks this process as the bottle's launcher, until it ends in whatever way. */
  async claim(id: string): Promise<AsyncDisposable> {
    const file = await this.#openLock(id);
    await file.lock(true);
    return claimOf(file);
  }

  /** The same, unless another process is the launcher already. */
  async tryClaim(id: string): Promise<AsyncDisposable | undefined> {
    const file = await this.#openLock(id);
    if (await file.tryLock(true)) return claimOf(file);
    file.close();
    return undefined;
  }

  #openLock(id: string): Promise<Deno.FsFile> {
    const options = { create: true, write: true, mode: 0o600 };
    return Deno.open(this.file(id, "launcher.lock"), options);
  }

  /** Runs `work` while no other process settles that bottle; waits for one that does. */
  async settle<T>(id: string, work: () => Promise<T>): Promise<T> {
    return await withFileLock(this.file(id, "settle.lock"), work);
  }

  /** Whether a living process is the bottle's launcher. */
  async claimed(id: string): Promise<boolean> {
    try {
      using file = await Deno.open(this.file(id, "launcher.lock"), { write: true });
      return !(await file.tryLock(true));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }
}

function claimOf(file: Deno.FsFile): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => Promise.resolve(file.close()) };
}

function parseMetadata(text: string, path: string): Metadata {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    const id = path.split("/").at(-2);
    throw new UserError("io", `Cannot read state "${path}": it is not JSON`, {
      hints: [`take its work out first: claude-bottle get ${id} DEST`, `rm "${path}"`],
    });
  }
  const version = z.object({ version: z.number() }).safeParse(json);
  if (version.success && version.data.version > VERSION) {
    throw new UserError("io", `Cannot read state "${path}": a newer claude-bottle wrote it`, {
      hints: ["update claude-bottle"],
    });
  }
  const parsed = Metadata.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UserError("io", `Cannot read state "${path}"`, {
    hints: z.prettifyError(parsed.error).split("\n"),
  });
}
