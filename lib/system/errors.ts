/** Why a run ended, each with its exit code (sysexits.h, 128+n for signals). */
export const EXIT_CODES = {
  usage: 64,
  manifest: 65,
  unavailable: 69,
  internal: 70,
  create: 73,
  io: 74,
  refused: 77,
  interrupted: 130,
  terminated: 143,
} as const;

export type ErrorKind = keyof typeof EXIT_CODES;

/** An error the user can act on. Anything else that is thrown is our bug. */
export class UserError extends Error {
  override name = "UserError";
  readonly kind: ErrorKind;
  /** What to do next: commands to type, or the lines of a longer explanation. */
  readonly hints: string[];

  constructor(
    kind: ErrorKind,
    message: string,
    { hints = [], cause }: { hints?: string[]; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.hints = hints;
  }

  get exitCode(): number {
    return EXIT_CODES[this.kind];
  }
}

/** What ends a run from outside. SIGHUP says that the terminal went, not that the agent must. */
export class Interruption extends UserError {
  override name = "Interruption";
  readonly signal: "SIGINT" | "SIGTERM" | "SIGHUP";

  constructor(signal: "SIGINT" | "SIGTERM" | "SIGHUP") {
    super(signal === "SIGTERM" ? "terminated" : "interrupted", `Interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** An error as it crosses a worker's border and as the terminal shows it. */
export interface ErrorReport {
  exitCode: number;
  lines: string[];
}

/**
 * Describes whatever was thrown: message and hints of a `UserError`, command and stderr of a
 * failed tool, the operating system's words, the stack of anything else. Of a `SuppressedError` the real failure comes
 * first and the teardown's after it.
 */
export function describeError(error: unknown): ErrorReport {
  if (error instanceof SuppressedError) {
    const first = describeError(error.suppressed);
    const second = describeError(error.error);
    return {
      exitCode: first.exitCode,
      lines: [...first.lines, ...second.lines],
    };
  }
  if (error instanceof UserError) {
    const lines = [
      `error: ${printable(error.message)}`,
      ...causeLines(error.cause),
    ];
    for (const hint of error.hints) lines.push(`hint: ${printable(hint)}`);
    return { exitCode: error.exitCode, lines };
  }
  if (hasStderr(error)) {
    return {
      exitCode: EXIT_CODES.unavailable,
      lines: [
        `error: ${printable(error.message)}`,
        ...causeLines(error),
        "hint: claude-bottle doctor",
      ],
    };
  }
  if (isSystemError(error)) {
    return { exitCode: EXIT_CODES.io, lines: [`error: ${printable(error.message)}`] };
  }
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  return {
    exitCode: EXIT_CODES.internal,
    lines: [
      "error: Internal error, please report it:",
      ...text.split("\n").map(printable),
    ],
  };
}

function causeLines(cause: unknown): string[] {
  if (!hasStderr(cause)) return [];
  return cause.result.stderr.trimEnd().split("\n").filter((line) => line !== "")
    .slice(-20).map((line) => `  ${printable(line)}`);
}

/** What the operating system refused: a full disk, a file that is not ours. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^E[A-Z0-9]+$/.test(String(error.code));
}

/** A `CommandError`, recognised by shape so that this file does not import the process runner. */
function hasStderr(
  error: unknown,
): error is Error & { result: { stderr: string } } {
  return error instanceof Error && "result" in error &&
    typeof (error.result as { stderr?: unknown })?.stderr === "string";
}

/**
 * Makes text from elsewhere safe to print: control characters (terminal escapes, carriage
 * returns), bidirectional overrides and line separators become visible escapes. Tabs stay.
 */
export function printable(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
