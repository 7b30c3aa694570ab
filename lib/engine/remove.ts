import { type Engine, engineError } from "./engine.ts";

/** Removes a container, running or not; one that is gone already is no error. */
export async function removeContainer(engine: Engine, name: string): Promise<void> {
  const result = await engine.run(["rm", "--force", "--volumes", name]);
  if (result.code !== 0 && !/no such container|already in progress/i.test(result.stderr)) {
    throw engineError(["docker", "rm", "--force", name], result);
  }
}

/** A volume's users are removed at the same time: how often, and how far apart, to try again. */
const TRIES = 40;
const PAUSE_MS = 50;

/** Removes a volume; one that is gone already is no error. */
export async function removeVolume(engine: Engine, name: string): Promise<void> {
  for (let left = TRIES;; left--) {
    const result = await engine.run(["volume", "rm", "--force", name]);
    if (result.code === 0 || /no such volume/i.test(result.stderr)) return;
    if (left === 0 || !/volume is in use/i.test(result.stderr)) {
      throw engineError(["docker", "volume", "rm", name], result);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
