import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { packTar } from "modern-tar";
import { serveImage } from "../../lib/image/registry.ts";
import { openSavedImage } from "../../lib/image/saved_image.ts";
import { check, runProcess } from "../../lib/system/process.ts";
import { testEngine } from "../support/messages_api.ts";

/** Judged by a client that is not ours: skopeo verifies every digest of what it copies. */
Deno.test("a foreign client pulls an image from docker save's archive", async () => {
  const engine = await testEngine();
  await using undo = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "cb-saved-" });
  undo.defer(() => Deno.remove(dir, { recursive: true }));
  const tag = `claude-bottle-test-saved:${crypto.randomUUID().slice(0, 8)}`;
  const file = (name: string, text: string) => {
    const body = new TextEncoder().encode(text);
    return { header: { name, size: body.length, mode: 0o644, mtime: new Date(0) }, body };
  };
  // The same layer twice: docker 20.10 writes the second as a link.
  const dockerfile =
    'FROM scratch\nCOPY a /a\nCOPY b /b\nCOPY a /a\nUSER 1000\nENV X=1\nCMD ["/a"]\n';
  const context = await packTar([
    file("Dockerfile", dockerfile),
    file("a", "a\n"),
    file("b", "b".repeat(200_000)),
  ]);
  await engine.check(["build", `--tag=${tag}`, "-"], { stdin: context });
  undo.defer(async () => void await engine.run(["rmi", "--force", tag]));
  await engine.check(["save", `--output=${dir}/image.tar`, tag]);
  const inspected = JSON.parse(await engine.check(["image", "inspect", tag]))[0];

  await using registry = serveImage(await openSavedImage(`${dir}/image.tar`), {
    repository: "claude-bottle",
    tag: "x",
  });
  const source = `docker://${registry.reference}`;
  const skopeo = (...args: string[]) => check(runProcess, ["skopeo", ...args]);
  const seen = JSON.parse(await skopeo("inspect", "--tls-verify=false", source));
  deepStrictEqual(seen.Layers, inspected.RootFS.Layers); // uncompressed: diff_ids are digests
  deepStrictEqual(seen.RepoTags, ["x"]);
  const config = JSON.parse(await skopeo("inspect", "--tls-verify=false", "--config", source));
  strictEqual(config.config.User, "1000");
  deepStrictEqual(config.rootfs.diff_ids, inspected.RootFS.Layers);

  // Copied, loaded again: docker says that it is the very image.
  const copy = ["copy", "--src-tls-verify=false", source];
  await skopeo(...copy, `docker-archive:${dir}/copy.tar:${tag}-copied`);
  await engine.check(["load", `--input=${dir}/copy.tar`]);
  undo.defer(async () => void await engine.run(["rmi", "--force", `${tag}-copied`]));
  const copied = JSON.parse(await engine.check(["image", "inspect", `${tag}-copied`]))[0];
  strictEqual(copied.Id, inspected.Id);

  // By digest, and not under another name.
  await skopeo("inspect", "--tls-verify=false", `${source.replace(/:x$/, "")}@${seen.Digest}`);
  for (const wrong of [source.replace(/:x$/, ":y"), source.replace("claude-bottle", "other")]) {
    const result = await runProcess("skopeo", ["inspect", "--tls-verify=false", wrong]);
    notStrictEqual(result.code, 0);
    match(result.stderr, /manifest unknown|name unknown|MANIFEST_UNKNOWN|NAME_UNKNOWN/i);
  }
});
