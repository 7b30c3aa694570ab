import { deepStrictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { DAEMON_SOURCES } from "./daemon_sources.ts";

Deno.test("DAEMON_SOURCES is the folder of the daemons, without its tests", async () => {
  const root = fileURLToPath(new URL("../daemon/", import.meta.url));
  const found: Record<string, string> = {};
  const walk = async (folder: string) => {
    for await (const entry of Deno.readDir(root + folder)) {
      const path = folder + entry.name;
      if (entry.isDirectory) await walk(`${path}/`);
      else if (!/_test\.ts$/.test(path)) {
        found[path] = await Deno.readTextFile(root + path);
      }
    }
  };
  await walk("");
  deepStrictEqual(DAEMON_SOURCES, found);
});
