import { join } from "../std/path.ts";
import type { Engine } from "../engine/engine.ts";
import { engineError } from "../engine/engine.ts";
import { UserError } from "../system/errors.ts";
import { CommandError } from "../system/process.ts";
import type { Progress } from "../system/progress.ts";
import { findImages } from "./find.ts";
import { buildCommand, type ImageInputs } from "./inputs.ts";

/** Where builds leave their logs, and how they report. */
export interface BuildContext {
  engine: Engine;
  progress: Progress;
  logDir: string;
  signal: AbortSignal;
}

/** Returns the image's ID, after building it when its inputs have no image yet. */
export async function ensureImage(
  image: ImageInputs,
  context: BuildContext,
  known?: Map<string, string>,
): Promise<string> {
  const { engine, signal } = context;
  const found = known ?? await findImages(engine, signal);
  const id = found.get(image.reference);
  return id ?? await buildImage(image, context);
}

/** Builds the image now; returns its ID. The log of the build is kept. */
export async function buildImage(image: ImageInputs, context: BuildContext): Promise<string> {
  const { engine, progress, logDir, signal } = context;
  const name = image.reference.split(":")[0]!;
  const logPath = join(logDir, `build-${name}.log`);
  await Deno.mkdir(logDir, { recursive: true });
  await progress.step(`image ${name}`, async (detail) => {
    const { args, context: tar } = await buildCommand(image);
    const result = await buildLogged(engine, args, tar, { logPath, detail, signal });
    if (result.code !== 0) {
      const argv = ["docker", ...args];
      const shown = { ...result, stderr: result.tail.join("\n") };
      // A full disk or an engine that went away keeps its own exit code and hints.
      const failure = engineError(argv, shown);
      const { kind, hints } = failure instanceof UserError
        ? failure
        : { kind: "create" as const, hints: [] };
      throw new UserError(kind, `Cannot build image "${name}"`, {
        hints: [...hints, `read the whole log: ${logPath}`],
        cause: new CommandError(argv, shown),
      });
    }
  });
  const built = await findImages(engine, signal);
  const id = built.get(image.reference);
  if (id === undefined) {
    throw new UserError("create", `Cannot find image "${image.reference}" after its build`);
  }
  return id;
}

/** Runs the build with its output going to the log and its steps to the progress line. */
async function buildLogged(
  engine: Engine,
  args: string[],
  tar: Uint8Array,
  { logPath, detail, signal }: {
    logPath: string;
    detail: (text: string) => void;
    signal: AbortSignal;
  },
): Promise<{ code: number; stdout: string; stderr: string; tail: string[] }> {
  await using build = engine.stream(args, { stdin: tar, signal });
  using log = await Deno.open(logPath, { create: true, write: true, truncate: true, mode: 0o600 });
  const tail: string[] = [];
  const lines = build.stdout.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const text of lines) {
    await log.write(new TextEncoder().encode(text));
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    for (const line of parts) {
      if (line.trim() === "") continue;
      if (/^Step \d+\/\d+/.test(line)) detail(line);
      tail.push(line);
      if (tail.length > 12) tail.shift();
    }
  }
  if (rest.trim() !== "") tail.push(rest);
  const result = await build.end();
  await log.write(new TextEncoder().encode(result.stderr));
  const errors = result.stderr.split("\n").filter((line) => line.trim() !== "");
  signal.throwIfAborted();
  return { ...result, tail: [...tail, ...errors].slice(-15) };
}
