import { createAuthority } from "../../lib/daemon/bundle/authority.ts";
import { createEngine, type Engine } from "../../lib/engine/engine.ts";
import { removeContainer } from "../../lib/engine/remove.ts";
import { ensureImage } from "../../lib/image/build.ts";
import { createProgress } from "../../lib/system/progress.ts";
import { sidecarsImage } from "../../lib/image/inputs.ts";
import { ensureSidecarNetwork } from "../../lib/sidecar/network.ts";
import { interactProcess, runProcess, streamProcess } from "../../lib/system/process.ts";
import { hostPaths } from "../../lib/system/paths.ts";
import { findTool } from "../../lib/cli/host.ts";
import PROGRAM from "./messages_api.mjs" with { type: "text" };
import { packTar } from "modern-tar";

/** What a test outside sees of a request. */
export interface Seen {
  method: string;
  path: string;
  host: string;
  authorization: string | null;
  x_api_key: string | null;
  user_text_tail: string;
}

/** A stand-in for the Messages API, in a container of its own, reachable from sidecars. */
export interface MessagesApi extends AsyncDisposable {
  /** The address to name in `egress.extra_hosts`. */
  address: string;
  /** A file with the CA to name as `extra_ca_file`. */
  caFile: string;
  /** Every request so far. */
  seen(): Promise<Seen[]>;
}

export const API_HOST = "api.anthropic.com";

export async function testEngine(): Promise<Engine> {
  const docker = await findTool("docker", Deno.env.get("PATH") ?? "", "/");
  return createEngine(docker, {
    run: runProcess,
    stream: streamProcess,
    interact: interactProcess,
  });
}

/** The cache that the scripts share: what is in it need not be made again. */
function sharedCache(): string {
  return hostPaths(Deno.env.get("HOME")!, Deno.env.get("XDG_CACHE_HOME")).cache;
}

interface TestCertificates {
  ca: string;
  certificate: string;
  /** For `BENCH_HOST`. */
  bench: string;
  key: string;
}

/** The name of the upstream that the bench asks. */
export const BENCH_HOST = "up.example";

/**
 * The test CA and what it signed. Kept in the cache: the CA takes part in the agent image's
 * hash, so a new one each time would build a new image each time.
 */
export async function testCertificates(): Promise<TestCertificates & { caFile: string }> {
  const dir = `${sharedCache()}/test-ca`;
  const path = `${dir}/certificates.json`;
  const caFile = `${dir}/ca.pem`;
  const stored = await Deno.readTextFile(path).then(JSON.parse, () => undefined) as
    | TestCertificates
    | undefined;
  if (stored?.bench !== undefined) return { ...stored, caFile };
  const authority = createAuthority();
  const made = {
    ca: authority.certificate,
    certificate: authority.leaf(API_HOST),
    bench: authority.leaf(BENCH_HOST),
    key: authority.leafKey,
  };
  await Deno.mkdir(dir, { recursive: true });
  // The host's own bundle too: builds here go through a network that intercepts TLS.
  const host = await hostBundle();
  await Deno.writeTextFile(caFile, `${host}${made.ca}`);
  await Deno.writeTextFile(path, JSON.stringify(made), { mode: 0o600 });
  return { ...made, caFile };
}

async function hostBundle(): Promise<string> {
  const file = Deno.env.get("NODE_EXTRA_CA_CERTS") ?? Deno.env.get("SSL_CERT_FILE");
  return file === undefined ? "" : await Deno.readTextFile(file);
}

/** The settings file for a home that builds its images here. */
export async function testConfig(): Promise<string> {
  const { caFile } = await testCertificates();
  return `extra_ca_file = ${JSON.stringify(caFile)}\n`;
}

/**
 * Starts the stand-in on the sidecar network's gateway, port 443. There is one such port, so a
 * second caller, in another process too, waits for the first.
 */
export async function startMessagesApi(engine: Engine): Promise<MessagesApi> {
  await Deno.mkdir(sharedCache(), { recursive: true });
  const lock = await Deno.open(`${sharedCache()}/messages-api.lock`, { create: true, write: true });
  await lock.lock(true);
  try {
    return await startHoldingPort(engine, () => lock.close());
  } catch (error) {
    lock.close();
    throw error;
  }
}

async function startHoldingPort(engine: Engine, release: () => void): Promise<MessagesApi> {
  const signal = new AbortController().signal;
  const { certificate, key, caFile } = await testCertificates();
  const network = await ensureSidecarNetwork(engine, sharedCache(), signal);
  const address = (await engine.check([
    "network",
    "inspect",
    "--format={{(index .IPAM.Config 0).Gateway}}",
    network,
  ])).trim();
  const nodeImage = Deno.env.get("CLAUDE_BOTTLE_NODE_IMAGE");
  const image = await ensureImage(
    sidecarsImage({ extraCa: "", ...(nodeImage && { nodeImage }) }),
    {
      engine,
      progress: createProgress({ write: () => {}, tty: false, color: false, quiet: true }),
      logDir: `${sharedCache()}/logs`,
      signal,
    },
  );
  const container = "claude-bottle-test-messages-api";
  await removeContainer(engine, container); // of a run that was killed
  await engine.check([
    "create",
    `--name=${container}`,
    "--label=claude-bottle.test=1",
    `--publish=${address}:443:8443`,
    "--user=10001",
    "--env=TLS_CERT",
    "--env=TLS_KEY",
    "--entrypoint=node",
    image,
    "/messages_api.mjs",
    "8443",
  ], { env: { TLS_CERT: certificate, TLS_KEY: key } });
  const body = new TextEncoder().encode(PROGRAM);
  const tar = await packTar([{ header: { name: "messages_api.mjs", size: body.length }, body }]);
  await engine.check(["cp", "-", `${container}:/`], { stdin: tar });
  await engine.check(["start", container]);
  for (let tries = 0;; tries++) {
    const logs = await engine.run(["logs", container]);
    if (/listening/.test(logs.stderr)) break;
    if (tries > 100) throw new Error(`The stand-in does not start: ${logs.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    address,
    caFile,
    async seen() {
      const text = await engine.check(["logs", container]);
      return text.split("\n").filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Seen);
    },
    async [Symbol.asyncDispose]() {
      await removeContainer(engine, container);
      release();
    },
  };
}
