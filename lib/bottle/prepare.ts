import { join } from "../std/path.ts";
import type { Backend } from "../backend/backend.ts";
import { type BuildContext, ensureImage } from "../image/build.ts";
import { agentImage, customImage, type ImageSettings, sidecarsImage } from "../image/inputs.ts";
import { inquire, type Inquiry } from "./inquiry.ts";
import type { ResolvedBottle } from "../manifest/extends.ts";
import { readVersion } from "../engine/probe.ts";
import { ensureSidecarNetwork } from "../sidecar/network.ts";
import { surveyWorkspace } from "../workspace/survey.ts";

/** What exists on the engine once a bottle can be launched: by ID. */
export interface Prepared {
  agentImage: string;
  sidecarsImage: string;
  network: string;
}

/** Checks the backend and provides images and network; does nothing twice. */
export async function prepare(
  backend: Backend,
  bottle: ResolvedBottle,
  { settings, build, cacheDir, inquiry = inquire(build.engine, build.signal) }: {
    settings: ImageSettings;
    build: BuildContext;
    cacheDir: string;
    inquiry?: Inquiry | undefined;
  },
): Promise<Prepared> {
  const { engine, signal } = build;
  const base = agentImage(settings);
  const sidecars = sidecarsImage(settings);
  const custom = bottle.dockerfile === undefined
    ? undefined
    : customImage(base, await contextFiles(bottle.dockerfile, bottle.context, signal));
  const [, , known, network] = await Promise.all([
    inquiry.version.then(readVersion),
    backend.probe(bottle.runtime === undefined ? {} : { runtime: bottle.runtime }, signal),
    inquiry.images,
    ensureSidecarNetwork(engine, cacheDir, signal, inquiry.network),
  ]);
  const baseId = await ensureImage(base, build, known);
  return {
    agentImage: custom === undefined ? baseId : await ensureImage(custom, build, known),
    sidecarsImage: await ensureImage(sidecars, build, known),
    network,
  };
}

/** The build context of a bottle's own Dockerfile: empty, unless its manifest names a folder. */
async function contextFiles(
  dockerfile: string,
  context: string | undefined,
  signal: AbortSignal,
): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  if (context !== undefined) {
    const { entries } = await surveyWorkspace(context, signal);
    for (const { path, type } of entries) {
      if (type === "file") files[path] = await Deno.readFile(join(context, path));
    }
  }
  files["Dockerfile"] = await Deno.readFile(dockerfile);
  return files;
}
