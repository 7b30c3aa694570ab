import { type Engine, engineError } from "./engine.ts";

/** Removes a container, running or not; one that is gone already is no error. */
export async function removeContainer(engine: Engine, name: string): Promise<void> {
  const result = await engine.run(["rm", "--force", "--volumes", name]);
  if (result.code !== 0 && !/no such container|already in progress/i.test(result.stderr)) {
    throw engineError(["docker", "rm", "--force", name], result);
  }
}

/** Removes a volume; one that is gone already is no error. */
export async function removeVolume(engine: Engine, name: string): Promise<void> {
  // In use by a bundle that is being removed at the same time: its remover comes back for it.
  const result = await engine.run(["volume", "rm", "--force", name]);
  if (result.code !== 0 && !/no such volume|volume is in use/i.test(result.stderr)) {
    throw engineError(["docker", "volume", "rm", name], result);
  }
}
