import { join } from "../std/path.ts";
import { NAME } from "../manifest/names.ts";
import { UserError } from "../system/errors.ts";
import { hostPaths } from "../system/paths.ts";
import type { CommandModule, Read } from "./command.ts";
import { ask } from "./terminal.ts";

export const init: CommandModule = {
  async run(_input, _data, host, signal) {
    const { config } = hostPaths(host.home, host.xdgCacheHome);
    const question = async (text: string, preset: string) =>
      ((await ask(`${text} [${preset}]:`, signal)) ?? "").trim() || preset;
    const name = await question("Name of the agent", "claude");
    if (!NAME.test(name)) {
      throw new UserError("usage", `Cannot use "${name}" as a name`, {
        hints: ["lower-case letters, digits and dashes, a letter first"],
      });
    }
    const pay = await question("Pay with your subscription (s) or an API key (k)", "s");
    if (!/^[sk]$/.test(pay)) {
      throw new UserError("usage", `Unknown answer "${pay}"`, { hints: ["s or k"] });
    }
    const files = firstManifests(name, pay === "k");
    for (const [path] of files) {
      if (await exists(join(config, path))) {
        throw new UserError("create", `Cannot write "${join(config, path)}": it exists`, {
          hints: [`claude-bottle edit ${name}`],
        });
      }
    }
    for (const [path, text] of files) {
      const target = join(config, path);
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true, mode: 0o700 });
      await Deno.writeTextFile(target, text, { createNew: true, mode: 0o600 });
      console.log(target);
    }
    const variable = pay === "k" ? "ANTHROPIC_API_KEY" : "CLAUDE_BOTTLE_OAUTH_TOKEN";
    console.error(
      pay === "k"
        ? `next: export ${variable}=… (from your account's settings)`
        : `next: export ${variable}=… (from "claude setup-token")`,
    );
    console.error(`next: claude-bottle start ${name} --cwd`);
    return 0;
  },
};

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}

/** A bottle that reaches the model and nothing else, and an agent in it. */
function firstManifests(name: string, apiKey: boolean): [string, string][] {
  const auth = apiKey
    ? "{ scheme: header, header: x-api-key, token_ref: ANTHROPIC_API_KEY }"
    : "{ scheme: bearer, token_ref: CLAUDE_BOTTLE_OAUTH_TOKEN }";
  const bottle = `---
# What is granted. Everything else is refused: see "claude-bottle schema bottle".
egress:
  routes:
    - host: api.anthropic.com
      role: model
      # The token stays outside the bottle; a sidecar puts it on the requests.
      auth: ${auth}
    # - host: registry.example.com
    #   methods: [GET]
---
The model's API and nothing else.
`;
  const agent = `---
bottle: ${name}
skills: []
---
`;
  return [[`bottles/${name}.md`, bottle], [`agents/${name}.md`, agent]];
}

/** What `init` needs. */
export const initNeeds: Read = (_input, host) => {
  const { config } = hostPaths(host.home, host.xdgCacheHome);
  return Promise.resolve({ data: undefined, grants: { read: [config], write: [config] } });
};
