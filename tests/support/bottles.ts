import type { Engine } from "../../lib/engine/engine.ts";
import { createHome, type Home } from "./program.ts";
import { type MessagesApi, startMessagesApi, testConfig, testEngine } from "./messages_api.ts";

/** The credential that only the sidecars may hold. */
export const TOKEN = "outside-token-4f1d9c7e52b8";
/** A granted value of the host. */
export const SECRET_ENV = "granted-value-83aa1c";

/** A home with an agent that reaches the stand-in, an engine, and the stand-in itself. */
export interface World extends AsyncDisposable {
  engine: Engine;
  home: Home;
  api: MessagesApi;
  /** Starts an agent, detached; returns its bottle's ID. */
  start(args?: string[], cwd?: string): Promise<string>;
  /** The bottles of this home, as `list` shows them: the engine may hold others. */
  list(): Promise<Listed[]>;
  /** Runs a command in a bottle. */
  exec(id: string, script: string): Promise<{ code: number; stdout: string; stderr: string }>;
}

/** A row of `list --format json`. */
export interface Listed {
  id: string;
  agent: string;
  backend: string;
  state: string;
}

export async function createWorld(): Promise<World> {
  await using undo = new AsyncDisposableStack();
  const engine = await testEngine();
  const home = undo.use(
    await createHome({ CLAUDE_BOTTLE_OAUTH_TOKEN: TOKEN, SECRET_ENV }),
  );
  const api = undo.use(await startMessagesApi(engine));
  await home.write("config.toml", await testConfig());
  await home.write("bottles/test.md", bottleManifest(api.address));
  await home.write("agents/test.md", "---\nbottle: test\n---\nYou are tested.\n");
  // Also of a test that failed. Of this home alone: the engine may hold others' bottles.
  undo.defer(async () => void await home.run(["stop", "--all"]));
  const owned = undo.move();
  return {
    engine,
    home,
    api,
    async start(args = [], cwd) {
      const result = await home.run(["start", "test", "--yes", "--detach", ...args], {
        ...(cwd !== undefined && { cwd }),
      });
      if (result.code !== 0) throw new Error(`start: ${result.code} ${result.stderr}`);
      return result.stdout.trim();
    },
    async list() {
      const result = await home.run(["list", "--format", "json"]);
      if (result.code !== 0) throw new Error(`list: ${result.stderr}`);
      const mine = new Set<string>();
      for await (const { name } of Deno.readDir(`${home.path}/.claude-bottle/state`)) {
        mine.add(name);
      }
      return (JSON.parse(result.stdout) as Listed[]).filter(({ id }) => mine.has(id));
    },
    exec: (id, script) => home.run(["exec", id, "--", "sh", "-c", script]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Everything of a bottle that the engine knows. */
export async function leftOf(engine: Engine, id: string): Promise<string[]> {
  const filter = `--filter=label=claude-bottle.id=${id}`;
  const containers = await engine.check(["ps", "--all", "--format={{.Names}}", filter]);
  const volumes = await engine.check(["volume", "ls", "--format={{.Name}}", filter]);
  return `${containers}\n${volumes}`.split("\n").filter((name) => name !== "");
}

function bottleManifest(address: string): string {
  return `---
env:
  GREETING: hello
  SECRET_ENV: "\${SECRET_ENV}"
egress:
  routes:
    - host: api.anthropic.com
      role: model
      auth: { scheme: bearer, token_ref: CLAUDE_BOTTLE_OAUTH_TOKEN }
  extra_hosts: { api.anthropic.com: ${address} }
---
`;
}
