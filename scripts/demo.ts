/**
 * The main job, end to end and without an account: a real Claude Code in a bottle answers
 * through the sidecars, with a credential that it never had; and what is not granted is refused.
 */
import { createHome } from "../tests/support/program.ts";
import { startMessagesApi, testConfig, testEngine } from "../tests/support/messages_api.ts";

const TOKEN = `demo-token-${crypto.randomUUID()}`;

function fail(message: string, detail = ""): never {
  console.error(`✗ ${message}\n${detail}`);
  throw new Error(message);
}

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  console.log(`✓ ${name} (${((performance.now() - started) / 1000).toFixed(1)}s)`);
  return result;
}

const engine = await testEngine();
await using home = await createHome({ CLAUDE_BOTTLE_OAUTH_TOKEN: TOKEN });
await home.write("config.toml", await testConfig());

await step("images", async () => {
  const started = await home.run(["doctor", "--format", "json"]);
  const images = (JSON.parse(started.stdout) as { name: string; detail: string }[])
    .find(({ name }) => name === "images");
  if (images?.detail === "built") return;
  console.log("… building the images: a few minutes, once");
  const built = await home.run(["build"]);
  if (built.code !== 0) fail("the images do not build", built.stderr);
});

await using api = await step("stand-in for the Messages API", () => startMessagesApi(engine));
await home.write(
  "bottles/demo.md",
  `---
egress:
  routes:
    - host: api.anthropic.com
      role: model
      auth: { scheme: bearer, token_ref: CLAUDE_BOTTLE_OAUTH_TOKEN }
  extra_hosts: { api.anthropic.com: ${api.address} }
---
`,
);
await home.write("agents/demo.md", "---\nbottle: demo\n---\n");

const run = (prompt: string) =>
  home.run(["start", "demo", "--yes", "--headless", "--prompt", prompt]);

await step("a real Claude Code answers from its bottle", async () => {
  const result = await run("say exactly: pong");
  console.log(`  $ claude-bottle start demo --headless --prompt "say exactly: pong"`);
  console.log(`  ${result.stdout.trim()}`);
  if (result.code !== 0 || result.stdout.trim() !== "pong") {
    fail("it did not answer", `${result.stdout}\n${result.stderr}`);
  }
  const messages = (await api.seen()).filter(({ path }) => path.startsWith("/v1/messages"));
  if (messages.length === 0) fail("no request arrived outside");
  if (messages.some(({ authorization }) => authorization !== `Bearer ${TOKEN}`)) {
    fail("a request arrived without the injected credential");
  }
  console.log(`  outside: ${messages.length} request(s), each with the injected token`);
});

await step("a host that is not granted is refused, with the reason", async () => {
  const result = await run("run bash: curl -sS https://not-granted.example/data");
  const json = /\{"error":.*?\}(?=\s|$)/s.exec(result.stdout)?.[0];
  console.log(`  $ curl https://not-granted.example/data   (in the bottle, by the agent)`);
  console.log(`  ${json ?? result.stdout.trim()}`);
  if (result.code !== 0 || !result.stdout.includes('"reason":"host_not_granted"')) {
    fail("it was not refused as it must be", `${result.stdout}\n${result.stderr}`);
  }
});

await step("nothing is left", async () => {
  const left = await engine.check([
    "ps",
    "--all",
    "--quiet",
    "--filter=label=claude-bottle.agent=demo",
  ]);
  if (left.trim() !== "") fail("containers are left", left);
});
