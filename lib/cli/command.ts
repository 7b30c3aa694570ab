import type { Inquiry } from "../bottle/inquiry.ts";

/** What a command needs beyond what every runner has: exactly this, and nothing else. */
export interface Grants {
  read: string[];
  write: string[];
  /** Environment variables, by name: main.ts hands their values over. */
  env: string[];
  /** Small text files, by path: main.ts hands their content over, as it does with variables. */
  texts: string[];
  /** Programs, as absolute paths. */
  run: string[];
  /** Reading and writing anywhere: only where a command's purpose is to write where it is told. */
  anywhere?: boolean;
}

/** One flag. */
export interface Flag {
  name: string;
  /** What its value is called; without it the flag is a switch. */
  value?: string;
  summary: string;
  short?: string;
}

/** One positional argument. */
export interface Positional {
  name: string;
  optional?: boolean;
}

/** What the command line said, checked against the table. */
export interface Input {
  command: string;
  switches: string[];
  values: Record<string, string>;
  positionals: string[];
  /** What followed `--`; undefined when there was no `--`. */
  rest?: string[];
}

/** What the host is, found out once by main.ts, which may look. */
export interface HostFacts {
  home: string;
  cwd: string;
  xdgCacheHome?: string;
  /** Absolute paths of the tools that exist. */
  tools: Partial<Record<"docker" | "smolvm", string>>;
  /** An editor that EDITOR or VISUAL names, as an absolute path with its arguments. */
  editor?: string[];
  tty: { stdin: boolean; stdout: boolean; stderr: boolean };
  color: boolean;
  /** TERM and COLORTERM. */
  terminal: Record<string, string>;
  /** References of images that replace the defaults: tests and mirrors. */
  nodeImage?: string;
  /** Values of the variables that the reader found to be needed; empty in the reader. */
  env: Record<string, string>;
  /** Content of the text files that the reader found to be needed; absent when unreadable. */
  texts: Record<string, string>;
  backend?: string;
  version: string;
}

/** What the reader found out, and what the runner may therefore do. */
export interface Needs<Data = unknown> {
  grants: Partial<Grants>;
  data: Data;
}

/** Runs in the reader: reads manifests and settings, decides what the runner needs. */
export type Read<Data = unknown> = (input: Input, host: HostFacts) => Promise<Needs<Data>>;

/** Asks the engine what a command will want to know, while the reader still reads. */
export type Inquire = (input: Input, host: HostFacts, signal: AbortSignal) => Inquiry | undefined;

/** The code of a command that runs in the runner. */
export interface CommandModule<Data = unknown> {
  /** Runs in the runner; resolves with the exit code. */
  run(
    input: Input,
    data: Data,
    host: HostFacts,
    signal: AbortSignal,
    inquiry?: Inquiry,
  ): Promise<number>;
}

/** An entry of the command table. */
export interface Command {
  name: string;
  summary: string;
  /** Paragraphs of the command's help, after its usage. */
  details?: string;
  positionals: Positional[];
  flags: Flag[];
  /** What `--` introduces, when it may. */
  rest?: string;
  /** The reader's part, where the command has one: it loads no more than that needs. */
  read?(): Promise<Read>;
  /** The questions that the runner can ask the engine at once, where the command has any. */
  inquire?(): Promise<Inquire>;
  load(): Promise<CommandModule>;
}
