/** What a finished process did. */
export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Text, bytes or a stream for the child's stdin; without it stdin is empty. */
  stdin?: string | Uint8Array | ReadableStream<Uint8Array>;
  /** Variables added to the inherited environment: the only way a secret reaches a child. */
  env?: Record<string, string>;
  cwd?: string;
  signal?: AbortSignal;
}

/** Runs a command to its end and says what happened; a non-zero code is not an error here. */
export type Run = (
  command: string,
  args: string[],
  options?: RunOptions,
) => Promise<RunResult>;

/** A command that ended with a code that the caller did not expect. */
export class CommandError extends Error {
  override name = "CommandError";
  readonly argv: string[];
  readonly result: RunResult;

  constructor(argv: string[], result: RunResult) {
    // A script among the arguments would bury what went wrong; `argv` has all of it.
    const shown = argv.map((arg) => arg.length > 200 ? `${arg.slice(0, 40)}…` : arg);
    super(`Command failed with exit code ${result.code}: ${quote(shown)}`);
    this.argv = argv;
    this.result = result;
  }
}

/** Runs `argv` and returns its stdout; throws a `CommandError` unless it exits with 0. */
export async function check(
  run: Run,
  argv: [string, ...string[]],
  options?: RunOptions,
): Promise<string> {
  const [command, ...args] = argv;
  const result = await run(command, args, options);
  if (result.code !== 0) throw new CommandError(argv, result);
  return result.stdout;
}

/** The real `Run`. */
export const runProcess: Run = async (command, args, options = {}) => {
  const child = spawn(command, args, options);
  const feeding = feed(child, options.stdin);
  feeding.catch(() => {}); // awaited below, when the child it has killed is gone
  // Drained together: a child that fills one pipe while we read the other would hang.
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.status,
  ]);
  options.signal?.throwIfAborted();
  await feeding;
  return { code: status.code, stdout, stderr };
};

/** A process whose output is read while it runs. */
export interface Streaming extends AsyncDisposable {
  /** The child's stdout, to be read to its end or cancelled. */
  stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Writes to the child's stdin and leaves it open. */
  write(text: string): Promise<void>;
  /** Closes stdin, waits for the end and reports it; `stdout` is then what nobody read. */
  end(): Promise<RunResult>;
}

/** Starts a process and hands out its streams; disposing kills it (SIGKILL) and waits. */
export type Stream = (
  command: string,
  args: string[],
  options?: RunOptions,
) => Streaming;

/** The real `Stream`. */
export const streamProcess: Stream = (command, args, options = {}) => {
  const child = spawn(command, args, { ...options, stdin: "" });
  const stderr = new Response(child.stderr).text();
  const writer = child.stdin.getWriter();
  const feeding = options.stdin === undefined
    ? undefined
    : (writer.releaseLock(), feed(child, options.stdin));
  feeding?.catch(() => {}); // whoever calls end() is told
  return {
    stdout: child.stdout,
    write: (text) => writer.write(new TextEncoder().encode(text)),
    async end() {
      if (feeding === undefined) await writer.close().catch(() => {});
      const [errors, status] = await Promise.all([
        stderr,
        child.status,
        feeding,
      ]);
      return { code: status.code, stdout: "", stderr: errors };
    },
    async [Symbol.asyncDispose]() {
      kill(child);
      await Promise.all([
        child.status,
        stderr.catch(() => {}),
        feeding?.catch(() => {}),
        feeding === undefined ? writer.close().catch(() => {}) : undefined,
        // A reader that has the stream ends with the process; what nobody reads is given up.
        child.stdout.locked ? undefined : child.stdout.cancel().catch(() => {}),
      ]);
    },
  };
};

/** Runs a command on the user's own terminal (all three streams inherited); returns its code. */
export type Interact = (
  command: string,
  args: string[],
  options?: {
    env?: Record<string, string>;
    signal?: AbortSignal;
    stdin?: "inherit" | "null";
  },
) => Promise<number>;

/** The real `Interact`. */
export const interactProcess: Interact = async (
  command,
  args,
  options = {},
) => {
  const child = new Deno.Command(command, {
    args,
    ...(options.env && { env: options.env }),
    stdin: options.stdin ?? "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  killOnAbort(child, options.signal);
  const { code } = await child.status;
  options.signal?.throwIfAborted();
  return code;
};

/**
 * Kills a child whose run was aborted. With SIGKILL, which Deno's own `signal` does not send:
 * docker's clients take SIGTERM as a wish and can wait for ever on a container that is gone.
 */
function killOnAbort(child: Deno.ChildProcess, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const abort = () => kill(child);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  const done = () => signal.removeEventListener("abort", abort);
  child.status.then(done, done);
}

function spawn(command: string, args: string[], options: RunOptions) {
  options.signal?.throwIfAborted();
  const child = new Deno.Command(command, {
    args,
    ...(options.env && { env: options.env }),
    ...(options.cwd && { cwd: options.cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  killOnAbort(child, options.signal);
  return child;
}

/** Feeds stdin and closes it. A child that exits without reading all is judged by its code. */
async function feed(
  child: Pick<Deno.ChildProcess, "stdin" | "status" | "kill">,
  input: RunOptions["stdin"],
): Promise<void> {
  const { stdin } = child;
  if (input instanceof ReadableStream) {
    // A source that stalls would otherwise outlast its reader: nothing is written, so no EPIPE.
    const ended = new AbortController();
    child.status.then(() => ended.abort(), () => {});
    try {
      await input.pipeTo(stdin, { signal: ended.signal });
    } catch (error) {
      // The child's end and EPIPE are its own business.
      if (error === ended.signal.reason || error instanceof Deno.errors.BrokenPipe) return;
      // A failing source is ours: what came so far must not look like all of it.
      kill(child);
      throw error;
    }
    return;
  }
  const writer = stdin.getWriter();
  try {
    if (input !== undefined && input.length > 0) {
      await writer.write(
        typeof input === "string" ? new TextEncoder().encode(input) : input,
      );
    }
    await writer.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

function kill(child: Pick<Deno.ChildProcess, "kill">): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
}

/** Quotes an argv for a POSIX shell, so that a message can be pasted. */
export function quote(argv: string[]): string {
  return argv.map((arg) => /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`)
    .join(" ");
}

/** Lines of a stream, one at a time. */
export interface LineReader {
  /** The next line without its end; undefined when the stream ends before one is complete. */
  next(): Promise<string | undefined>;
  /** Gives the rest of the stream up. */
  cancel(): Promise<void>;
}

/** Reads a stream by lines: for a conversation with a process that goes on. */
export function readLines(stream: ReadableStream<Uint8Array>): LineReader {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  return {
    async next() {
      while (true) {
        const end = text.indexOf("\n");
        if (end !== -1) {
          const line = text.slice(0, end);
          text = text.slice(end + 1);
          return line;
        }
        const { done, value } = await reader.read();
        if (done) return undefined;
        text += decoder.decode(value, { stream: true });
      }
    },
    cancel: () => reader.cancel().catch(() => {}),
  };
}
