import { BOTTLE_ID } from "../bottle/identity.ts";
import { planBottle } from "../bottle/plan.ts";
import { loadConfig } from "../manifest/config.ts";
import { listManifests } from "../manifest/manifest_dirs.ts";
import { printable } from "../system/errors.ts";
import { hostPaths } from "../system/paths.ts";
import type { CommandModule, Read } from "./command.ts";
import { chooseBackend, createContext, locate } from "./context.ts";
import { loadManifests } from "./load.ts";
import { type Manifests, requestOf } from "./manifests.ts";
import { preflight } from "./preflight.ts";

export const info: CommandModule<Manifests | undefined> = {
  async run(input, manifests, host, signal) {
    const context = createContext(host);
    const json = input.values.format === "json";
    if (manifests === undefined) {
      const { found } = await locate(context, input.positionals[0]!, signal);
      const metadata = await context.store.read(found.id);
      const about = { ...metadata, id: found.id, status: found.status, parts: found.parts };
      if (json) console.log(JSON.stringify(about, null, 2));
      else {
        for (const [key, value] of Object.entries(about)) {
          const text = typeof value === "object" ? JSON.stringify(value) : String(value);
          console.log(`${key.padEnd(12)}${text}`);
        }
      }
      return 0;
    }
    const { agent, bottle: { bottle }, config } = manifests;
    const backend = chooseBackend(context, { input, host, config });
    const plan = planBottle(backend, {
      id: `${agent.name}-xxxxx`,
      owner: "",
      image: "",
      request: requestOf(manifests),
    });
    const { description } = agent.manifest;
    const files = [agent.path, ...bottle.chain.map((link) => link.path)];
    console.log(
      json
        ? JSON.stringify({ agent: agent.name, description, files, grants: plan.grants }, null, 2)
        : [
          ...preflight(plan, undefined),
          ...description === undefined ? [] : [`about    ${printable(description)}`],
          `files    ${files.join("\n         ")}`,
        ].join("\n"),
    );
    return 0;
  },
};

/** What `info` needs. */
export const infoNeeds: Read<Manifests | undefined> = async (input, host) => {
  const name = input.positionals[0]!;
  const home = hostPaths(host.home, host.xdgCacheHome).config;
  await loadConfig(home);
  const agents = await listManifests({ home, cwd: host.cwd });
  const isAgent = agents.some((entry) => entry.kind === "agent" && entry.name === name);
  // What looks like an ID and is no agent's name is a bottle's.
  if (!isAgent && BOTTLE_ID.test(name)) return { data: undefined, grants: {} };
  if (!isAgent && agents.every((entry) => !name.startsWith(`${entry.name}-`))) {
    await loadManifests(name, host); // says what exists
  }
  if (!isAgent) return { data: undefined, grants: {} };
  return { data: (await loadManifests(name, host)).manifests, grants: {} };
};
