import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "../std/path.ts";
import { RawTar } from "../workspace/testing/raw_tar.ts";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import { openSavedImage } from "./saved_image.ts";

const hash = (text: string | Uint8Array) => createHash("sha256").update(text).digest("hex");
const GZIP = new Uint8Array([0x1f, 0x8b, 8, 0, 1, 2, 3]);
const ZSTD = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 9]);

async function open(tar: RawTar) {
  await using dir = await tempDir();
  const path = join(dir.path, "image.tar");
  await Deno.writeFile(path, tar.bytes());
  const image = await openSavedImage(path);
  const bytes = await Deno.readFile(path);
  const content = (digest: string) => {
    const { offset, size } = image.blobs.get(digest)!;
    return bytes.slice(offset, offset + size);
  };
  return { image, content, manifest: JSON.parse(new TextDecoder().decode(image.manifest)) };
}

const config = (...layers: string[]) =>
  JSON.stringify({
    rootfs: { type: "layers", diff_ids: layers.map((text) => `sha256:${hash(text)}`) },
  });
const listing = (Config: string, ...Layers: string[]) =>
  JSON.stringify([{ Config, RepoTags: null, Layers }]);

Deno.test("openSavedImage() reads an archive of docker before 25", async () => {
  const text = config("one", "two", "one");
  const { image, content, manifest } = await open(
    new RawTar()
      .add({ name: "aaa/", flag: "5" })
      .add({ name: "aaa/VERSION", body: "1.0" })
      .add({ name: "aaa/layer.tar", body: "one" })
      .pax({ path: "bbb/layer.tar", mtime: "1.5" })
      .add({ name: "short", body: "two" })
      .add({ name: "ccc/layer.tar", flag: "2", linkname: "../aaa/layer.tar" })
      .add({ name: "cfg.json", body: text })
      .add({
        name: "manifest.json",
        body: listing("cfg.json", "aaa/layer.tar", "bbb/layer.tar", "ccc/layer.tar"),
      }),
  );
  deepStrictEqual(manifest, {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: `sha256:${hash(text)}`,
      size: text.length,
    },
    layers: ["one", "two", "one"].map((layer) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      digest: `sha256:${hash(layer)}`,
      size: 3,
    })),
  });
  strictEqual(image.digest, `sha256:${hash(image.manifest)}`);
  // What the offsets name is what the digests say.
  for (const digest of image.blobs.keys()) strictEqual(`sha256:${hash(content(digest))}`, digest);
  strictEqual(image.blobs.size, 3);
});

Deno.test("openSavedImage() reads an OCI layout, its layers compressed or not", async () => {
  const text = config("one", "unpacked gzip", "unpacked zstd");
  const name = (body: string | Uint8Array) => `blobs/sha256/${hash(body)}`;
  const { image, content, manifest } = await open(
    new RawTar()
      .add({ name: "blobs/", flag: "5" })
      .add({ name: name("one"), body: "one" })
      .add({ name: name(GZIP), body: GZIP })
      .add({ name: name(ZSTD), body: ZSTD })
      .add({ name: name(text), body: text })
      .add({ name: "index.json", body: "{}" })
      .add({
        name: "manifest.json",
        body: listing(name(text), name("one"), name(GZIP), name(ZSTD)),
      })
      .add({ name: "oci-layout", body: '{"imageLayoutVersion":"1.0.0"}' }),
  );
  deepStrictEqual(
    manifest.layers.map(({ mediaType }: { mediaType: string }) => mediaType.split(".layer.v1.")[1]),
    ["tar", "tar+gzip", "tar+zstd"],
  );
  for (const digest of image.blobs.keys()) strictEqual(`sha256:${hash(content(digest))}`, digest);
});

const good = () => new RawTar().add({ name: "c.json", body: config("one") });
const WRONG: [string, RegExp, RawTar][] = [
  ["no list", /"manifest.json" is missing/, good()],
  ["a list that is none", /one image/, good().add({ name: "manifest.json", body: "{" })],
  [
    "two images",
    /one image/,
    good().add({
      name: "manifest.json",
      body: '[{"Config":"a","Layers":[]},{"Config":"b","Layers":[]}]',
    }),
  ],
  [
    "no configuration",
    /"x.json" is missing/,
    good().add({ name: "manifest.json", body: listing("x.json") }),
  ],
  [
    "a configuration that is none",
    /not understood/,
    new RawTar().add({ name: "c.json", body: "[]" }).add({
      name: "manifest.json",
      body: listing("c.json"),
    }),
  ],
  [
    "fewer layers than diff_ids",
    /a layer is missing/,
    good().add({ name: "manifest.json", body: listing("c.json") }),
  ],
  [
    "a layer that is not there",
    /"a\/layer.tar" is missing/,
    good().add({ name: "manifest.json", body: listing("c.json", "a/layer.tar") }),
  ],
  [
    "a link to itself",
    /"l" is missing/,
    good().add({ name: "l", flag: "2", linkname: "l" }).add({
      name: "manifest.json",
      body: listing("c.json", "l"),
    }),
  ],
  [
    "a compressed layer without a digest",
    /digest of layer "l" is not known/,
    good().add({ name: "l", body: GZIP }).add({
      name: "manifest.json",
      body: listing("c.json", "l"),
    }),
  ],
  [
    "a plain layer under another's digest",
    /digest of layer/,
    good().add({ name: `blobs/sha256/${hash("two")}`, body: "two" }).add({
      name: "manifest.json",
      body: listing("c.json", `blobs/sha256/${hash("two")}`),
    }),
  ],
];
for (const [what, message, tar] of WRONG) {
  Deno.test(`openSavedImage() refuses ${what}`, async () => {
    await rejects(open(tar), message);
  });
}

Deno.test("openSavedImage() refuses an archive that is cut off", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "image.tar");
  const bytes = good().add({ name: "manifest.json", body: listing("c.json", "l") }).bytes();
  for (const length of [0, 100, 512, 700, 1_200]) {
    await Deno.writeFile(path, bytes.subarray(0, length));
    await rejects(openSavedImage(path), /Cannot use the saved image: it is cut off/);
  }
});
