/** Parses one TOML document. The result is unknown: parse it with zod. */
export function parse(text: string): unknown;
