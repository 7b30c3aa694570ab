/** Parses one YAML document. The result is unknown: parse it with zod. */
export function parse(
  text: string,
  options?: {
    schema?: "failsafe" | "json" | "core" | "default";
    allowDuplicateKeys?: boolean;
  },
): unknown;
