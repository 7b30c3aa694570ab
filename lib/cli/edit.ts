import { listManifests, type ManifestEntry } from "../manifest/manifest_dirs.ts";
import { nearest } from "../manifest/names.ts";
import { UserError } from "../system/errors.ts";
import { hostPaths } from "../system/paths.ts";
import { interactProcess } from "../system/process.ts";
import type { CommandModule, Read } from "./command.ts";

export const edit: CommandModule<ManifestEntry> = {
  async run(_input, { path }, host) {
    if (host.editor === undefined || !host.tty.stdin) {
      console.log(path);
      return 0;
    }
    const [program, ...args] = host.editor as [string, ...string[]];
    return await interactProcess(program, [...args, path]);
  },
};

/** What `edit` needs. */
export const editNeeds: Read<ManifestEntry> = async (input, host) => {
  const home = hostPaths(host.home, host.xdgCacheHome).config;
  const entries = await listManifests({ home, cwd: host.cwd });
  const name = input.positionals[0]!;
  const matches = entries.filter((entry) => entry.name === name);
  if (matches.length === 0) {
    const near = nearest(name, entries.map((entry) => entry.name));
    throw new UserError("usage", `Unknown agent or bottle "${name}"`, {
      hints: [near === undefined ? "claude-bottle init" : `did you mean "${near}"`],
    });
  }
  // An agent and a bottle may share a name: the agent is what is started, so it comes first.
  const entry = matches.find(({ kind }) => kind === "agent") ?? matches[0]!;
  return { data: entry, grants: { run: host.editor === undefined ? [] : [host.editor[0]!] } };
};
