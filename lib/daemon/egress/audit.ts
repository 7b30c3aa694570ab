import { randomBytes } from "node:crypto";
import type { AuditLine } from "../policy.ts";

/** What a caller says of a decision; the rest is filled in here. */
export type AuditEntry = Omit<AuditLine, "time" | "run" | "seq">;

/** Writes numbered decisions. */
export interface Audit {
  write(entry: AuditEntry): void;
  /** Writes out what still waits. */
  flush(): void;
  /** An id for a request: unique, and not to be guessed from another bottle's. */
  nextId(): string;
}

/** How long an allowed request's line may wait for others; a denial takes them along at once. */
const GATHER_MS = 5;
/** Docker cuts a line at 16 KiB, and what is cut cannot be read. */
const MOST_BYTES = 12_000;
/** The agent's words, at most: a line must not grow with them. */
const MOST_CHARACTERS = { path: 2_000, host: 300, method: 40, message: 300 } as const;
/**
 * Denials cost nothing but lines, and the log is finite: a flood of them must not push out what
 * was allowed before. So many at once, and so many a second after that, are written one by one.
 */
const DENIALS_AT_ONCE = 1_000;
const DENIALS_A_SECOND = 50;

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
  let allowance = DENIALS_AT_ONCE;
  let refilled = performance.now();
  let unwritten = 0;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (pending === "") return;
    const text = pending;
    pending = "";
    emit(`[${text}]\n`);
  };
  const put = (entry: AuditEntry) => {
    const line: AuditLine = { time: new Date().toISOString(), run, seq: ++seq, ...clip(entry) };
    const text = ascii(JSON.stringify(line));
    if (pending !== "" && pending.length + text.length > MOST_BYTES) flush();
    pending += pending === "" ? text : `,${text}`;
  };
  /** Whether a denial is written by itself; those that are not are counted. */
  const affordable = (): boolean => {
    const now = performance.now();
    allowance = Math.min(
      DENIALS_AT_ONCE,
      allowance + (now - refilled) / 1000 * DENIALS_A_SECOND,
    );
    refilled = now;
    if (allowance < 1) {
      unwritten++;
      return false;
    }
    allowance--;
    return true;
  };
  const countUnwritten = () => {
    if (unwritten === 0) return;
    const message = `${unwritten} more denials were not written down one by one`;
    unwritten = 0;
    put({ request_id: "", kind: "daemon", decision: "note", rule: null, message });
  };
  return {
    nextId: () => `${run}-${(++requests).toString(36)}`,
    flush() {
      countUnwritten();
      flush();
    },
    write(entry) {
      if (entry.decision === "deny" && !affordable()) return;
      countUnwritten();
      put(entry);
      if (entry.decision !== "allow") flush();
      else timer ??= setTimeout(flush, GATHER_MS);
    },
  };
}

function clip(entry: AuditEntry): AuditEntry {
  let clipped = entry;
  for (const [name, most] of Object.entries(MOST_CHARACTERS)) {
    const text = entry[name as keyof typeof MOST_CHARACTERS];
    if (text === undefined || text.length <= most) continue;
    clipped = { ...clipped, [name]: `${text.slice(0, most)}… (${text.length} characters)` };
  }
  return clipped;
}

/** JSON in ASCII alone: its characters are its bytes. */
function ascii(json: string): string {
  return json.replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
