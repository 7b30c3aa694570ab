import { type Engine, LABELS } from "../engine/engine.ts";

/** The IDs of the images that were built from our inputs, by reference. */
export async function findImages(
  engine: Engine,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  // Asked by label, and not for this or that reference: it can be asked before one is known.
  const text = await engine.check([
    "image",
    "ls",
    "--no-trunc",
    `--filter=label=${LABELS.inputs}`,
    "--format={{.Repository}}:{{.Tag}} {{.ID}}",
  ], { signal });
  return new Map(
    text.split("\n").filter((line) => line !== "").map((line) =>
      line.split(" ") as [string, string]
    ),
  );
}
