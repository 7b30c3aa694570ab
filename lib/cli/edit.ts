import { listManifests, type ManifestEntry } from "../manifest/manifest_dirs.ts";
import { nearest } from "../manifest/names.ts";
import { UserError } from "../system/errors.ts";
import { hostPaths } from "../system/paths.ts";
import { interactProcess } from "../system/process.ts";
import type { CommandModule, Read } from "./command.ts";

export const edit: CommandModule<ManifestEntry[]> = {
  async run(_input, entries, host) {
    const paths = entries.map(({ path }) => path);
    if (host.editor === undefined || !host.tty.stdin) {
      for (const path of paths) console.log(path);
      return 0;
    }
    const [program, ...args] = host.editor as [string, ...string[]];
    return await interactProcess(program, [...args, ...paths]);
  },
};

/** What `edit` needs. */
export const editNeeds: Read<ManifestEntry[]> = async (input, host) => {
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
  // An agent and a bottle may share a name, as those of "init" do: both are meant, the agent first.
  return { data: matches, grants: { run: host.editor === undefined ? [] : [host.editor[0]!] } };
};
