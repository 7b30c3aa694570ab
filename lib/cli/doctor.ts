import { probeEngine } from "../engine/probe.ts";
import { findImages } from "../image/find.ts";
import { agentImage, sidecarsImage } from "../image/inputs.ts";
import { type Config, loadConfig } from "../manifest/config.ts";
import { listManifests } from "../manifest/manifest_dirs.ts";
import { loadAgent, loadBottle } from "../manifest/load.ts";
import { describeError, UserError } from "../system/errors.ts";
import { hostPaths } from "../system/paths.ts";
import type { CommandModule, HostFacts, Read } from "./command.ts";
import { createContext, imageSettings } from "./context.ts";
import { extraCa } from "./manifests.ts";

/** One finding. Only `fail` makes the doctor's exit code non-zero. */
interface Finding {
  name: string;
  status: "ok" | "note" | "fail";
  detail: string;
  /** What to type. */
  fix?: string;
}

interface DoctorData {
  config?: Config;
  findings: Finding[];
}

export const doctor: CommandModule<DoctorData> = {
  async run(input, { config, findings: manifests }, host, signal) {
    const context = createContext(host);
    const { engine } = context;
    const findings: Finding[] = [];
    await finding(findings, "docker", async () => {
      if (host.tools.docker === undefined) throw new UserError("unavailable", "not in PATH");
      const version = await engine.check(["--version"], { signal });
      return [undefined, `${version.trim()} (${host.tools.docker})`];
    }, "https://docs.docker.com/engine/install/");
    await finding(findings, "engine", async () => {
      const { Version, Arch } = await probeEngine(engine, signal);
      return [undefined, `${Version} ${Arch}`];
    }, "start Docker");
    await optional(findings, "gVisor", "runtime: runsc", async () => {
      await context.backends.docker.probe({ runtime: "runsc" }, signal);
      return "registered, with --host-uds=open";
    });
    findings.push({
      name: "smolvm",
      status: "note",
      detail: host.tools.smolvm === undefined
        ? "not installed; the smolmachines backend is not available yet"
        : `${host.tools.smolvm}; the smolmachines backend is not available yet`,
    });
    await images(findings, { host, config, context, signal });
    await finding(findings, "disk", async () => {
      const text = await engine.check(["system", "df", "--format", "{{.Type}}: {{.Size}}"], {
        signal,
      });
      return [undefined, text.trim().replaceAll("\n", ", ")];
    }, "docker system df");
    await finding(findings, "cache", async () => {
      await Deno.mkdir(context.paths.cache, { recursive: true });
      const probe = `${context.paths.cache}/.doctor`;
      await Deno.writeTextFile(probe, "");
      await Deno.remove(probe);
      return [undefined, context.paths.cache];
    }, `chmod u+w "${context.paths.cache}"`);
    findings.push(...manifests);
    print(findings, input.values.format === "json", host);
    return findings.some(({ status }) => status === "fail") ? 69 : 0;
  },
};

async function images(
  findings: Finding[],
  { host, config, context, signal }: {
    host: HostFacts;
    config: Config | undefined;
    context: ReturnType<typeof createContext>;
    signal: AbortSignal;
  },
): Promise<void> {
  if (config === undefined) return;
  await finding(findings, "images", async () => {
    const settings = imageSettings(host, config, extraCa(config, host));
    const references = [agentImage(settings), sidecarsImage(settings)].map((i) => i.reference);
    const found = await findImages(context.engine, signal);
    const missing = references.filter((reference) => !found.has(reference));
    return [undefined, missing.length === 0 ? "built" : "built at the first start"];
  }, "claude-bottle build");
}

/** Runs a check; what it throws is a failure with its first line. */
async function finding<T>(
  findings: Finding[],
  name: string,
  check: () => Promise<[T, string]>,
  fix?: string,
): Promise<T | undefined> {
  try {
    const [value, detail] = await check();
    findings.push({ name, status: "ok", detail });
    return value;
  } catch (error) {
    const lines = describeError(error).lines.map((line) => line.replace(/^(error|hint): /, ""));
    findings.push({
      name,
      status: "fail",
      detail: lines.join("; "),
      ...(fix !== undefined && { fix }),
    });
    return undefined;
  }
}

/** A check of something that only some bottles need. */
async function optional(
  findings: Finding[],
  name: string,
  use: string,
  check: () => Promise<string>,
): Promise<void> {
  try {
    findings.push({ name, status: "ok", detail: await check() });
  } catch (error) {
    const detail = error instanceof UserError ? error.message : String(error);
    findings.push({ name, status: "note", detail: `${detail} (only for "${use}")` });
  }
}

function print(findings: Finding[], json: boolean, host: HostFacts): void {
  if (json) {
    console.log(JSON.stringify(findings, null, 2));
    return;
  }
  const paint = (code: string, text: string) =>
    host.color && host.tty.stdout ? `\x1b[${code}m${text}\x1b[0m` : text;
  const marks = { ok: paint("32", "✓"), note: paint("33", "-"), fail: paint("31", "✗") };
  for (const { name, status, detail, fix } of findings) {
    console.log(`${marks[status]} ${name.padEnd(14)} ${detail}`);
    if (status === "fail" && fix !== undefined) console.log(`  fix: ${fix}`);
  }
}

/** What `doctor` needs. */
export const doctorNeeds: Read<DoctorData> = async (_input, host) => {
  const findings: Finding[] = [];
  const home = hostPaths(host.home, host.xdgCacheHome).config;
  const config = await finding(findings, "config", async () => {
    const config = await loadConfig(home);
    return [config, "readable"];
  });
  const dirs = { home, cwd: host.cwd };
  const entries = await listManifests(dirs).catch(() => []);
  if (entries.length === 0) {
    findings.push({
      name: "manifests",
      status: "note",
      detail: "none",
      fix: "claude-bottle init",
    });
  }
  for (const { kind, name, path } of entries) {
    await finding(findings, `${kind} ${name}`, async () => {
      if (kind === "agent") await loadAgent(name, dirs);
      else await loadBottle(name, dirs);
      return [undefined, path];
    }, `claude-bottle edit ${name}`);
  }
  const texts = config?.extra_ca_file === undefined ? [] : [config.extra_ca_file];
  return { data: { findings, ...(config !== undefined && { config }) }, grants: { texts } };
};
