import { z } from "zod";
import { auditLines, type AuditRecord } from "../bottle/audit_log.ts";
import { parseJson } from "../engine/engine.ts";
import { bundleName } from "../sidecar/bundle.ts";
import { printable } from "../system/errors.ts";
import { readLines } from "../system/process.ts";
import type { CommandModule, Input } from "./command.ts";
import { type Context, createContext, locateAll, noSuchBottle } from "./context.ts";

export const logs: CommandModule = {
  async run(input, _data, host, signal) {
    const context = createContext(host);
    const { id, alive } = await findLog(context, input.positionals[0]!, signal);
    const print = printer(input);
    const stored = await Deno.readTextFile(context.auditPath(id)).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    for (const line of stored.split("\n")) {
      const record = parseJson(line); // a full disk can leave half a line
      if (record !== undefined) print(record as AuditRecord);
    }
    if (!alive) return 0;
    const follow = input.switches.includes("follow");
    await using client = context.engine.stream(
      ["logs", ...(follow ? ["--follow"] : []), bundleName(id)],
      { signal },
    );
    const lines = readLines(client.stdout);
    for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
      for (const record of auditLines(line, id)) print(record);
    }
    return 0;
  },
};

/** A bottle with an audit log, running or gone. */
async function findLog(
  context: Context,
  prefix: string,
  signal: AbortSignal,
): Promise<{ id: string; alive: boolean }> {
  const ids = new Set<string>();
  const alive = new Set<string>();
  for (const { found } of await locateAll(context, signal)) {
    ids.add(found.id);
    if (found.parts.includes(`container ${bundleName(found.id)}`)) alive.add(found.id);
  }
  try {
    for await (const { name } of Deno.readDir(context.paths.audit)) {
      if (name.endsWith(".jsonl")) ids.add(name.slice(0, -6));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const matches = ids.has(prefix) ? [prefix] : [...ids].filter((id) => id.startsWith(prefix));
  if (matches.length !== 1) throw noSuchBottle(prefix, matches, [...ids]);
  return { id: matches[0]!, alive: alive.has(matches[0]!) };
}

const Line = z.object({
  time: z.string(),
  decision: z.string(),
  request_id: z.string(),
  reason: z.string().optional(),
  method: z.string().optional(),
  host: z.string().optional(),
  path: z.string().optional(),
  status: z.number().optional(),
  ms: z.number().optional(),
  message: z.string().optional(),
});

function printer(input: Input): (record: AuditRecord) => void {
  if (input.values.format === "json") return (record) => console.log(JSON.stringify(record));
  return (record) => {
    const parsed = Line.safeParse(record);
    if (!parsed.success) return;
    const line = parsed.data;
    const what = [line.method, line.host === undefined ? "" : `${line.host}${line.path ?? ""}`];
    const how = [
      line.reason,
      line.status,
      line.ms === undefined ? "" : `${line.ms} ms`,
      line.message,
    ];
    const text = [
      line.time.slice(11, 23),
      line.decision.padEnd(5),
      ...what,
      ...how,
      line.request_id,
    ].filter((part) => part !== undefined && part !== "").join(" ");
    // Host and path are the agent's words.
    console.log(printable(text));
  };
}
