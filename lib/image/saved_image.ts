import { createHash } from "node:crypto";
import { z } from "zod";
import { parseJson } from "../engine/engine.ts";
import { normalize } from "../std/path.ts";
import { UserError } from "../system/errors.ts";
import { decodeHeader, decodePax, type Overrides, text } from "../workspace/tar_header.ts";

/** A blob of an image: where its bytes lie in the archive. */
export interface Blob {
  offset: number;
  size: number;
}

/** An image as `docker save` wrote it, for a registry: its parts by digest, none of them copied. */
export interface SavedImage {
  /** The archive. */
  path: string;
  /** The OCI manifest, made here: an archive of an older docker has none. */
  manifest: Uint8Array<ArrayBuffer>;
  /** `sha256:…` of the manifest. */
  digest: string;
  /** Configuration and layers, by digest. */
  blobs: Map<string, Blob>;
}

/** https://github.com/opencontainers/image-spec/blob/main/media-types.md */
export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar";

/** What is read into memory: the list of the archive, and an image's configuration. */
const MOST_JSON = 16 * 1024 * 1024;
const MOST_METADATA = 1024 * 1024;
const BLOCK = 512;

/** `manifest.json`: in archives of every docker, beside the OCI layout of newer ones. */
const Listing = z.array(z.object({ Config: z.string(), Layers: z.array(z.string()) }));
const Config = z.object({ rootfs: z.object({ diff_ids: z.array(z.string()) }) });

/**
 * Indexes the archive of one image, of docker ≥ 25 (an OCI layout) or older (`layer.tar` files).
 * Layers are taken as they lie, compressed or not.
 */
export async function openSavedImage(path: string): Promise<SavedImage> {
  using file = await Deno.open(path);
  const entries = await index(file);
  const json = async (name: string) => await read(file, find(entries, name), MOST_JSON);
  const listing = Listing.safeParse(parseText(await json("manifest.json")));
  if (!listing.success || listing.data.length !== 1) throw malformed("it does not hold one image");
  const { Config: configName, Layers: layerNames } = listing.data[0]!;
  const config = await json(configName);
  const parsed = Config.safeParse(parseText(config));
  if (!parsed.success) throw malformed("its configuration is not understood");
  const { diff_ids } = parsed.data.rootfs;
  if (diff_ids.length !== layerNames.length) throw malformed("a layer is missing");

  const blobs = new Map<string, Blob>();
  const configDigest = sha256(config);
  blobs.set(configDigest, find(entries, configName));
  const layers: { mediaType: string; digest: string; size: number }[] = [];
  for (const [i, name] of layerNames.entries()) {
    const blob = find(entries, name);
    const suffix = await compression(file, blob);
    const named = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
    // What is not compressed has the digest that the configuration calls its diff_id.
    const digest = suffix === "" ? diff_ids[i]! : `sha256:${named}`;
    if (!/^sha256:[0-9a-f]{64}$/.test(digest) || (named !== undefined && !digest.endsWith(named))) {
      throw malformed(`the digest of layer "${name}" is not known`);
    }
    blobs.set(digest, blob);
    layers.push({ mediaType: LAYER_TYPE + suffix, digest, size: blob.size });
  }
  const manifest = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: configDigest, size: config.length },
    layers,
  }));
  return { path, manifest, digest: sha256(manifest), blobs };
}

/** An entry of the archive: a file, or another name of one. */
type Entry = Blob | { link: string };

/** Reads the headers and passes over the contents. */
async function index(file: Deno.FsFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  let overrides: Overrides = {};
  for (let at = 0;;) {
    const block = await readAt(file, at, BLOCK);
    if (block.every((byte) => byte === 0)) return entries;
    const header = decodeHeader(block);
    const offset = at + BLOCK;
    const size = overrides.size ?? header.size;
    at = offset + Math.ceil(size / BLOCK) * BLOCK;
    if ("xLK".includes(header.flag)) {
      if (size > MOST_METADATA) throw malformed("a name in it is too long");
      const body = await readAt(file, offset, size);
      if (header.flag === "x") overrides = { ...overrides, ...decodePax(body) };
      else overrides = { ...overrides, [header.flag === "L" ? "path" : "linkpath"]: upToNul(body) };
      continue;
    }
    const name = normalize(text(overrides.path ?? header.path).text);
    if (header.flag === "0" || header.flag === "\0") entries.set(name, { offset, size });
    else if (header.flag === "2") {
      const target = text(overrides.linkpath ?? header.linkpath).text;
      entries.set(name, { link: normalize(`${name}/../${target}`) });
    }
    if (header.flag !== "g") overrides = {};
  }
}

/** The file of that name; docker 20.10 writes a layer that is there twice as a symlink. */
function find(entries: Map<string, Entry>, name: string): Blob {
  let entry = entries.get(normalize(name));
  for (let hops = 0; entry !== undefined && "link" in entry && hops < 8; hops++) {
    entry = entries.get(entry.link);
  }
  if (entry === undefined || "link" in entry) throw malformed(`"${name}" is missing`);
  return entry;
}

/** The suffix of a layer's media type, by the first bytes of its content. */
async function compression(file: Deno.FsFile, { offset, size }: Blob): Promise<string> {
  const magic = await readAt(file, offset, Math.min(size, 4));
  if (magic[0] === 0x1f && magic[1] === 0x8b) return "+gzip";
  if (magic[0] === 0x28 && magic[1] === 0xb5 && magic[2] === 0x2f && magic[3] === 0xfd) {
    return "+zstd";
  }
  return "";
}

async function read(file: Deno.FsFile, { offset, size }: Blob, most: number) {
  if (size > most) throw malformed("a description in it is too long");
  return await readAt(file, offset, size);
}

async function readAt(file: Deno.FsFile, offset: number, size: number) {
  const bytes = new Uint8Array(size);
  await file.seek(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < size;) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) throw malformed("it is cut off");
    filled += count;
  }
  return bytes;
}

function upToNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

function parseText(bytes: Uint8Array): unknown {
  return parseJson(new TextDecoder().decode(bytes));
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function malformed(detail: string): UserError {
  return new UserError("io", `Cannot use the saved image: ${detail}`, {
    hints: ["try again; if it stays, claude-bottle build"],
  });
}
