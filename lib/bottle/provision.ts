import { packTar, type TarEntry } from "modern-tar";
import { AGENT_HOME, BOTTLE_DIR, WORKSPACE } from "../backend/layout.ts";
import { packWorkspace } from "../workspace/pack.ts";
import type { Survey } from "../workspace/survey.ts";
import { PROMPT_FILE } from "./plan.ts";

/** A directory that goes into the bottle as it was surveyed. */
export interface Tree {
  dir: string;
  survey: Survey;
}

export interface ProvisionInputs {
  /** The agent's system prompt. */
  prompt: string;
  /** Skill name → its directory on the host. */
  skills: Record<string, Tree>;
  /** The copy of the working directory, packed under `WORKSPACE`. */
  workspace?: ReadableStream<Uint8Array>;
  /** A resumed agent keeps its own settings, history and workspace. */
  resumed: boolean;
}

/** The end of an archive: two empty blocks (POSIX ustar). */
const END_BYTES = 1024;

/** Everything that goes into a bottle, as one tar. Unpacked by the agent's user: owners follow. */
export function provisionTar(
  inputs: ProvisionInputs,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const trees = Object.entries(inputs.skills).map(([name, { dir, survey }]) =>
    packWorkspace(dir, survey, {
      prefix: `${AGENT_HOME}/.claude/skills/${name}`.slice(1),
      includePrefix: true,
      signal,
    })
  );
  if (inputs.workspace !== undefined) trees.push(inputs.workspace);
  return joinTars([packTarStream(ownFiles(inputs)), ...trees]);
}

function ownFiles({ prompt, resumed }: ProvisionInputs): TarEntry[] {
  const files: TarEntry[] = [
    directory(BOTTLE_DIR),
    directory(`${AGENT_HOME}/.claude`),
    file(PROMPT_FILE, prompt),
  ];
  if (resumed) return files;
  return [
    ...files,
    // What an interactive Claude Code would otherwise ask about before its first prompt.
    file(
      `${AGENT_HOME}/.claude.json`,
      JSON.stringify({
        hasCompletedOnboarding: true,
        customApiKeyResponses: { approved: ["placeholder"] },
        projects: { [WORKSPACE]: { hasTrustDialogAccepted: true } },
      }),
    ),
    file(
      `${AGENT_HOME}/.claude/settings.json`,
      JSON.stringify({ skipDangerousModePermissionPrompt: true }),
    ),
  ];
}

function directory(path: string): TarEntry {
  return { header: { name: `${path.slice(1)}/`, type: "directory", size: 0, mode: 0o755 } };
}

function file(path: string, text: string): TarEntry {
  const body = new TextEncoder().encode(text);
  return { header: { name: path.slice(1), size: body.length, mode: 0o600 }, body };
}

function packTarStream(entries: TarEntry[]): ReadableStream<Uint8Array> {
  return ReadableStream.from((async function* () {
    yield await packTar(entries);
  })());
}

/** One archive from several: the end marks of all but the last are left out. */
function joinTars(tars: ReadableStream<Uint8Array>[]): ReadableStream<Uint8Array> {
  return ReadableStream.from((async function* () {
    for (const [index, tar] of tars.entries()) {
      if (index === tars.length - 1) yield* tar;
      else yield* withoutEnd(tar);
    }
  })());
}

async function* withoutEnd(tar: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held = new Uint8Array(0);
  for await (const chunk of tar) {
    const bytes = new Uint8Array(held.length + chunk.length);
    bytes.set(held);
    bytes.set(chunk, held.length);
    const ready = Math.max(0, bytes.length - END_BYTES);
    if (ready > 0) yield bytes.subarray(0, ready);
    held = bytes.slice(ready);
  }
  if (held.some((byte) => byte !== 0)) throw new Error("An archive does not end as it must");
}
