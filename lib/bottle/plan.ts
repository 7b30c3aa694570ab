import type { Backend, BackendPlan, Resources } from "../backend/backend.ts";
import { PROXY_PORT } from "../backend/layout.ts";
import { type Policy, PROXY_SOCKET } from "../daemon/policy.ts";
import type { AgentManifest } from "../manifest/schema.ts";
import type { EnvValue } from "../manifest/env.ts";
import type { ResolvedBottle } from "../manifest/extends.ts";
import { bundlePolicy } from "../sidecar/policy.ts";

/** What a user asked for, validated: everything that decides a bottle. Holds no secret value. */
export interface Request {
  agentName: string;
  agent: AgentManifest;
  /** The body of the agent's manifest: its system prompt. */
  prompt: string;
  bottle: ResolvedBottle;
  resources: Resources;
  /** The directory to copy in. */
  workspace?: string;
  headless?: { prompt: string };
  /** What follows `--`. */
  arguments: string[];
}

/** A bottle, decided: what `--dry-run` prints. */
export interface BottlePlan {
  id: string;
  agent: string;
  bottle: string;
  backend: BackendPlan;
  policy: Policy;
  /** The agent's program and its arguments, as they are run in the bottle. */
  command: string[];
  grants: Grants;
}

/** What a bottle gets, in names: what the user is asked to confirm. */
export interface Grants {
  env: { name: string; from: "literal" | "host" | "prompt" }[];
  skills: string[];
  routes: string[];
  credentials: string[];
  workspace?: string;
}

/** Decides a bottle. Pure. `image` is an ID, or a reference where none is known yet. */
export function planBottle(
  backend: Backend,
  { id, owner, image, request }: { id: string; owner: string; image: string; request: Request },
): BottlePlan {
  const { bottle } = request;
  return {
    id,
    agent: request.agentName,
    bottle: bottle.name,
    backend: backend.plan({
      id,
      owner,
      agent: request.agentName,
      image,
      services: [{ name: "proxy", port: PROXY_PORT, socket: PROXY_SOCKET }],
      resources: request.resources,
      ...(bottle.runtime !== undefined && { runtime: bottle.runtime }),
    }),
    policy: bundlePolicy(bottle),
    command: agentCommand(request),
    grants: {
      env: Object.entries(bottle.env).map(([name, value]: [string, EnvValue]) => ({
        name,
        from: value.kind,
      })),
      skills: request.agent.skills,
      routes: bottle.egress.routes.map(describeRoute),
      credentials: [
        ...new Set(bottle.egress.routes.flatMap(({ auth }) => auth ? [auth.token_ref] : [])),
      ],
      ...(request.workspace !== undefined && { workspace: request.workspace }),
    },
  };
}

/** Where the agent's system prompt lies in the bottle. */
export const PROMPT_FILE = "/home/node/.claude-bottle/prompt.md";

function agentCommand(request: Request): string[] {
  const { model, name } = request.agent;
  return [
    "claude",
    "--dangerously-skip-permissions", // the bottle is the permission
    ...(model === undefined ? [] : ["--model", model]),
    ...(name === undefined ? [] : [`--name=${name}`]), // one word: it may begin with a dash
    ...(request.prompt.trim() === "" ? [] : ["--append-system-prompt-file", PROMPT_FILE]),
    ...request.arguments,
    ...(request.headless === undefined ? [] : ["--print", "--", request.headless.prompt]),
  ];
}

function describeRoute(route: ResolvedBottle["egress"]["routes"][number]): string {
  const parts = [`${route.host}:${route.port}`];
  if (route.methods !== undefined) parts.push(route.methods.join(","));
  if (route.paths !== undefined) parts.push(route.paths.join(" "));
  if (route.auth !== undefined) parts.push(`with ${route.auth.token_ref} (${route.auth.scheme})`);
  return parts.join(" ");
}
