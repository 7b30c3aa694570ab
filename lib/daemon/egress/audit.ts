import { randomBytes } from "node:crypto";
import type { AuditLine } from "../policy.ts";

/** What a caller says of a decision; the rest is filled in here. */
export type AuditEntry = Omit<AuditLine, "time" | "run" | "seq">;

/** Writes numbered decisions, one JSON line each. */
export interface Audit {
  write(entry: AuditEntry): void;
  /** An id for a request: unique, and not to be guessed from another bottle's. */
  nextId(): string;
}

/** How long an allowed request's line may wait for others; a denial takes them along at once. */
const GATHER_MS = 5;
/** Docker cuts a line at 16 KiB. */
const MOST_BYTES = 12_000;

/**
 * Decisions go out as JSON arrays, one a line: at thousands of requests a second docker's own
 * work on each line costs as much as the proxy's. `emit` is synchronous, so what is emitted is
 * out of this process.
 */
export function createAudit(emit: (text: string) => void): Audit {
  const run = randomBytes(4).toString("hex");
  let seq = 0;
  let requests = 0;
  let pending = "";
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const text = pending;
    pending = "";
    emit(`[${text}]\n`);
  };
  return {
    nextId: () => `${run}-${(++requests).toString(36)}`,
    write(entry) {
      const line: AuditLine = { time: new Date().toISOString(), run, seq: ++seq, ...entry };
      const text = JSON.stringify(line);
      if (pending !== "" && pending.length + text.length > MOST_BYTES) flush();
      pending += pending === "" ? text : `,${text}`;
      if (entry.decision !== "allow") flush();
      else timer ??= setTimeout(flush, GATHER_MS);
    },
  };
}
