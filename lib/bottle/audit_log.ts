import { dirname } from "../std/path.ts";
import type { Engine } from "../engine/engine.ts";
import { bundleName } from "../sidecar/bundle.ts";

/**
 * Appends what the bundle has decided to the bottle's audit log, once, before the bundle goes.
 * Docker keeps the lines of a bundle, so none is lost when it or the launcher dies.
 */
export async function drainAudit(engine: Engine, id: string, path: string): Promise<void> {
  const result = await engine.run(["logs", bundleName(id)]);
  if (result.code !== 0) {
    if (/no such container|dead or marked for removal/i.test(result.stderr)) return;
    throw new Error(`Cannot read the audit log of ${id}: ${result.stderr.trim()}`);
  }
  const lines = auditLines(result.stdout, id);
  if (lines.length === 0) return;
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  await Deno.writeTextFile(path, text, { append: true, create: true, mode: 0o600 });
}

/** One decision as the host keeps it: the bundle's line with its bottle's name. */
export type AuditRecord = Record<string, unknown> & { bottle: string };

/** The decisions in a bundle's output; its other lines are answers to the launcher. */
export function auditLines(text: string, id: string): AuditRecord[] {
  return text.split("\n").filter((line) => /^\[?\{"time":/.test(line)).flatMap((line) => {
    try {
      const parsed = JSON.parse(line) as Record<string, unknown> | Record<string, unknown>[];
      return [parsed].flat().map((record) => ({ bottle: id, ...record }));
    } catch {
      return []; // the last line of a bundle that was killed while it wrote
    }
  });
}
