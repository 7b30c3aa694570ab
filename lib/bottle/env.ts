import type { EnvValue } from "../manifest/env.ts";
import { expandTemplate } from "../manifest/env.ts";
import { UserError } from "../system/errors.ts";
import { AGENT_HOME, CA_CERTIFICATE, PROXY_PORT } from "../backend/layout.ts";
import type { ResolvedBottle } from "../manifest/extends.ts";

const PROXY_URL = `http://127.0.0.1:${PROXY_PORT}`;
const STORE = "/etc/ssl/certs/ca-certificates.crt";
const PLACEHOLDER = "placeholder";

/** An environment in two parts: what may stand on an argv, and what may not. */
export interface AgentEnv {
  open: Record<string, string>;
  secret: Record<string, string>;
}

/**
 * Secrets reach the bottle through the environment of the tool that starts the agent. Names that
 * would change what that tool does cannot travel so.
 */
const TOOL_ENV =
  /^(DOCKER_|BUILDKIT_|SSH_|GO(DEBUG|GC|MAXPROCS|MEMLIMIT|TRACEBACK)$|XDG_|LD_|DYLD_|HTTPS?_PROXY$)/;

/** The agent's environment: ours, and what the manifest grants. */
export function agentEnv(
  bottle: ResolvedBottle,
  { hostEnv, prompted, terminal }: {
    /** A variable of the host, which has been checked to exist. */
    hostEnv: (name: string) => string;
    /** Answers to `?` values, by name. */
    prompted: Record<string, string>;
    /** TERM and COLORTERM of the user's terminal. */
    terminal: Record<string, string>;
  },
): AgentEnv {
  const open: Record<string, string> = {
    ...commandEnv(terminal),
    ...AGENT_SETTINGS,
    ...placeholderLogin(bottle),
  };
  const secret: Record<string, string> = {};
  for (const [name, value] of Object.entries(bottle.env) as [string, EnvValue][]) {
    if (value.kind === "literal") {
      open[name] = value.value;
      continue;
    }
    if (TOOL_ENV.test(name)) {
      throw new UserError("manifest", `Cannot pass a host value as "${name}" into a bottle`, {
        hints: ["names of docker's and ssh's own settings can only be literals in a bottle's env"],
      });
    }
    secret[name] = value.kind === "prompt"
      ? prompted[name]!
      : expandTemplate(value.template, hostEnv);
  }
  return { open, secret };
}

/** What every command in a bottle gets: the proxy, the trust store, the user's terminal. */
export function commandEnv(terminal: Record<string, string>): Record<string, string> {
  return {
    HOME: AGENT_HOME,
    LANG: "C.UTF-8",
    // curl reads only the lower-case HTTP one, others only the upper-case.
    HTTP_PROXY: PROXY_URL,
    HTTPS_PROXY: PROXY_URL,
    http_proxy: PROXY_URL,
    https_proxy: PROXY_URL,
    NO_PROXY: "localhost,127.0.0.1",
    no_proxy: "localhost,127.0.0.1",
    NODE_USE_ENV_PROXY: "1",
    // The CA alone: node parses what this names at every start (85 ms for a system's bundle).
    NODE_EXTRA_CA_CERTS: CA_CERTIFICATE,
    SSL_CERT_FILE: STORE,
    REQUESTS_CA_BUNDLE: STORE,
    CURL_CA_BUNDLE: STORE,
    GIT_SSL_CAINFO: STORE,
    ...terminal,
  };
}

/** A Claude Code that keeps to itself and to the version in its image. */
const AGENT_SETTINGS = {
  DISABLE_AUTOUPDATER: "1",
  DISABLE_TELEMETRY: "1",
  DISABLE_ERROR_REPORTING: "1",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: "1",
  // A session that is attached again redraws itself, but would not enter the alternate screen.
  CLAUDE_CODE_DISABLE_ALTERNATE_SCREEN: "1",
};

/** Keeps the agent's login quiet: the proxy drops what it sends and injects the real one. */
function placeholderLogin({ egress }: ResolvedBottle): Record<string, string> {
  const model = egress.routes.find((route) => route.role === "model") ??
    egress.routes.find((route) => route.host === "api.anthropic.com");
  const apiKey = model?.auth?.scheme === "header" && model.auth.header === "x-api-key";
  return { [apiKey ? "ANTHROPIC_API_KEY" : "CLAUDE_CODE_OAUTH_TOKEN"]: PLACEHOLDER };
}
