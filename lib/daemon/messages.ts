import type { Policy, Secrets } from "./policy.ts";

/** What the bundle's PID 1 tells a daemon, in JSON lines. */
export type ToDaemon =
  | {
    type: "configure";
    version: number;
    policy: Policy;
    secrets: Secrets;
    extraCa: string;
    /** The private key of every leaf certificate, PEM. */
    leafKey: string;
  }
  | { type: "leaf"; id: number; certificate: string }
  /** Let go of everything, write down what became of it, and exit. */
  | { type: "end" };

/** What a daemon tells PID 1. */
export type FromDaemon =
  | { type: "listening"; pid: number }
  | { type: "configured"; version: number }
  | { type: "leaf"; id: number; host: string };
