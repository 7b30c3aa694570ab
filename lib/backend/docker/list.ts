import { z } from "zod";
import { type Engine, LABELS, parseJson } from "../../engine/engine.ts";
import type { FoundBottle } from "../backend.ts";

const Row = z.object({
  Names: z.string(),
  State: z.string(),
  Labels: z.string(),
  CreatedAt: z.string(),
});

/** Every bottle, and every part of one, by the labels. */
export async function listBottles(engine: Engine, signal: AbortSignal): Promise<FoundBottle[]> {
  const [containers, volumes] = await Promise.all([
    engine.check([
      "ps",
      "--all",
      "--no-trunc",
      `--filter=label=${LABELS.id}`,
      "--format={{json .}}",
    ], { signal }),
    engine.check([
      "volume",
      "ls",
      `--filter=label=${LABELS.id}`,
      `--format={{.Name}} {{.Label "${LABELS.id}"}} {{.Label "${LABELS.owner}"}}`,
    ], { signal }),
  ]);
  const found = new Map<string, FoundBottle>();
  const bottle = (id: string) => {
    let known = found.get(id);
    if (known === undefined) {
      known = { id, owner: "", agent: "", status: "incomplete", parts: [] };
      found.set(id, known);
    }
    return known;
  };
  for (const line of containers.split("\n").filter((text) => text !== "")) {
    const row = Row.parse(parseJson(line));
    const labels = parseLabels(row.Labels);
    if (labels[LABELS.backend] !== "docker") continue;
    const entry = bottle(labels[LABELS.id]!);
    entry.parts.push(`container ${row.Names}`);
    entry.agent = labels[LABELS.agent] ?? "";
    entry.owner = labels[LABELS.owner] ?? "";
    const createdAt = new Date(row.CreatedAt.replace(/ [A-Z]+$/, ""));
    entry.createdAt ??= createdAt;
    if (labels[LABELS.role] !== "agent") continue;
    entry.createdAt = createdAt;
    entry.status = /^(running|paused|restarting)$/.test(row.State)
      ? "running"
      : row.State === "exited"
      ? "stopped"
      : "incomplete";
  }
  for (const line of volumes.split("\n").filter((text) => text !== "")) {
    const [name, id, owner] = line.split(" ") as [string, string, string | undefined];
    const entry = bottle(id);
    entry.owner ||= owner ?? "";
    entry.parts.push(`volume ${name}`);
  }
  return [...found.values()];
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(",").map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
