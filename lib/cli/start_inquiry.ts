import { inquire } from "../bottle/inquiry.ts";
import type { Inquire } from "./command.ts";
import { hostEngine } from "./host_engine.ts";

/** What `start` asks the engine. It loads little: docker answers while the rest is loaded. */
export const startInquiry: Inquire = (input, host, signal) => {
  // A plan asks docker nothing; and by the time somebody has said yes, answers are old.
  if (input.switches.includes("dry-run") || !input.switches.includes("yes")) return undefined;
  return inquire(hostEngine(host), signal);
};
