import { createEngine, type Engine } from "../engine/engine.ts";
import { interactProcess, runProcess, streamProcess } from "../system/process.ts";
import type { HostFacts } from "./command.ts";

/** The engine that the host's docker talks to. */
export function hostEngine({ tools }: HostFacts): Engine {
  return createEngine(tools.docker, {
    run: runProcess,
    stream: streamProcess,
    interact: interactProcess,
  });
}
