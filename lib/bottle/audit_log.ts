import { dirname } from "../std/path.ts";
import type { Engine } from "../engine/engine.ts";
import { bundleName } from "../sidecar/bundle.ts";
import { counted } from "../system/counted.ts";

/** How long the bundle may take to write down what it was doing. */
const END_SECONDS = 3;

/**
 * Ends the bundle and appends what it has decided to the bottle's audit log, once, before it is
 * removed. Docker keeps the lines of a bundle, so none is lost when it or the launcher dies.
 */
export async function drainAudit(engine: Engine, id: string, path: string): Promise<void> {
  const gone = /no such container|dead or marked for removal/i;
  // It still works off what the bottle sent before it was stopped: that is decided, and written.
  const stopped = await engine.run(["stop", `--time=${END_SECONDS}`, bundleName(id)]);
  if (stopped.code !== 0 && gone.test(stopped.stderr)) return;
  const result = await engine.run(["logs", bundleName(id)]);
  if (result.code !== 0) {
    if (gone.test(result.stderr)) return;
    throw new Error(`Cannot read the audit log of ${id}: ${result.stderr.trim()}`);
  }
  const lines = auditLines(result.stdout, id);
  if (lines.length === 0) return;
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const text = [...lines, ...missing(lines, id)].map((line) => `${JSON.stringify(line)}\n`).join(
    "",
  );
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
      // A daemon that was killed while it wrote. Said, so that nobody takes the log for whole.
      return [note(id, `${counted(line.length, "byte")} of the log cannot be read`)];
    }
  });
}

/** What the numbers of the decisions say is not there: docker has dropped its oldest lines. */
function missing(lines: AuditRecord[], id: string): AuditRecord[] {
  const runs = new Map<string, { seen: number; last: number }>();
  for (const { run, seq } of lines) {
    if (typeof run !== "string" || typeof seq !== "number") continue;
    const { seen, last } = runs.get(run) ?? { seen: 0, last: 0 };
    runs.set(run, { seen: seen + 1, last: Math.max(last, seq) });
  }
  const lost = [...runs.values()].reduce((sum, { seen, last }) => sum + last - seen, 0);
  return lost === 0 ? [] : [note(id, `${counted(lost, "decision")} before the end are missing`)];
}

function note(bottle: string, message: string): AuditRecord {
  const time = new Date().toISOString();
  return { bottle, time, request_id: "", kind: "log", decision: "note", rule: null, message };
}
