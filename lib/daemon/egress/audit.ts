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

/**
 * Lines of one turn of the event loop go out in one write: at 10,000 requests a second a write
 * each would cost more than the decisions. `emit` is synchronous, so what was decided is out
 * before the next turn.
 */
export function createAudit(emit: (text: string) => void): Audit {
  const run = randomBytes(4).toString("hex");
  let seq = 0;
  let requests = 0;
  let pending = "";
  return {
    nextId: () => `${run}-${(++requests).toString(36)}`,
    write(entry) {
      const line: AuditLine = {
        time: new Date().toISOString(),
        run,
        seq: ++seq,
        ...entry,
      };
      if (pending === "") {
        setImmediate(() => {
          const text = pending;
          pending = "";
          emit(text);
        });
      }
      pending += `${JSON.stringify(line)}\n`;
    },
  };
}
