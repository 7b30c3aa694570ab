import { MANIFEST_TYPE, type SavedImage } from "./saved_image.ts";

/** A registry that serves one image on loopback, until it is disposed. */
export interface Registry extends AsyncDisposable {
  /** What a client pulls: `localhost:PORT/REPOSITORY:TAG`. */
  reference: string;
  port: number;
}

/** Large enough for 2 GB/s, small enough for a dozen clients. */
const CHUNK = 1024 * 1024;

/**
 * Serves a saved image as a registry does, read-only, from the archive as it lies:
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md (pull). Plain HTTP, on
 * 127.0.0.1 alone: every client takes that for loopback, and verifies digests itself.
 */
export function serveImage(
  image: SavedImage,
  { repository, tag }: { repository: string; tag: string },
): Registry {
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    onError: () => failure(500, "UNKNOWN", "internal error"),
  }, (request) => answer(request, image, { repository, tag }));
  const { port } = server.addr;
  return {
    port,
    reference: `localhost:${port}/${repository}:${tag}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function answer(
  request: Request,
  image: SavedImage,
  { repository, tag }: { repository: string; tag: string },
): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return failure(405, "UNSUPPORTED", "this registry is read-only", { allow: "GET, HEAD" });
  }
  const head = request.method === "HEAD";
  const { pathname } = new URL(request.url);
  if (pathname === "/v2/" || pathname === "/v2") return json("{}", head);
  const prefix = `/v2/${repository}/`;
  if (!pathname.startsWith(prefix)) return failure(404, "NAME_UNKNOWN", "no such repository");
  const [kind, reference, ...more] = pathname.slice(prefix.length).split("/");
  if (more.length > 0 || reference === undefined || reference === "") {
    return failure(404, "UNSUPPORTED", "no such resource");
  }
  if (kind === "tags" && reference === "list") {
    return json(JSON.stringify({ name: repository, tags: [tag] }), head);
  }
  if (kind === "manifests") {
    if (reference !== tag && reference !== image.digest) {
      return failure(404, "MANIFEST_UNKNOWN", "no such manifest");
    }
    return new Response(head ? null : image.manifest, {
      headers: {
        "content-type": MANIFEST_TYPE,
        "content-length": String(image.manifest.length),
        "docker-content-digest": image.digest,
      },
    });
  }
  const blob = kind === "blobs" ? image.blobs.get(reference) : undefined;
  if (blob === undefined) return failure(404, "BLOB_UNKNOWN", "no such blob");
  const range = parseRange(request.headers.get("range"), blob.size);
  if (range === null) {
    return failure(416, "SIZE_INVALID", "no such range", {
      "content-range": `bytes */${blob.size}`,
    });
  }
  const { first, last } = range ?? { first: 0, last: blob.size - 1 };
  const size = last - first + 1;
  return new Response(
    head || size === 0 ? null : await slice(image.path, blob.offset + first, size),
    {
      status: range === undefined ? 200 : 206,
      headers: {
        "content-type": "application/octet-stream",
        "content-length": String(size),
        "accept-ranges": "bytes",
        "docker-content-digest": reference,
        ...(range !== undefined && { "content-range": `bytes ${first}-${last}/${blob.size}` }),
      },
    },
  );
}

/**
 * One range of bytes (RFC 9110 §14.1.2). Undefined when there is none, or none that is understood:
 * then all is sent; null when it lies outside.
 */
function parseRange(
  header: string | null,
  size: number,
): { first: number; last: number } | undefined | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  if (match[1] === "") {
    const suffix = Math.min(Number(match[2]), size);
    return suffix === 0 ? null : { first: size - suffix, last: size - 1 };
  }
  const first = Number(match[1]);
  const last = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && Number(match[2]) < first) return undefined;
  return first >= size ? null : { first, last };
}

/** Bytes of a file, read as they are asked for. */
async function slice(
  path: string,
  offset: number,
  size: number,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const file = await Deno.open(path);
  await file.seek(offset, Deno.SeekMode.Start);
  let left = size;
  return new ReadableStream({
    async pull(controller) {
      const buffer = new Uint8Array(Math.min(CHUNK, left));
      const count = await file.read(buffer);
      if (count === null) throw new Error("The archive is cut off");
      left -= count;
      controller.enqueue(buffer.subarray(0, count));
      if (left > 0) return;
      file.close();
      controller.close();
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}

function json(text: string, head: boolean): Response {
  return new Response(head ? null : text, {
    headers: { "content-type": "application/json", "content-length": String(text.length) },
  });
}

/** An error as the distribution specification has them. */
function failure(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify({ errors: [{ code, message }] }), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}
