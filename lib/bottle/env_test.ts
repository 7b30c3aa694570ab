import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { RESERVED_ENV } from "../manifest/env.ts";
import { UserError } from "../system/errors.ts";
import { agentEnv, commandEnv } from "./env.ts";
import { bottleOf } from "./testing/fixtures.ts";

const hostEnv = (name: string) => `value of ${name}`;
const options = { hostEnv, prompted: { KEY: "typed in" }, terminal: { TERM: "xterm" } };

Deno.test("agentEnv() keeps what comes from host and terminal out of what may be on an argv", async () => {
  const bottle = await bottleOf(`
env: { MODE: test, URL: "x://\${USER_X}:\${PASS}@h", KEY: "?", EMPTY: "" }`);
  const { open, secret } = agentEnv(bottle, options);
  deepStrictEqual(secret, { URL: "x://value of USER_X:value of PASS@h", KEY: "typed in" });
  strictEqual(open.MODE, "test");
  strictEqual(open.EMPTY, "");
  const shown = JSON.stringify(open);
  for (const value of ["value of", "typed in", "PASS"]) {
    ok(!shown.includes(value), value);
  }
  deepStrictEqual(Object.keys(open).filter((name) => name in secret), []);
});

Deno.test("agentEnv() refuses host values under names that would change what docker does", async () => {
  for (
    const name of [
      "DOCKER_HOST",
      "BUILDKIT_HOST",
      "SSH_AUTH_SOCK",
      "LD_AUDIT",
      "GODEBUG",
      "GOMAXPROCS",
      "XDG_CONFIG_HOME",
      "DYLD_INSERT_LIBRARIES",
    ]
  ) {
    for (const value of ["${X}", "?"]) {
      const bottle = await bottleOf(`env: { ${name}: "${value}" }`);
      throws(() => agentEnv(bottle, { ...options, prompted: { [name]: "x" } }), (error) => {
        ok(error instanceof UserError);
        deepStrictEqual([error.exitCode, error.message], [
          65,
          `Cannot pass a host value as "${name}" into a bottle`,
        ]);
        return true;
      });
    }
    // A literal goes by argv, which docker does not read.
    const literal = await bottleOf(`env: { ${name}: "x" }`);
    strictEqual(agentEnv(literal, options).open[name], "x");
  }
  const fine = await bottleOf('env: { GOOGLE_API_KEY: "${X}", SSHX: "${X}", DOCKERX: "${X}" }');
  deepStrictEqual(Object.keys(agentEnv(fine, options).secret), [
    "GOOGLE_API_KEY",
    "SSHX",
    "DOCKERX",
  ]);
});

const placeholders = async (yaml: string) => {
  const { open, secret } = agentEnv(await bottleOf(yaml), options);
  deepStrictEqual(secret, {});
  return [open.CLAUDE_CODE_OAUTH_TOKEN, open.ANTHROPIC_API_KEY];
};

Deno.test("agentEnv() has a placeholder for the subscription's token", async () => {
  const auth = "auth: { scheme: bearer, token_ref: CLAUDE_BOTTLE_OAUTH_TOKEN }";
  for (
    const yaml of [
      `egress: { routes: [{ host: api.anthropic.com, ${auth} }] }`,
      `egress: { routes: [{ host: gateway.example.com, role: model, ${auth} }] }`,
      "{}",
    ]
  ) deepStrictEqual(await placeholders(yaml), ["placeholder", undefined]);
});

Deno.test("agentEnv() has a placeholder for an API key, and then no other", async () => {
  const auth = "auth: { scheme: header, header: X-Api-Key, token_ref: ANTHROPIC_API_KEY }";
  for (
    const yaml of [
      `egress: { routes: [{ host: api.anthropic.com, ${auth} }] }`,
      // The role decides, also when the usual host is granted before.
      `egress: { routes: [{ host: api.anthropic.com }, { host: g.example.com, role: model, ${auth} }] }`,
    ]
  ) deepStrictEqual(await placeholders(yaml), [undefined, "placeholder"]);
});

Deno.test("agentEnv() lets no grant override what it sets itself", async () => {
  const ours = Object.keys(agentEnv(await bottleOf("{}"), options).open);
  const grantable = ["LANG", "COLORTERM"];
  for (const name of ours) {
    if (grantable.includes(name)) continue;
    const reserved = RESERVED_ENV.includes(name.toUpperCase());
    const harmless = /^(CLAUDE_CODE_DISABLE_|DISABLE_)/.test(name);
    ok(reserved || harmless, `${name} can be granted`);
  }
});

Deno.test("commandEnv() names the proxy in every spelling, and whom to trust", () => {
  const env = commandEnv({ TERM: "xterm" });
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"]) {
    strictEqual(env[name], "http://127.0.0.1:8888");
  }
  strictEqual(env.NO_PROXY, "localhost,127.0.0.1");
  strictEqual(env.no_proxy, env.NO_PROXY);
  for (const name of ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"]) {
    strictEqual(env[name], "/etc/ssl/certs/ca-certificates.crt");
  }
  strictEqual(env.NODE_EXTRA_CA_CERTS, "/run/claude-bottle/ca.crt");
  deepStrictEqual([env.NODE_USE_ENV_PROXY, env.TERM], ["1", "xterm"]);
});
