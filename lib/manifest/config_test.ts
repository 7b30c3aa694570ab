import { deepStrictEqual, match, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "../std/path.ts";
import { UserError } from "../system/errors.ts";
import { loadConfig, parseConfig } from "./config.ts";

const defaults = {
  backend: "docker",
  image: {},
  resources: { memory: 2 ** 32, pids: 512 },
  image_transfer: "embedded",
};

function refuses(text: string, expected: RegExp): void {
  throws(() => parseConfig(text, "config.toml"), (error) => {
    strictEqual(error instanceof UserError && error.exitCode, 65, String(error));
    const { message, hints } = error as UserError;
    match(message, /^Cannot use settings "config\.toml"/);
    match([message, ...hints].join("\n"), expected);
    return true;
  }, text);
}

Deno.test("parseConfig() reads every key", () => {
  const text = `
backend = "smolmachines"
extra_ca_file = "~/ca.pem"
image_transfer = "registry"
[image]
node = "mirror.example:5000/library/node:24-slim"
pipelock = "mirror.example/pipelock@sha256:${"a".repeat(64)}"
[resources]
memory = "1g"
cpus = 2
`;
  deepStrictEqual(parseConfig(text, "config.toml"), {
    backend: "smolmachines",
    extra_ca_file: "~/ca.pem",
    image_transfer: "registry",
    image: {
      node: "mirror.example:5000/library/node:24-slim",
      pipelock: `mirror.example/pipelock@sha256:${"a".repeat(64)}`,
    },
    resources: { memory: 2 ** 30, cpus: 2, pids: 512 },
  });
});

Deno.test("parseConfig() refuses what it does not understand", () => {
  refuses('bakend = "docker"', /unknown key "bakend", did you mean "backend"/);
  refuses('backend = "dokcer"', /backend: .*did you mean "docker"/);
  refuses("a = ", /line 1/);
  refuses('\n[image]\nnode = "--privileged"', /image\.node: is not an image reference/);
  refuses("[resources]\npids = -1", /resources\.pids: /);
  refuses('backend = "docker"\nbackend = "smolmachines"', /line 2: "backend" is set twice/);
  refuses('[image]\nnode = "a"\n[resources]\n[image]\nagent = "b"', /line 4: "image" is set twice/);
  refuses('[image]\nnode = "a"\n"node" = "b"', /line 3: "image\.node" is set twice/);
  refuses("__proto__.x = 1", /"__proto__\.x" is not accepted/);
});

Deno.test("loadConfig() has defaults without a file and makes paths absolute", async () => {
  const root = await Deno.makeTempDir();
  try {
    const home = join(root, ".claude-bottle");
    deepStrictEqual(await loadConfig(home), defaults);
    await Deno.mkdir(home);
    await Deno.writeTextFile(join(home, "config.toml"), 'extra_ca_file = "~/ca.pem"\n');
    deepStrictEqual(await loadConfig(home), { ...defaults, extra_ca_file: join(root, "ca.pem") });
    await Deno.writeTextFile(join(home, "config.toml"), 'extra_ca_file = "ca.pem"\n');
    await rejects(loadConfig(home), /Cannot use settings/);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
