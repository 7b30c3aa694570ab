import { UserError } from "../system/errors.ts";
import type { Config } from "./config.ts";
import type { ResolvedBottle } from "./extends.ts";
import type { AgentManifest } from "./schema.ts";

/** Keys of an agent that are for sub-agents: its session has no use for them. Said, not dropped. */
export function unusedKeys({ color, memory }: AgentManifest): string[] {
  return [...color === undefined ? [] : ["color"], ...memory === undefined ? [] : ["memory"]];
}

/**
 * Throws when a bottle, or the settings, ask for protection or access whose machinery does not exist yet: a
 * manifest that is started does all that it says. The default pipelock is not asked for: the
 * caller says that it is missing.
 */
export function refuseUnavailable(bottle: ResolvedBottle, { image }: Pick<Config, "image">): void {
  const found: [key: string, hint: string][] = [];
  for (const name of ["agent", "sidecars", "git_gate", "pipelock"] as const) {
    if (image[name] === undefined) continue;
    found.push([`config.toml image.${name}`, "remove it: images are built here, from image.node"]);
  }
  if (bottle.git.length > 0) {
    found.push(["git", 'remove "git": work goes out with "claude-bottle get"']);
  }
  if (bottle.git_user !== undefined) {
    found.push(["git_user", 'remove "git_user": it comes with "git"']);
  }
  if (bottle.supervise) found.push(["supervise", 'remove "supervise: true"']);
  for (const [index, route] of bottle.egress.routes.entries()) {
    const at = `egress.routes[${index}]`;
    if (route.scan !== undefined && route.scan !== "off") {
      found.push([`${at}.scan`, `remove it, or write "scan: off": nothing is scanned yet`]);
    }
    if (route.on_match !== undefined) {
      found.push([`${at}.on_match`, "remove it: nothing is scanned yet"]);
    }
    if (route.allow_env !== undefined) {
      found.push([`${at}.allow_env`, "remove it: nothing is scanned yet"]);
    }
  }
  if (bottle.egress.pipelock && bottle.egress.pipelockExplicit) {
    found.push(["egress.pipelock", 'remove it, or write "pipelock: false"']);
  }
  if (bottle.egress.on_canary === "stop") {
    found.push(["egress.on_canary", 'remove "on_canary: stop"']);
  }
  if (found.length === 0) return;
  const keys = found.map(([key]) => key).join(", ");
  const verb = found.length === 1 ? "is" : "are";
  throw new UserError("manifest", `Cannot start: ${keys} ${verb} not available yet`, {
    hints: found.map(([key, hint]) => `${key}: ${hint}`),
  });
}
