import { z } from "zod";
import { UserError } from "../system/errors.ts";
import { askVersion, type Engine, parseJson } from "./engine.ts";

const ServerVersion = z.object({
  Version: z.string(),
  ApiVersion: z.string().regex(/^\d+\.\d+$/),
  Os: z.string(),
  Arch: z.string(),
});
export type ServerVersion = z.infer<typeof ServerVersion>;

/** 20.10: the first with `--pull` in `docker run` and with the cgroup v2 that desktops use. */
const OLDEST_API = [1, 41] as const;

/** Reads what `askVersion` returned, and refuses an engine that cannot run a bottle. */
export function readVersion(text: string): ServerVersion {
  const parsed = ServerVersion.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new UserError("unavailable", `Cannot understand the docker engine's version: ${text}`, {
      hints: ["docker version"],
    });
  }
  const version = parsed.data;
  const [major, minor] = version.ApiVersion.split(".").map(Number) as [number, number];
  if (major < OLDEST_API[0] || (major === OLDEST_API[0] && minor < OLDEST_API[1])) {
    throw new UserError(
      "unavailable",
      `Cannot use docker engine ${version.Version}: 20.10 or newer is needed`,
      { hints: ["update Docker: https://docs.docker.com/engine/install/"] },
    );
  }
  if (version.Os !== "linux") {
    throw new UserError("unavailable", `Cannot use a docker engine for ${version.Os}`, {
      hints: ["switch Docker to Linux containers"],
    });
  }
  return version;
}

/** Throws unless the engine answers and can run a bottle. */
export async function probeEngine(engine: Engine, signal: AbortSignal): Promise<ServerVersion> {
  return readVersion(await askVersion(engine, signal));
}
