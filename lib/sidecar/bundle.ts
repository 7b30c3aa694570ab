import { z } from "zod";
import {
  type ApplyRequest,
  CONTROL_SOCKET_DIR,
  type Policy,
  type Secrets,
} from "../daemon/policy.ts";
import { type Engine, engineError, LABELS, parseJson } from "../engine/engine.ts";
import { UserError } from "../system/errors.ts";
import { type LineReader, readLines, type Streaming } from "../system/process.ts";

/** The sidecars of one bottle, decided. */
export interface BundlePlan {
  container: string;
  /** What `docker` is asked to run; holds no secret. */
  args: string[];
  policy: Policy;
}

export interface BundleOptions {
  id: string;
  owner: string;
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
    `--label=${LABELS.owner}=${options.owner}`,
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
    "--log-opt=max-size=100m",
    "--log-opt=max-file=5",
    options.image,
  ];
  return { container, args, policy: options.policy };
}

const Certificate = z.strictObject({
  ok: z.literal(true),
  ca: z.string().startsWith("-----BEGIN CERTIFICATE-----"),
});
const Applied = z.strictObject({ ok: z.literal(true), version: z.number() });
const Failed = z.strictObject({ ok: z.literal(false), error: z.string() });

/** How long the bundle may take from `docker run` to its answer. */
const READY_MS = 30_000;

/**
 * Starts the bundle with its first policy; resolves when that is enforced. `onCertificate` is
 * called before, as soon as the session's authority exists. On failure the container may exist:
 * whoever calls removes it.
 */
export async function startBundle(
  engine: Engine,
  plan: BundlePlan,
  { secrets, extraCa, onCertificate, signal }: {
    secrets: Secrets;
    extraCa: string;
    onCertificate: (pem: string) => void;
    signal: AbortSignal;
  },
): Promise<void> {
  const request: ApplyRequest = {
    op: "apply",
    version: 1,
    policy: plan.policy,
    secrets,
    extraCa,
  };
  // The client is killed once it has its answer: the container goes on without it.
  const deadline = AbortSignal.timeout(READY_MS);
  await using client = engine.stream(plan.args, { signal: AbortSignal.any([signal, deadline]) });
  const lines = readLines(client.stdout);
  try {
    // A client that dies at once (no such image) closes the pipe: its own words say why.
    await client.write(`${JSON.stringify(request)}\n`).catch(() => {});
    onCertificate(await answer(lines, client, plan, Certificate, signal).then(({ ca }) => ca));
    await answer(lines, client, plan, Applied, signal);
  } catch (error) {
    if (signal.aborted || !deadline.aborted) throw error;
    throw new UserError("create", `Cannot start the sidecars: no answer in ${READY_MS / 1000} s`, {
      hints: ["claude-bottle doctor"],
      cause: error,
    });
  } finally {
    await lines.cancel();
  }
}

/** The bundle's next answer, as `schema` says it must be. */
async function answer<T>(
  lines: LineReader,
  client: Streaming,
  plan: BundlePlan,
  schema: z.ZodType<T>,
  signal: AbortSignal,
): Promise<T> {
  const line = await lines.next();
  if (line === undefined) {
    const result = await client.end();
    signal.throwIfAborted();
    throw engineError(["docker", ...plan.args], result);
  }
  const json = parseJson(line);
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const failed = Failed.safeParse(json);
  const detail = failed.success ? failed.data.error : line.slice(0, 200);
  throw new UserError("create", `Cannot start the sidecars: ${detail}`, {
    hints: ["claude-bottle build, then try again"],
  });
}
