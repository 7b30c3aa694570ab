import { UserError } from "../system/errors.ts";
import type { ResolvedBottle } from "./extends.ts";
import type { AgentManifest } from "./schema.ts";

/** What the host must have for an agent to start in a bottle. Names only, sorted, no values. */
export interface ManifestNeeds {
  /** Variables of the host that `env` takes values from. */
  hostEnv: string[];
  /** Variables to ask for on the terminal. */
  prompts: { name: string; question: string }[];
  /** Variables of the host that hold credentials; they go to the sidecars only. */
  tokenRefs: string[];
  /** Absolute paths of SSH keys. */
  identityFiles: string[];
  /** Names of skills. */
  skills: string[];
  /** Absolute path of the image's Dockerfile. */
  dockerfile?: string;
}

/** Looks the host up. Each answers for one name or path. */
export interface Host {
  hasEnv(name: string): boolean;
  hasFile(path: string): boolean;
  hasSkill(name: string): boolean;
}

/** Collects what an agent and its bottle need from the host. Pure. */
export function manifestNeeds(agent: AgentManifest, bottle: ResolvedBottle): ManifestNeeds {
  const values = Object.entries(bottle.env);
  return {
    hostEnv: sorted(values.flatMap(([, value]) => value.kind === "host" ? value.names : [])),
    prompts: values.flatMap(([name, value]) =>
      value.kind === "prompt" ? [{ name, question: value.question || name }] : []
    ),
    tokenRefs: sorted(bottle.egress.routes.flatMap(({ auth }) => auth ? [auth.token_ref] : [])),
    identityFiles: sorted(bottle.git.map((remote) => remote.identity_file)),
    skills: sorted(agent.skills),
    ...(bottle.dockerfile === undefined ? {} : { dockerfile: bottle.dockerfile }),
  };
}

/** Throws one `UserError` that names everything the host lacks, and what to do about each. */
export function checkNeeds(needs: ManifestNeeds, host: Host): void {
  const hints = [
    ...needs.hostEnv.filter((name) => !host.hasEnv(name))
      .map((name) => `set ${name}, which the bottle's env takes: export ${name}=…`),
    ...needs.tokenRefs.filter((name) => !host.hasEnv(name)).map(tokenHint),
    ...needs.skills.filter((name) => !host.hasSkill(name))
      .map((name) => `create the skill "${name}" in ~/.claude/skills/${name}, or remove it`),
    ...needs.identityFiles.filter((path) => !host.hasFile(path))
      .map((path) => `create the identity file "${path}": ssh-keygen -t ed25519 -f "${path}"`),
    ...[needs.dockerfile].filter((path) => path !== undefined && !host.hasFile(path))
      .map((path) => `create the Dockerfile "${path}"`),
  ];
  if (hints.length === 0) return;
  const what = hints.length === 1 ? "1 thing is" : `${hints.length} things are`;
  throw new UserError("manifest", `Cannot start: ${what} missing on this machine`, { hints });
}

function tokenHint(name: string): string {
  const how = name === "CLAUDE_BOTTLE_OAUTH_TOKEN" ? ' (get one with "claude setup-token")' : "";
  return `set ${name}, a credential that egress injects: export ${name}=…${how}`;
}

function sorted(names: string[]): string[] {
  return [...new Set(names)].sort();
}
