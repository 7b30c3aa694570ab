import { z } from "zod";
import {
  type ApplyRequest,
  CONTROL_SOCKET_DIR,
  type Policy,
  type Secrets,
} from "../daemon/policy.ts";
import { type Engine, engineError, LABELS, parseJson } from "../engine/engine.ts";
import { UserError } from "../system/errors.ts";
import { firstLine } from "../system/process.ts";

/** The sidecars of one bottle, decided. */
export interface BundlePlan {
  container: string;
  /** What `docker` is asked to run; holds no secret. */
  args: string[];
  policy: Policy;
}

export interface BundleOptions {
  id: string;
  agent: string;
  backend: string;
  image: string;
  network: string;
  /** `--mount` values that show the bundle's sockets to the bottle: the backend knows how. */
  mounts: string[];
  policy: Policy;
}

/** The bundle's container. */
export function bundleName(id: string): string {
  return `claude-bottle-${id}-bundle`;
}

/** Decides a bundle. Pure. */
export function planBundle(options: BundleOptions): BundlePlan {
  const container = bundleName(options.id);
  const args = [
    "run",
    "--interactive", // the first policy and the secrets come on stdin, and are stored nowhere
    "--pull=never", // exactly the image that was decided on
    `--name=${container}`,
    `--label=${LABELS.id}=${options.id}`,
    `--label=${LABELS.role}=bundle`,
    `--label=${LABELS.agent}=${options.agent}`,
    `--label=${LABELS.backend}=${options.backend}`,
    `--network=${options.network}`,
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--read-only",
    `--tmpfs=${CONTROL_SOCKET_DIR}:rw,noexec,nosuid,nodev,size=64k,mode=0700,uid=10001,gid=10001`,
    ...options.mounts.map((mount) => `--mount=${mount}`),
    "--memory=512m", // a hostile client exhausts its own bottle's budget
    "--memory-swap=512m",
    "--pids-limit=128",
    "--ulimit=nofile=8192:8192",
    "--ulimit=core=0", // a core dump would hold the secrets
    // The audit log: what docker keeps survives a crash of the bundle, and is drained at the end.
    "--log-driver=local",
    "--log-opt=max-size=20m",
    "--log-opt=max-file=5",
    options.image,
  ];
  return { container, args, policy: options.policy };
}

const Applied = z.union([
  z.strictObject({
    ok: z.literal(true),
    version: z.number(),
    ca: z.string().startsWith("-----BEGIN CERTIFICATE-----"),
  }),
  z.strictObject({ ok: z.literal(false), error: z.string() }),
]);

/** How long the bundle may take from `docker run` to its answer. */
const READY_MS = 30_000;

/**
 * Starts the bundle with its first policy; returns the certificate of the session's authority.
 * On failure the container may exist: whoever calls removes it.
 */
export async function startBundle(
  engine: Engine,
  plan: BundlePlan,
  { secrets, extraCa, signal }: { secrets: Secrets; extraCa: string; signal: AbortSignal },
): Promise<{ ca: string }> {
  const request: ApplyRequest = {
    op: "apply",
    version: 1,
    policy: plan.policy,
    secrets,
    extraCa,
  };
  // The client is killed once it has delivered: the container goes on without it.
  await using client = engine.stream(plan.args, { signal: timeLimit(signal) });
  // A client that dies at once (no such image) closes the pipe: its own words say why.
  await client.write(`${JSON.stringify(request)}\n`).catch(() => {});
  const line = await firstLine(client.stdout);
  if (line === undefined) {
    const result = await client.end();
    signal.throwIfAborted();
    throw engineError(["docker", ...plan.args], result);
  }
  const answer = Applied.safeParse(parseJson(line));
  if (!answer.success || !answer.data.ok) {
    const detail = answer.success && !answer.data.ok ? answer.data.error : line.slice(0, 200);
    throw new UserError("create", `Cannot start the sidecars: ${detail}`, {
      hints: [`docker logs ${plan.container}`],
    });
  }
  return { ca: answer.data.ca };
}

function timeLimit(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]);
}
