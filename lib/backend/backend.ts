import { UserError } from "../system/errors.ts";
import type { RunResult } from "../system/process.ts";

/** The backends there are. */
export type BackendName = "docker";

/** A port in the bottle behind which a sidecar answers. */
export interface Service {
  name: "proxy";
  /** On 127.0.0.1 in the bottle. */
  port: number;
  /** The sidecar's socket, as a path in the bottle. */
  socket: string;
}

export interface Resources {
  cpus?: number;
  /** Bytes. */
  memory: number;
  pids: number;
}

/** A bottle as the core wants it: no backend's words. */
export interface BottleSpec {
  id: string;
  /** The state store that knows this bottle. */
  owner: string;
  agent: string;
  /** An image ID. */
  image: string;
  services: Service[];
  resources: Resources;
  runtime?: "runsc";
}

/** What a backend will do for a bottle, as data: what `--dry-run` prints. */
export interface BackendPlan {
  spec: BottleSpec;
  /** What is created, by the backend's own names. */
  names: Record<string, string>;
  /** `docker run --mount` values for the bundle, which put its sockets where the bottle finds them. */
  bundleMounts: string[];
  /** Commands that start the bottle, for the reader of a plan. */
  commands: string[][];
}

/** How backends differ, as data. The core decides on these and never on a name. */
export interface Capabilities {
  /** `runtime: runsc` can be honoured. */
  runtimes: readonly "runsc"[];
}

/** What a bottle is doing. */
export type BottleState =
  | { status: "running" }
  /** `code` is the agent's when it ended by itself. */
  | { status: "stopped"; code: number }
  | { status: "gone" };

/** A bottle found by its labels. */
export interface FoundBottle {
  id: string;
  /** The state store that knows it. */
  owner: string;
  agent: string;
  status: "running" | "stopped" | "incomplete";
  /** Everything that carries the bottle's label, for `cleanup`. */
  parts: string[];
  /** Undefined when no container of it is left. */
  createdAt?: Date;
}

export interface ExecOptions {
  /** Names and values; a value never appears on an argv. */
  env?: Record<string, string>;
  stdin?: string | Uint8Array | ReadableStream<Uint8Array>;
  workdir?: string;
  signal?: AbortSignal;
}

/** A command's bottle stopped, or was removed, while the command ran. */
export class BottleStopped extends UserError {
  override name = "BottleStopped";

  constructor(id: string) {
    super("unavailable", `Bottle "${id}" was stopped meanwhile`, { hints: ["claude-bottle list"] });
  }
}

/** A bottle that exists. Disposing removes it; twice is harmless. */
export interface Session extends AsyncDisposable {
  readonly id: string;
  /** Runs a command as the agent's user to its end; throws `BottleStopped` when that comes first. */
  exec(argv: string[], options?: ExecOptions): Promise<RunResult>;
  /** The same on the caller's terminal, or on its plain streams; returns the exit code. */
  interact(argv: string[], options: ExecOptions & { tty: boolean }): Promise<number>;
  /** The files below `path` as a tar stream; also of a stopped bottle. Hostile input. */
  get(path: string, signal: AbortSignal): AsyncDisposable & { tar: ReadableStream<Uint8Array> };
  state(signal?: AbortSignal): Promise<BottleState>;
  /** Resolves when the bottle has stopped, or when `signal` says that this is long enough. */
  wait(signal: AbortSignal): Promise<BottleState>;
  /** Ends every process and keeps the files. */
  stop(): Promise<void>;
  /** What disposing does; what the sidecars share with the bottle goes once `sidecars` settles. */
  remove(sidecars: Promise<unknown>): Promise<void>;
}

/** A way to run bottles. */
export interface Backend {
  readonly name: BackendName;
  readonly capabilities: Capabilities;
  /** Throws a `UserError` naming what this machine lacks for such a bottle, beside an engine. */
  probe(options: { runtime?: "runsc" }, signal: AbortSignal): Promise<void>;
  /** Decides everything about a bottle. Pure: MUST NOT run anything. */
  plan(spec: BottleSpec): BackendPlan;
  /**
   * Starts a bottle; resolves when commands can be run in it. Its forwarders start once `ca`
   * (PEM) has arrived. When it rejects, the caller disposes what `open` returns.
   */
  launch(plan: BackendPlan, ca: Promise<string>, signal: AbortSignal): Promise<Session>;
  /** Starts a stopped bottle again, with the files it had. */
  restart(plan: BackendPlan, ca: Promise<string>, signal: AbortSignal): Promise<Session>;
  /** A handle on a bottle that exists, or that may: disposing removes whatever there is. */
  open(id: string): Session;
  /** Every bottle and every part of one that carries our labels. */
  list(signal: AbortSignal): Promise<FoundBottle[]>;
}
