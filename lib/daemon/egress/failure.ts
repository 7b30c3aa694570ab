import type { DenialReason } from "../policy.ts";
import { ResolveError } from "./resolve.ts";

/** A request that was allowed and then failed, with the reason the agent is told. */
export class ForwardError extends Error {
  readonly reason: DenialReason;

  constructor(reason: DenialReason, message: string) {
    super(message);
    this.name = "ForwardError";
    this.reason = reason;
  }
}

/** Turns what the network threw into what the agent is told. */
export function explain(error: unknown): ForwardError {
  if (error instanceof ForwardError) return error;
  if (error instanceof ResolveError) {
    return new ForwardError(error.reason, error.message);
  }
  const { code, message } = error as NodeJS.ErrnoException;
  const tls = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_|ALTNAME|EPROTO/.test(
    code ?? "",
  );
  return new ForwardError(
    tls ? "upstream_tls" : "upstream_failed",
    code ?? message,
  );
}
