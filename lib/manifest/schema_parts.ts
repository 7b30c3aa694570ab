import { z } from "zod";
import { didYouMean } from "./names.ts";

/** A text in the one spelling that the program compares, or what is wrong with it. */
export type Canonical = { value: string } | { problem: string };

/**
 * Makes a schema for a text that has one canonical spelling, from the function that decides it.
 * The schema's input is what the user wrote, its output the canonical spelling.
 */
export function canonicalString(canonicalise: (text: string) => Canonical) {
  return z.string().transform((text, context) => {
    const result = canonicalise(text);
    if ("value" in result) return result.value;
    context.issues.push({ code: "custom", message: result.problem, input: text });
    return z.NEVER;
  });
}

/** Makes a strict object whose unknown keys are answered with the nearest key that exists. */
export function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return undefined;
      const keys = issue.keys as string[];
      // One line a key: each becomes a hint of its own.
      return keys.map((key) =>
        `unknown key ${JSON.stringify(key)}${didYouMean(key, Object.keys(shape))}`
      ).join("\n");
    },
  });
}

/** Makes a list that refuses to hold one entry twice; `key` says what makes entries the same. */
export function uniqueList<Entry extends z.ZodType>(
  entry: Entry,
  key: (value: z.output<Entry>) => string,
) {
  return z.array(entry).superRefine((values, context) => {
    const seen = new Set<string>();
    for (const [index, value] of values.entries()) {
      const id = key(value as z.output<Entry>);
      if (seen.has(id)) {
        context.addIssue({ code: "custom", path: [index], message: `"${id}" is listed twice` });
      }
      seen.add(id);
    }
  });
}

/** A line of text for people: no control characters, so that it cannot forge another line. */
export function line(max: number) {
  return z.string().min(1, "must not be empty").max(max).regex(
    /^[^\p{Cc}\u2028\u2029]*$/u,
    "must be one line without control characters",
  );
}

/** A path as written in a manifest; where it leads is decided by the loader. */
export function filePath() {
  return line(4096);
}
