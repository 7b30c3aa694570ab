import { resolveBottle, type ResolvedBottle } from "../../manifest/extends.ts";
import { parseBottle } from "../../manifest/parse.ts";
import type { Request } from "../plan.ts";
import type { Metadata } from "../state.ts";

export const ID = "reviewer-a1b2c";

/** A bottle from the YAML of one manifest. */
export function bottleOf(yaml: string): Promise<ResolvedBottle> {
  const path = "/home/u/.claude-bottle/bottles/web.md";
  const { manifest } = parseBottle(`---\n${yaml}\n---\n`, path);
  return resolveBottle("web", {
    home: "/home/u/.claude-bottle",
    read: (name) => Promise.resolve({ name, path, sha256: "", manifest }),
  });
}

/** What a user asked for, with the YAML's bottle. */
export async function requestOf(yaml: string, more: Partial<Request> = {}): Promise<Request> {
  return {
    agentName: "reviewer",
    agent: { bottle: "web", skills: [] },
    prompt: "",
    bottle: await bottleOf(yaml),
    resources: { memory: 4 * 2 ** 30, pids: 512 },
    arguments: [],
    ...more,
  };
}

/** The state of a bottle that runs. */
export function metadataOf(more: Partial<Metadata> = {}): Metadata {
  return {
    version: 1,
    id: ID,
    agent: "reviewer",
    bottle: "web",
    backend: "docker",
    cwd: "/work",
    workspace: false,
    started_at: "2026-01-02T03:04:05.000Z",
    images: {},
    program: "0",
    phase: "running",
    detached: false,
    headless: false,
    arguments: [],
    ...more,
  };
}
