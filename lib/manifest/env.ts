import { z } from "zod";

/** Where the value of a granted variable comes from. */
export type EnvValue =
  /** The manifest itself. Not a secret. */
  | { kind: "literal"; value: string }
  /** The host's environment: `template` with each `${NAME}` of `names` replaced. */
  | { kind: "host"; template: string; names: string[] }
  /** The person at the terminal, asked with `question`; never stored. */
  | { kind: "prompt"; question: string };

/** What an environment variable may be called. */
export const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Variables a manifest may not set, in any case: the program sets them itself, or another value
 * would cut the bottle off from its sidecars or have the agent's tools load foreign code.
 */
export const RESERVED_ENV: readonly string[] = [
  // The way out.
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "FTP_PROXY",
  "NO_PROXY",
  "NODE_USE_ENV_PROXY",
  "GIT_GATE_URL",
  "MCP_SUPERVISE_URL",
  // Whom to trust.
  "NODE_EXTRA_CA_CERTS",
  "NODE_TLS_REJECT_UNAUTHORIZED",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "GIT_SSL_NO_VERIFY",
  // The agent's placeholders and settings. The real tokens are injected outside the bottle.
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_AUTH_TOKEN",
  "CLAUDE_CODE_OAUTH_TOKEN",
  "CLAUDE_CONFIG_DIR",
  "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
  "DISABLE_AUTOUPDATER",
  "DISABLE_TELEMETRY",
  "IS_SANDBOX",
  // The process itself.
  "HOME",
  "USER",
  "LOGNAME",
  "PATH",
  "PWD",
  "SHELL",
  "TERM",
  "IFS",
  "BASH_ENV",
  "ENV",
  "LD_PRELOAD",
  "LD_LIBRARY_PATH",
];

const VARIABLE = /\$\{([^{}]*)\}/g;

/** Schema of `env`: names to classified values. */
export function envSchema() {
  return z.record(envName(), envValue());
}

/** Schema of the name of a variable of the host, as in `token_ref`. */
export function hostEnvName() {
  return z.string().regex(ENV_NAME, "must be the name of an environment variable");
}

/** Puts the host's values into the template of a `host` value; `get` must know every name. */
export function expandTemplate(template: string, get: (name: string) => string): string {
  return template.replace(VARIABLE, (_, name: string) => get(name));
}

function envName() {
  return z.string().regex(ENV_NAME, "must match [A-Za-z_][A-Za-z0-9_]*").refine(
    (name) => !RESERVED_ENV.includes(name.toUpperCase()),
    "is set by claude-bottle and cannot be granted",
  );
}

function envValue() {
  // YAML would make 8 of 010 and 1.1 of 1.10: a value that is not a string was changed already.
  return z.string({ error: "must be a string: put the value in quotes" })
    .transform((text, context): EnvValue => {
      const refuse = (message: string) => {
        context.issues.push({ code: "custom", message, input: text });
        return z.NEVER;
      };
      if (text.includes("\0")) return refuse("must not contain a NUL character");
      if (text.startsWith("?")) return { kind: "prompt", question: text.slice(1).trim() };
      const names = [...text.matchAll(VARIABLE)].map((match) => match[1] ?? "");
      const bad = names.find((name) => !ENV_NAME.test(name));
      if (bad !== undefined) return refuse(`"\${${bad}}" is not of the form \${NAME}`);
      if (text.replace(VARIABLE, "").includes("${")) return refuse('"${" is never closed');
      if (names.length === 0) return { kind: "literal", value: text };
      return { kind: "host", template: text, names: [...new Set(names)] };
    });
}
