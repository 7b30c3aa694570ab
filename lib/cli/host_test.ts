import { strictEqual } from "node:assert/strict";
import { tempDir } from "../workspace/testing/temp_dir.ts";
import { findTool } from "./host.ts";

/** A repository and a folder of the host's own, each with a `docker`. */
async function fixture() {
  const dir = await tempDir();
  const repo = `${dir.path}/repo`;
  const host = `${dir.path}/host`;
  for (const path of [`${repo}/bin`, host]) {
    await Deno.mkdir(path, { recursive: true });
    await Deno.writeTextFile(`${path}/docker`, "#!/bin/sh\n", { mode: 0o755 });
  }
  return { root: dir.path, repo, host, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

Deno.test("findTool() takes the first in PATH that can be run", async () => {
  await using f = await fixture();
  await Deno.mkdir(`${f.root}/a/docker`, { recursive: true }); // a directory
  await Deno.mkdir(`${f.root}/b`);
  await Deno.writeTextFile(`${f.root}/b/docker`, "", { mode: 0o644 }); // not executable
  await Deno.mkdir(`${f.root}/c`);
  await Deno.symlink("/nowhere", `${f.root}/c/docker`);
  const path = ["a", "b", "c", "missing"].map((name) => `${f.root}/${name}`).join(":");
  strictEqual(await findTool("docker", path, f.repo), undefined);
  strictEqual(await findTool("docker", `${path}:${f.host}`, f.repo), `${f.host}/docker`);
});

Deno.test("findTool() skips relative entries of PATH, the empty one too", async () => {
  await using f = await fixture();
  const before = Deno.cwd();
  Deno.chdir(`${f.repo}/bin`);
  try {
    for (const path of ["", ":", ".", "bin", "../bin", "./", "~/bin"]) {
      strictEqual(await findTool("docker", path, "/"), undefined, path);
    }
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("findTool() takes nothing that is below the working directory, in any spelling", async () => {
  await using f = await fixture();
  await Deno.symlink(f.repo, `${f.root}/alias`);
  const spellings = [
    `${f.repo}/bin`,
    `${f.repo}/bin/`,
    `/${f.repo}/bin`,
    `${f.host}/../repo/bin`,
    `${f.root}/alias/bin`,
  ];
  for (const path of spellings) {
    strictEqual(await findTool("docker", path, f.repo), undefined, path);
  }
  strictEqual(await findTool("docker", spellings.join(":"), "/"), `${f.repo}/bin/docker`);
});

Deno.test("findTool() follows links both ways across the working directory's border", async () => {
  await using f = await fixture();
  await Deno.mkdir(`${f.root}/links`);
  await Deno.symlink(`${f.repo}/bin/docker`, `${f.root}/links/docker`);
  strictEqual(await findTool("docker", `${f.root}/links`, f.repo), undefined);
  // A repository that calls the shell "docker" would have it run a script named "version".
  await Deno.symlink("/bin/sh", `${f.repo}/bin/smolvm`);
  strictEqual(await findTool("smolvm", `${f.repo}/bin`, f.repo), undefined);
  // Outside of it a link is as good as what it points to, under its own name.
  await Deno.symlink("/bin/sh", `${f.host}/smolvm`);
  strictEqual(await findTool("smolvm", f.host, f.repo), `${f.host}/smolvm`);
});

Deno.test("findTool() does not take a neighbour whose name begins like the directory", async () => {
  await using f = await fixture();
  await Deno.mkdir(`${f.root}/repo2`);
  await Deno.copyFile(`${f.host}/docker`, `${f.root}/repo2/docker`);
  strictEqual(await findTool("docker", `${f.root}/repo2`, f.repo), `${f.root}/repo2/docker`);
});

Deno.test("findTool() takes absolute names, and never relative ones with a slash", async () => {
  await using f = await fixture();
  strictEqual(await findTool("/bin/sh", "", f.repo), "/bin/sh");
  strictEqual(await findTool("bin/docker", f.repo, f.repo), undefined);
  strictEqual(await findTool("../host/docker", f.repo, "/"), undefined);
  strictEqual(await findTool(`${f.repo}/bin/docker`, "", f.repo), undefined);
});
