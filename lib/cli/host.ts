import { dirname } from "../std/path.ts";
import { UserError } from "../system/errors.ts";
import { VERSION } from "../version.ts";
import type { HostFacts } from "./command.ts";

/** Looks at the host once, before anything is confined. Runs nothing. */
export async function hostFacts(): Promise<HostFacts> {
  const home = Deno.env.get("HOME");
  if (home === undefined || !home.startsWith("/")) {
    throw new UserError("usage", "Cannot tell where your manifests are: HOME is not set", {
      hints: ["export HOME=/home/you"],
    });
  }
  const cwd = Deno.cwd();
  const path = Deno.env.get("PATH") ?? "";
  // At home, what is below is the user's own.
  const untrusted = cwd === home ? "/" : cwd;
  const [docker, smolvm] = await Promise.all([
    findTool("docker", path, untrusted),
    findTool("smolvm", path, untrusted),
  ]);
  const words = (Deno.env.get("VISUAL") || Deno.env.get("EDITOR") || "").trim().split(/\s+/);
  const editor = words[0] === "" ? undefined : await findTool(words[0]!, path, untrusted);
  const stderr = Deno.stderr.isTerminal();
  const optional = (name: string, key: string) => {
    const value = Deno.env.get(name);
    return value === undefined || value === "" ? {} : { [key]: value };
  };
  return {
    home,
    cwd,
    tools: { ...(docker && { docker }), ...(smolvm && { smolvm }) },
    ...(editor !== undefined && { editor: [editor, ...words.slice(1)] }),
    tty: { stdin: Deno.stdin.isTerminal(), stdout: Deno.stdout.isTerminal(), stderr },
    color: stderr && (Deno.env.get("NO_COLOR") ?? "") === "" && Deno.env.get("TERM") !== "dumb",
    terminal: {
      TERM: Deno.env.get("TERM") || "xterm-256color",
      ...optional("COLORTERM", "COLORTERM"),
    },
    ...optional("XDG_CACHE_HOME", "xdgCacheHome"),
    ...optional("CLAUDE_BOTTLE_NODE_IMAGE", "nodeImage"),
    ...optional("CLAUDE_BOTTLE_BACKEND", "backend"),
    env: {},
    texts: {},
    version: VERSION,
  };
}

/**
 * The absolute path of a tool. Relative entries of PATH are skipped, and so is what is, or points,
 * below the working directory: a repository must not bring the docker that we run, nor a link by
 * which one of the host's programs is called "docker".
 */
export async function findTool(
  name: string,
  path: string,
  cwd: string,
): Promise<string | undefined> {
  const below = (path: string) => cwd !== "/" && `${path}/`.startsWith(`${cwd}/`);
  const candidates = name.startsWith("/")
    ? [name]
    : name.includes("/")
    ? []
    : path.split(":").filter((entry) => entry.startsWith("/")).map((entry) => `${entry}/${name}`);
  for (const candidate of candidates) {
    try {
      const real = await Deno.realPath(candidate);
      if (below(real) || below(await Deno.realPath(dirname(candidate)))) continue;
      const info = await Deno.stat(real);
      // Not the real path: a multi-call binary tells its tools apart by the name it is called by.
      if (info.isFile && ((info.mode ?? 0) & 0o111) !== 0) return candidate;
    } catch {
      // Not there, or not readable: the next one.
    }
  }
  return undefined;
}
