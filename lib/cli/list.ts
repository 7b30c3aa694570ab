import { bundleName } from "../sidecar/bundle.ts";
import type { CommandModule } from "./command.ts";
import { createContext, locateAll } from "./context.ts";

/** One row of the list, as JSON and as text. */
interface Row {
  id: string;
  agent: string;
  backend: string;
  state: "starting" | "running" | "detached" | "ended" | "resumable" | "incomplete";
  created_at: string | null;
}

export const list: CommandModule = {
  async run(input, _data, host, signal) {
    const context = createContext(host);
    const rows = await Promise.all(
      (await locateAll(context, signal)).map(async ({ backend, found }): Promise<Row> => {
        const metadata = await context.store.read(found.id).catch(() => undefined);
        const whole = found.parts.includes(`container ${bundleName(found.id)}`);
        const state = found.status === "running"
          ? metadata?.phase === "starting"
            ? "starting"
            : whole
            ? metadata?.detached ? "detached" : "running"
            : "incomplete"
          : found.status === "stopped"
          ? metadata?.phase === "stopped" ? "resumable" : whole ? "ended" : "incomplete"
          : "incomplete";
        return {
          id: found.id,
          agent: found.agent || metadata?.agent || "",
          backend: backend.name,
          state,
          created_at: found.createdAt?.toISOString() ?? null,
        };
      }),
    );
    if (input.values.format === "json") {
      console.log(JSON.stringify(rows, null, 2));
      return 0;
    }
    if (rows.length === 0) {
      console.error("No bottles.");
      console.error("hint: claude-bottle start AGENT, or claude-bottle init for a first agent");
      return 0;
    }
    const now = Date.now();
    console.log(table([
      ["ID", "AGENT", "BACKEND", "STATE", "AGE"],
      ...rows.map((row) => [
        row.id,
        row.agent,
        row.backend,
        row.state,
        row.created_at === null ? "-" : age(now - Date.parse(row.created_at)),
      ]),
    ]));
    return 0;
  },
};

/** Columns, two spaces apart. */
export function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd())
    .join("\n");
}

/** A span of time in its largest unit. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
