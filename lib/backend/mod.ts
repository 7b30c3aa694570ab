import type { Engine } from "../engine/engine.ts";
import type { Backend, BackendName } from "./backend.ts";
import { docker } from "./docker/docker.ts";

/** Every backend there is. */
export const BACKENDS: Record<
  BackendName,
  (engine: Engine, options: { cacheDir: string }) => Backend
> = { docker };
