import { buildImage } from "../image/build.ts";
import { agentImage, sidecarsImage } from "../image/inputs.ts";
import { probeEngine } from "../engine/engine.ts";
import { type Config, loadConfig } from "../manifest/config.ts";
import { hostPaths } from "../system/paths.ts";
import type { CommandModule } from "./command.ts";
import { createContext, imageSettings } from "./context.ts";
import { readExtraCa } from "./load.ts";

export const build: CommandModule<Config> = {
  async read(_input, host) {
    const config = await loadConfig(hostPaths(host.home, host.xdgCacheHome).config);
    const read = config.extra_ca_file === undefined ? [] : [config.extra_ca_file];
    return { data: config, grants: { read } };
  },

  async run(_input, config, host, signal) {
    const context = createContext(host);
    const settings = imageSettings(host, config, await readExtraCa(config));
    await probeEngine(context.engine, signal);
    const { engine, progress, paths } = context;
    for (const image of [agentImage(settings), sidecarsImage(settings)]) {
      const id = await buildImage(image, { engine, progress, logDir: paths.logs, signal });
      console.log(`${image.reference} ${id}`);
    }
    return 0;
  },
};
