import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "../std/path.ts";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import { type Registry, serveImage } from "./registry.ts";

const LAYER = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7 + (i >> 9)) & 0xff);
const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const LAYER_DIGEST = sha256(LAYER);
const MANIFEST = new TextEncoder().encode("{}");

async function served(work: (registry: Registry, url: string) => Promise<void>): Promise<void> {
  await using dir = await tempDir();
  const path = join(dir.path, "image.tar");
  await Deno.writeFile(path, new Uint8Array([...new Uint8Array(700), ...LAYER, 1, 2, 3]));
  await using registry = serveImage({
    path,
    manifest: MANIFEST,
    digest: sha256(MANIFEST),
    blobs: new Map([
      [LAYER_DIGEST, { offset: 700, size: LAYER.length }],
      ["sha256:empty", { offset: 700, size: 0 }],
    ]),
  }, { repository: "claude-bottle", tag: "abc" });
  await work(registry, `http://127.0.0.1:${registry.port}/v2/`);
}

const get = async (url: string, headers: Record<string, string> = {}, method = "GET") => {
  const response = await fetch(url, { headers, method });
  const body = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, body };
};

Deno.test("a registry answers what a client asks in a pull", async () => {
  await served(async ({ reference, port }, url) => {
    strictEqual(reference, `localhost:${port}/claude-bottle:abc`);
    strictEqual((await get(url)).status, 200);
    for (const name of ["abc", sha256(MANIFEST)]) {
      for (const method of ["GET", "HEAD"]) {
        const { status, headers, body } = await get(
          `${url}claude-bottle/manifests/${name}`,
          {},
          method,
        );
        strictEqual(status, 200);
        strictEqual(headers.get("content-type"), "application/vnd.oci.image.manifest.v1+json");
        strictEqual(headers.get("docker-content-digest"), sha256(MANIFEST));
        strictEqual(headers.get("content-length"), "2");
        strictEqual(body.length, method === "GET" ? 2 : 0);
      }
    }
    const tags = await get(`${url}claude-bottle/tags/list`);
    deepStrictEqual(JSON.parse(new TextDecoder().decode(tags.body)), {
      name: "claude-bottle",
      tags: ["abc"],
    });
    const blob = await get(`${url}claude-bottle/blobs/${LAYER_DIGEST}`);
    strictEqual(blob.status, 200);
    strictEqual(sha256(blob.body), LAYER_DIGEST);
    const head = await get(`${url}claude-bottle/blobs/${LAYER_DIGEST}`, {}, "HEAD");
    strictEqual(head.headers.get("content-length"), String(LAYER.length));
    strictEqual((await get(`${url}claude-bottle/blobs/sha256:empty`)).body.length, 0);
  });
});

const SIZE = LAYER.length;
const RANGES: [string, number, number?, number?][] = [
  ["bytes=0-0", 206, 0, 1],
  ["bytes=5-99", 206, 5, 100],
  ["bytes=2999990-", 206, 2_999_990, SIZE],
  ["bytes=-10", 206, SIZE - 10, SIZE],
  ["bytes=-9999999", 206, 0, SIZE],
  ["bytes=10-99999999", 206, 10, SIZE],
  [`bytes=${SIZE}-`, 416],
  ["bytes=-0", 416],
  // Not understood: all of it, as RFC 9110 says.
  ["bytes=9-5", 200, 0, SIZE],
  ["bytes=0-1,5-6", 200, 0, SIZE],
  ["lines=0-1", 200, 0, SIZE],
  ["bytes=-", 200, 0, SIZE],
];
Deno.test("a registry answers ranges", async () => {
  await served(async (_registry, url) => {
    for (const [range, expected, first, end] of RANGES) {
      const { status, headers, body } = await get(`${url}claude-bottle/blobs/${LAYER_DIGEST}`, {
        range,
      });
      strictEqual(status, expected, range);
      if (first === undefined || end === undefined) {
        strictEqual(headers.get("content-range"), `bytes */${SIZE}`);
        continue;
      }
      deepStrictEqual(body, LAYER.slice(first, end), range);
      const named = status === 206 ? `bytes ${first}-${end - 1}/${SIZE}` : null;
      strictEqual(headers.get("content-range"), named);
    }
  });
});

const REFUSED: [string, number, string, string?][] = [
  ["", 404, "NAME_UNKNOWN", "/"],
  ["other/manifests/abc", 404, "NAME_UNKNOWN"],
  ["claude-bottle/manifests/latest", 404, "MANIFEST_UNKNOWN"],
  ["claude-bottle/manifests/sha256:0", 404, "MANIFEST_UNKNOWN"],
  ["claude-bottle/manifests/", 404, "UNSUPPORTED"],
  ["claude-bottle/blobs/sha256:0", 404, "BLOB_UNKNOWN"],
  ["claude-bottle/blobs/../../../etc/passwd", 404, "NAME_UNKNOWN"],
  ["claude-bottle/blobs/x/y", 404, "UNSUPPORTED"],
  ["claude-bottle/uploads/x", 404, "BLOB_UNKNOWN"],
];
Deno.test("a registry has nothing but its image, and takes nothing", async () => {
  await served(async (_registry, url) => {
    for (const [path, expected, code, whole] of REFUSED) {
      const { status, body } = await get(
        whole === undefined ? url + path : new URL(whole, url).href,
      );
      strictEqual(status, expected, path);
      match(new TextDecoder().decode(body), new RegExp(`"code":"${code}"`));
    }
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const { status, headers } = await get(`${url}claude-bottle/blobs/uploads/`, {}, method);
      deepStrictEqual([status, headers.get("allow")], [405, "GET, HEAD"]);
    }
  });
});

Deno.test("a client that goes away leaves nothing open", async () => {
  await served(async (_registry, url) => {
    for (let i = 0; i < 5; i++) {
      const response = await fetch(`${url}claude-bottle/blobs/${LAYER_DIGEST}`);
      const reader = response.body!.getReader();
      await reader.read();
      await reader.cancel();
    }
    strictEqual((await get(url)).status, 200);
  });
});
