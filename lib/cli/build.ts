import { buildImage } from "../image/build.ts";
import { agentImage, sidecarsImage } from "../image/inputs.ts";
import { probeEngine } from "../engine/probe.ts";
import { type Config, loadConfig } from "../manifest/config.ts";
import { hostPaths } from "../system/paths.ts";
import type { CommandModule, Read } from "./command.ts";
import { createContext, imageSettings } from "./context.ts";
import { extraCa } from "./manifests.ts";

export const build: CommandModule<Config> = {
  async run(_input, config, host, signal) {
    const context = createContext(host);
    const settings = imageSettings(host, config, extraCa(config, host));
    await probeEngine(context.engine, signal);
    const { engine, progress, paths } = context;
    for (const image of [agentImage(settings), sidecarsImage(settings)]) {
      const id = await buildImage(image, { engine, progress, logDir: paths.logs, signal });
      console.log(`${image.reference} ${id}`);
    }
    return 0;
  },
};

/** What `build` needs. */
export const buildNeeds: Read<Config> = async (_input, host) => {
  const config = await loadConfig(hostPaths(host.home, host.xdgCacheHome).config);
  const texts = config.extra_ca_file === undefined ? [] : [config.extra_ca_file];
  return { data: config, grants: { texts } };
};
