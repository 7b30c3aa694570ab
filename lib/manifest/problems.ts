import { z } from "zod";
import { UserError } from "../system/errors.ts";
import { didYouMean } from "./names.ts";

/**
 * Parses a document with a schema, or throws a `UserError` with one hint per problem; `subject`
 * is what the document is called in the message, like `manifest "<path>"`.
 */
export function parseWith<Schema extends z.ZodType>(
  schema: Schema,
  document: unknown,
  subject: string,
): z.output<Schema> {
  const parsed = schema.safeParse(document, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new UserError("manifest", `Cannot use ${subject}`, {
    hints: parsed.error.issues.flatMap((issue) => describeIssue(issue)),
  });
}

/** One line for each thing that is wrong, beginning with the key's path. */
function describeIssue(issue: z.core.$ZodIssue): string[] {
  const path = z.core.toDotPath(issue.path);
  const prefix = path === "" ? "" : `${path}: `;
  return messages(issue).flatMap((message) => message.split("\n")).map((text) => prefix + text);
}

function messages(issue: z.core.$ZodIssue): string[] {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return ["is missing"];
      return [lowered(issue.message)];
    case "invalid_value":
      return [
        lowered(issue.message) +
        (typeof issue.input === "string"
          ? didYouMean(issue.input, issue.values.filter((value) => typeof value === "string"))
          : ""),
      ];
    case "invalid_key":
      return issue.issues.map((inner) => lowered(inner.message));
    default:
      return [lowered(issue.message)];
  }
}

/** zod's own messages are sentences; ours continue the path of the key. */
function lowered(message: string): string {
  return message.replace(/^Invalid (?:input|option): /, "").replace(
    /^Too (small|big)/,
    (_, size: string) => `too ${size}`,
  );
}
