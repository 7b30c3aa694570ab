import { UserError } from "../system/errors.ts";
import type { Input, Read } from "./command.ts";
import { loadManifests } from "./load.ts";
import type { Manifests } from "./manifests.ts";

/** What `start` needs. */
export const startNeeds: Read<Manifests> = async (input, host) => {
  checkFlags(input);
  const { manifests, grants } = await loadManifests(input.positionals[0]!, host);
  const cwd = input.switches.includes("cwd") ? [host.cwd] : [];
  return { data: manifests, grants: { ...grants, read: [...grants.read ?? [], ...cwd] } };
};

/** Combinations that make no sense, before anything is read. */
function checkFlags(input: Input): void {
  const has = (name: string) => input.switches.includes(name);
  const wrong = (message: string, hint: string) =>
    new UserError("usage", message, { hints: [hint] });
  if (has("headless") !== (input.values.prompt !== undefined)) {
    throw wrong(
      `"--headless" and "--prompt" go together`,
      `claude-bottle start ${input.positionals[0]} --headless --prompt "…"`,
    );
  }
  if (has("headless") && has("detach")) {
    throw wrong(`"--headless" and "--detach" exclude each other`, "claude-bottle start --help");
  }
  if (input.values.format !== undefined && !has("dry-run")) {
    throw wrong(`"--format" goes with "--dry-run"`, "claude-bottle start --help");
  }
}
