import { join } from "../std/path.ts";
import { type Engine, LABELS } from "../engine/engine.ts";
import { withFileLock } from "../system/lock.ts";

const NAME = "claude-bottle-sidecars";

/**
 * The ID of the bridge by which sidecars reach the internet: one for all, traffic between its
 * containers off. Docker makes as many networks of one name as are asked for at once, hence the
 * lock and the ID. A bottle's teardown never removes it. `known` is an answer of `findNetwork`.
 */
export async function ensureSidecarNetwork(
  engine: Engine,
  cacheDir: string,
  signal: AbortSignal,
  known: Promise<string | undefined> = findNetwork(engine, signal),
): Promise<string> {
  return await known ??
    await withFileLock(
      join(cacheDir, "network.lock"),
      async () =>
        await findNetwork(engine, signal) ??
          (await engine.check([
            "network",
            "create",
            "--driver=bridge",
            "--opt=com.docker.network.bridge.enable_icc=false", // no sidecar reaches another
            `--label=${LABELS.role}=network`,
            NAME,
          ], { signal })).trim(),
      signal,
    );
}

/** The ID of that network, if there is one. */
export async function findNetwork(
  engine: Engine,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ids = await engine.check([
    "network",
    "ls",
    "--no-trunc",
    `--filter=label=${LABELS.role}=network`,
    "--format={{.ID}}",
  ], { signal });
  return ids.split("\n").filter((id) => id !== "").sort()[0];
}
