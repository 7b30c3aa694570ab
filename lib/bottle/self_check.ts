import { UserError } from "../system/errors.ts";
import { z } from "zod";
import { CommandError } from "../system/process.ts";
import SELF_CHECK from "./self_check.sh" with { type: "text" };
import type { Session } from "../backend/backend.ts";
import { PROXY_PORT } from "../backend/layout.ts";

/** A name of the reserved kind (RFC 2606), which no manifest can grant: it must be denied. */
const DENIED_HOST = "self-check.invalid";
/** A name that every resolver with a way out knows, and that none may know here. */
const PUBLIC_NAME = "example.com";
/** An address for documentation (RFC 5737): nothing answers there, should a route exist. */
const PUBLIC_ADDRESS = "192.0.2.1";

/** What the bottle says of itself. */
export type Facts = Map<string, string[]>;

/**
 * Unpacks `provision` in the bottle and collects the facts of the self-check in the same
 * process: another would cost 80 ms.
 */
export async function provisionAndProbe(
  session: Session,
  provision: ReadableStream<Uint8Array> | Uint8Array,
  signal: AbortSignal,
): Promise<Facts> {
  const argv = [
    "/bin/sh",
    "-c",
    SELF_CHECK,
    "self-check",
    String(PROXY_PORT),
    PUBLIC_ADDRESS,
    PUBLIC_NAME,
    DENIED_HOST,
  ];
  const result = await session.exec(argv, { stdin: provision, signal, workdir: "/" });
  if (result.code !== 0) {
    const full = /no space left/i.test(result.stderr);
    throw new UserError(
      "io",
      full
        ? "Cannot copy into the bottle: the engine's disk is full"
        : "Cannot copy into the bottle",
      {
        hints: full ? ["docker system df"] : [],
        cause: new CommandError(["tar", "-x"], result),
      },
    );
  }
  return parseFacts(result.stdout);
}

/** Reads "name<TAB>value" lines. */
export function parseFacts(text: string): Facts {
  const facts: Facts = new Map();
  for (const line of text.split("\n")) {
    const tab = line.indexOf("\t");
    if (tab === -1) continue;
    const name = line.slice(0, tab);
    facts.set(name, [...facts.get(name) ?? [], line.slice(tab + 1)]);
  }
  return facts;
}

const Denial = z.object({
  error: z.literal("egress_denied"),
  reason: z.literal("host_not_granted"),
});

/** What is wrong with a bottle: empty when it is as it must be. A fact that is missing is wrong. */
export function judgeFacts(facts: Facts): string[] {
  const problems: string[] = [];
  const one = (name: string) => facts.get(name)?.length === 1 ? facts.get(name)![0]! : undefined;
  for (const name of facts.get("interface") ?? []) {
    problems.push(`the network interface "${name}" is up`);
  }
  if (one("addresses") !== "0") problems.push("an interface other than lo has an IPv6 address");
  if (one("routes") !== "0") problems.push("there is an IPv4 route");
  if (one("routes6") !== "0") problems.push("there is an IPv6 route");
  // Refused when the socket is made (EPERM, EAFNOSUPPORT), not when it is connected.
  if (
    !/socket\(40, .*(Operation not permitted|Address family not supported)/.test(one("vsock") ?? "")
  ) {
    problems.push(`AF_VSOCK can be opened, or it is not known: "${one("vsock") ?? ""}"`);
  }
  if (one("resolve") !== "2") problems.push("a public name resolves");
  // curl: 7 cannot connect; 28, a timeout, would mean that packets go somewhere.
  if (one("direct") !== "7") problems.push("a direct connection is not refused at once");
  if (one("trust") !== "0") problems.push("the trust store lacks the session's authority");
  const proxy = one("proxy");
  if (proxy === undefined || !isDenial(proxy)) {
    problems.push(`the proxy does not deny a host that is not granted: "${proxy ?? ""}"`);
  }
  if (one("done") !== "1") problems.push("the self-check did not end");
  return problems;
}

/** `0 {…} 403`: curl's own success, the body, the status. */
function isDenial(text: string): boolean {
  const match = /^0 (\{.*\})\s+403$/.exec(text);
  if (match === null) return false;
  try {
    return Denial.safeParse(JSON.parse(match[1]!)).success;
  } catch {
    return false;
  }
}

/** Throws when the facts are not those of a bottle. */
export function requireIsolation(facts: Facts): void {
  const problems = judgeFacts(facts);
  if (problems.length === 0) return;
  throw new UserError("refused", "Cannot trust this bottle: its self-check failed", {
    hints: [...problems, "claude-bottle doctor"],
  });
}
