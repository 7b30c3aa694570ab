import { dirname, join, resolve } from "../std/path.ts";
import { UserError } from "../system/errors.ts";
import type { EnvValue } from "./env.ts";
import type { BottleManifest, GitRemote, Resources, Route } from "./schema.ts";

/** One bottle's file, parsed. */
export interface BottleFile {
  name: string;
  path: string;
  sha256: string;
  manifest: BottleManifest;
}

/** A bottle with everything it inherits and every default: what is granted, complete. */
export interface ResolvedBottle {
  name: string;
  /** The files it was made of, the bottle's own first. */
  chain: [BottleLink, ...BottleLink[]];
  env: Record<string, EnvValue>;
  /** Identity files are absolute. */
  git: GitRemote[];
  egress: {
    routes: Route[];
    extra_hosts: Record<string, string>;
    pipelock: boolean;
    /** Whether a manifest says so, or it is only the default. */
    pipelockExplicit: boolean;
    on_canary: "block" | "stop";
  };
  git_user?: { name: string; email: string };
  supervise: boolean;
  runtime?: "runsc";
  /** Only what is written: the host's settings fill the rest. */
  resources: Resources;
  /** Absolute, as is `context`. */
  dockerfile?: string;
  context?: string;
}

/** A file that had a say in a bottle. */
export type BottleLink = Omit<BottleFile, "manifest">;

/** What `resolveBottle` needs from its surroundings. */
export interface ResolveOptions {
  /** The user's `~/.claude-bottle`, absolute: `~` is the directory it is in. */
  home: string;
  /** Reads one bottle; `extendedBy` names the bottle that asks for it. */
  read(name: string, extendedBy: string | undefined): Promise<BottleFile>;
}

/** Follows `extends` to its end and merges: env by key, of every other key the child's. */
export async function resolveBottle(
  name: string,
  { home, read }: ResolveOptions,
): Promise<ResolvedBottle> {
  const first = await read(name, undefined);
  const chain: [BottleFile, ...BottleFile[]] = [first];
  let last = first;
  while (last.manifest.extends !== undefined) {
    const parent = last.manifest.extends;
    if (chain.some((file) => file.name === parent)) {
      const names = [...chain.map((file) => file.name), parent].join(" → ");
      throw new UserError("manifest", `Cannot use manifest "${last.path}": cycle ${names}`, {
        hints: [`remove "extends: ${parent}" from "${last.path}"`],
      });
    }
    last = await read(parent, last.name);
    chain.push(last);
  }

  let merged: BottleManifest = {};
  for (const file of chain.toReversed()) {
    const manifest = withAbsolutePaths(file, dirname(home));
    merged = { ...merged, ...manifest, env: { ...merged.env, ...manifest.env } };
  }
  const { extends: _, egress = {}, ...rest } = merged;
  const [own, ...parents] = chain.map(({ name, path, sha256 }) => ({ name, path, sha256 }));
  const bottle: ResolvedBottle = {
    ...rest,
    name,
    chain: [own as BottleLink, ...parents],
    env: merged.env ?? {},
    git: merged.git ?? [],
    egress: {
      routes: egress.routes ?? [],
      extra_hosts: egress.extra_hosts ?? {},
      pipelock: egress.pipelock ?? true,
      pipelockExplicit: egress.pipelock !== undefined,
      on_canary: egress.on_canary ?? "block",
    },
    supervise: merged.supervise ?? false,
    resources: merged.resources ?? {},
  };
  checkTogether(bottle, first.path);
  return bottle;
}

/** A path is relative to the manifest that says it, so it is settled before the merge. */
function withAbsolutePaths({ manifest, path }: BottleFile, userHome: string): BottleManifest {
  const absolute = (written: string) =>
    written.startsWith("~/") ? join(userHome, written.slice(2)) : resolve(dirname(path), written);
  const result = { ...manifest };
  if (manifest.dockerfile !== undefined) result.dockerfile = absolute(manifest.dockerfile);
  if (manifest.context !== undefined) result.context = absolute(manifest.context);
  if (manifest.git !== undefined) {
    result.git = manifest.git.map((remote) => ({
      ...remote,
      identity_file: absolute(remote.identity_file),
    }));
  }
  return result;
}

/** What only the merged keys can contradict. */
function checkTogether(bottle: ResolvedBottle, path: string): void {
  const hints: string[] = [];
  if (bottle.context !== undefined && bottle.dockerfile === undefined) {
    hints.push('context: has no use without "dockerfile"');
  }
  for (const [index, route] of bottle.egress.routes.entries()) {
    const at = `egress.routes[${index}]`;
    for (const name of route.allow_env ?? []) {
      if (!Object.hasOwn(bottle.env, name)) hints.push(`${at}.allow_env: "${name}" is not in env`);
    }
    const token = route.auth?.token_ref;
    for (const [name, value] of Object.entries(bottle.env)) {
      if (token === undefined || value.kind !== "host" || !value.names.includes(token)) continue;
      hints.push(
        `env.${name}: would put ${token} into the bottle, which ${at}.auth keeps out of it`,
      );
    }
  }
  if (hints.length > 0) {
    throw new UserError("manifest", `Cannot use manifest "${path}"`, { hints });
  }
}
