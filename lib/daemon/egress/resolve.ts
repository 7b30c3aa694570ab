import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { isPublicAddress } from "./address.ts";

export interface Address {
  address: string;
  family: 4 | 6;
}

/** A name that cannot or must not be dialled. */
export class ResolveError extends Error {
  readonly reason: "address_forbidden" | "resolve_failed";

  constructor(reason: "address_forbidden" | "resolve_failed", message: string) {
    super(message);
    this.name = "ResolveError";
    this.reason = reason;
  }
}

/**
 * The addresses of a host, every one of them checked; what is returned is what must be dialled,
 * so that a second answer of the name server changes nothing. One forbidden address among
 * several refuses them all: such an answer is an attack or a mistake.
 */
export async function resolveHost(
  host: string,
  extraHosts: Record<string, string>,
): Promise<Address[]> {
  const pinned = Object.hasOwn(extraHosts, host) ? extraHosts[host]! : undefined;
  if (pinned !== undefined) return [toAddress(pinned)];
  if (isIP(host) !== 0) return checked(host, [toAddress(host)]);
  let answers: Address[];
  try {
    answers = (await lookup(host, { all: true })).map(({ address }) => toAddress(address));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ResolveError(
      "resolve_failed",
      `Cannot resolve "${host}": ${code}`,
    );
  }
  return checked(host, answers);
}

function checked(host: string, answers: Address[]): Address[] {
  if (answers.length === 0) {
    throw new ResolveError("resolve_failed", `"${host}" has no address`);
  }
  for (const { address } of answers) {
    if (!isPublicAddress(address)) {
      throw new ResolveError(
        "address_forbidden",
        `"${host}" resolves to ${address}, which is not a public address`,
      );
    }
  }
  return answers;
}

function toAddress(address: string): Address {
  return { address, family: isIP(address) === 6 ? 6 : 4 };
}
