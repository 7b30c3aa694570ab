import { createHash } from "node:crypto";
import { packTar, type TarEntry } from "modern-tar";
import AGENT_DOCKERFILE from "../../Dockerfile" with { type: "text" };
import SIDECARS_DOCKERFILE from "../../Dockerfile.sidecars" with { type: "text" };
import { LABELS } from "../engine/engine.ts";
import { DAEMON_SOURCES } from "./daemon_sources.ts";

/** Everything an image is made from. The same inputs have the same tag. */
export interface ImageInputs {
  /** Repository and tag; the tag is a hash of the rest. */
  reference: string;
  /** Another tag that the image gets, for `FROM claude-bottle`. */
  alias?: string;
  /** Path in the build context → content; `Dockerfile` among them. */
  files: Record<string, string | Uint8Array<ArrayBuffer>>;
  buildArgs: Record<string, string>;
}

/** References of base images and the certificates to build with: the host's configuration. */
export interface ImageSettings {
  /** Replaces the default of `NODE_IMAGE`: a mirror, or a stand-in. */
  nodeImage?: string;
  /** PEM; empty when the network does not intercept TLS. */
  extraCa: string;
}

/** The agent's image. */
export function agentImage({ nodeImage, extraCa }: ImageSettings): ImageInputs {
  return inputs("claude-bottle", {
    files: { "Dockerfile": AGENT_DOCKERFILE, "extra-ca.crt": extraCa },
    buildArgs: nodeImage === undefined ? {} : { NODE_IMAGE: nodeImage },
    alias: "claude-bottle:latest",
  });
}

/** The sidecars' image. */
export function sidecarsImage({ nodeImage }: ImageSettings): ImageInputs {
  const daemons = Object.entries(DAEMON_SOURCES).map(([path, text]) => [`daemon/${path}`, text]);
  return inputs("claude-bottle-sidecars", {
    files: { "Dockerfile": SIDECARS_DOCKERFILE, ...Object.fromEntries(daemons) },
    buildArgs: nodeImage === undefined ? {} : { NODE_IMAGE: nodeImage },
  });
}

/** A bottle's own image, from its `dockerfile:` and, if it names one, its `context:`. */
export function customImage(
  base: ImageInputs,
  files: Record<string, string | Uint8Array<ArrayBuffer>>,
): ImageInputs {
  // Exactly that base: what "claude-bottle" names on the engine may be another user's by now.
  const written = new TextDecoder().decode(bytesOf(files["Dockerfile"]!));
  const dockerfile = written.replaceAll(
    /^(\s*FROM(?:\s+--\S+)*\s+)claude-bottle(?::latest)?(?=\s|$)/gim,
    `$1${base.reference}`,
  );
  return inputs("claude-bottle-custom", {
    files: { ...files, Dockerfile: dockerfile },
    buildArgs: {},
  }, base.reference);
}

function bytesOf(content: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

function inputs(
  repository: string,
  { files, buildArgs, alias }: Omit<ImageInputs, "reference">,
  base = "",
): ImageInputs {
  const hash = createHash("sha256");
  const add = (text: string | Uint8Array) => hash.update(`${text.length}:`).update(text);
  add(base);
  for (const part of [files, buildArgs]) {
    for (const [name, value] of Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1)) {
      add(name);
      add(value);
    }
  }
  const tag = hash.digest("hex").slice(0, 16);
  return {
    reference: `${repository}:${tag}`,
    files,
    buildArgs,
    ...(alias !== undefined && { alias }),
  };
}

/** The arguments of `docker` that build it, and the context that goes to its stdin. */
export async function buildCommand(
  image: ImageInputs,
): Promise<{ args: string[]; context: Uint8Array }> {
  const args = [
    "build",
    `--tag=${image.reference}`,
    ...(image.alias === undefined ? [] : [`--tag=${image.alias}`]),
    `--label=${LABELS.inputs}=${image.reference.split(":")[1]}`,
    ...Object.entries(image.buildArgs).map(([name, value]) => `--build-arg=${name}=${value}`),
    "--force-rm", // a failed step's container is not left behind
    "-", // the context comes as a tar on stdin: nothing of the host's disk is sent
  ];
  const entries: TarEntry[] = Object.entries(image.files).map(([name, body]) => {
    const bytes = bytesOf(body);
    // A fixed time: the layer cache looks at it.
    return { header: { name, size: bytes.length, mode: 0o644, mtime: new Date(0) }, body: bytes };
  });
  return { args, context: await packTar(entries) };
}
