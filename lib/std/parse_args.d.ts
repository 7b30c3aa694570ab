export interface ParseOptions {
  "--"?: boolean;
  alias?: Record<string, string>;
  boolean?: string[];
  string?: string[];
  stopEarly?: boolean;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
/** The positionals in `_`, what followed `--` in `"--"`, and each flag by name. */
export function parseArgs(
  args: string[],
  options?: ParseOptions,
): { _: (string | number)[]; "--"?: string[]; [flag: string]: unknown };
