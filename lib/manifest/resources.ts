import { z } from "zod";
import { strict } from "./schema_parts.ts";

const UNITS = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;
/** Less than this and the agent's own runtime is killed while it starts. */
const LEAST_MEMORY = 64 * UNITS.m;
const MOST_MEMORY = 64 * 1024 * UNITS.g;

/** Schema of `resources` in a bottle: only what is written; the host's settings fill the rest. */
export function resourcesSchema() {
  return strict({
    cpus: cpus().optional(),
    memory: memory().optional(),
    pids: pids().optional(),
  });
}

/** Schema of `resources` in the host's settings, with the program's own defaults. */
export function defaultResourcesSchema() {
  return strict({
    cpus: cpus().optional(),
    memory: memory().prefault("4g"),
    // Without a limit a fork bomb in a bottle takes the host along.
    pids: pids().default(512).describe("Processes and threads a bottle may have"),
  });
}

/** Reads a size like `512m` or `4g`; undefined when it is not one. */
export function parseMemory(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)([kmg])$/.exec(text);
  if (match === null) return undefined;
  return Math.floor(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]);
}

function cpus() {
  return z.number().min(0.1).max(1024).describe("CPUs the bottle may use, fractions allowed");
}

function pids() {
  return z.int().min(32).max(4_194_304).describe("Processes and threads the bottle may have");
}

function memory() {
  return z.string({ error: "must be a size like 512m or 4g" }).transform((text, context) => {
    const bytes = parseMemory(text);
    if (bytes !== undefined && bytes >= LEAST_MEMORY && bytes <= MOST_MEMORY) return bytes;
    const message = bytes === undefined
      ? `${JSON.stringify(text)} is not a size like 512m or 4g`
      : `"${text}" is not between 64m and 65536g`;
    context.issues.push({ code: "custom", message, input: text });
    return z.NEVER;
  }).describe("Memory the bottle may use, like 512m or 4g");
}
