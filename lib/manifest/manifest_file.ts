import { UserError } from "../system/errors.ts";
import { MAX_MANIFEST_BYTES } from "./frontmatter.ts";

/** The text of a file and the hash by which the user's trust in it is remembered. */
export interface ManifestFile {
  text: string;
  sha256: string;
}

/**
 * Reads a manifest once: what is hashed is what is parsed. Undefined when there is no such file.
 * With `refuseLinks`, a symbolic link is an error: a repository could point it anywhere.
 */
export async function readManifestFile(
  path: string,
  { refuseLinks = false } = {},
): Promise<ManifestFile | undefined> {
  try {
    const info = refuseLinks ? await Deno.lstat(path) : await Deno.stat(path);
    if (info.isSymlink) {
      throw problem(path, "a repository's manifest must not be a symbolic link");
    }
    // Anything else, a pipe for one, could make the read wait for ever.
    if (!info.isFile) throw problem(path, "it is not a regular file");
    if (info.size > MAX_MANIFEST_BYTES) throw problem(path, "it is larger than 256 KiB");
    const bytes = await Deno.readFile(path);
    return { text: decode(bytes, path), sha256: await sha256(bytes) };
  } catch (error) {
    // NotADirectory: "agents" itself is a file, so there is nothing below it.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    if (
      error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.FilesystemLoop
    ) {
      throw new UserError("io", `Cannot read manifest "${path}": ${error.message}`);
    }
    throw error;
  }
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw problem(path, "it is not UTF-8 text");
  }
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function problem(path: string, what: string): UserError {
  return new UserError("manifest", `Cannot use manifest "${path}": ${what}`);
}
