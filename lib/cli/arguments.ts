import { nearest } from "../manifest/names.ts";
import { parseArgs } from "../std/parse_args.ts";
import { UserError } from "../system/errors.ts";
import type { Command, Input } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { usage } from "./help.ts";

/** What the command line asks for. */
export type Invocation =
  | { kind: "version" }
  | { kind: "help"; command?: Command }
  | { kind: "run"; command: Command; input: Input };

/** Reads the command line. Unknown commands and flags suggest the nearest. */
export function parseArguments(argv: string[]): Invocation {
  const [first, ...others] = argv;
  if (first === "--version" || first === "-V") return { kind: "version" };
  if (first === "--help" || first === "-h") return { kind: "help" };
  if (first === "help") {
    return others[0] === undefined
      ? { kind: "help" }
      : { kind: "help", command: findCommand(others[0]) };
  }
  // Bare, it shows what there is.
  const command = findCommand(first ?? "list");
  return parseCommand(command, others);
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((entry) => entry.name === name);
  if (command !== undefined) return command;
  const near = nearest(name, COMMANDS.map((entry) => entry.name));
  throw new UserError("usage", `Unknown command "${name}"`, {
    hints: [
      ...(near === undefined ? [] : [`did you mean "claude-bottle ${near}"`]),
      "claude-bottle --help",
    ],
  });
}

function parseCommand(command: Command, argv: string[]): Invocation {
  const end = argv.indexOf("--");
  const own = end === -1 ? argv : argv.slice(0, end);
  const rest = end === -1 ? undefined : argv.slice(end + 1);
  const switches = command.flags.filter((flag) => flag.value === undefined);
  const valued = command.flags.filter((flag) => flag.value !== undefined);
  const parsed = parseArgs(own, {
    boolean: ["help", ...switches.map((flag) => flag.name)],
    string: ["_", ...valued.map((flag) => flag.name)],
    alias: Object.fromEntries([
      ["h", "help"],
      ...command.flags.filter((flag) => flag.short !== undefined)
        .map((flag) => [flag.short!, flag.name]),
    ]),
    unknown: (arg, key) => {
      if (key === undefined) return true;
      throw unknownFlag(command, arg);
    },
  });
  if (parsed.help === true) return { kind: "help", command };

  for (const { name } of switches) {
    if (!own.some((arg) => arg.startsWith(`--${name}=`))) continue;
    throw misuse(command, `Flag "--${name}" takes no value`); // "--yes=no" is no yes
  }
  const values: Record<string, string> = {};
  for (const flag of valued) {
    const value = parsed[flag.name];
    if (value === undefined) continue;
    const given = own.filter((arg) =>
      arg === `--${flag.name}` || arg.startsWith(`--${flag.name}=`)
    );
    if (typeof value !== "string" || value === "" || given.length > 1) {
      throw misuse(command, `Flag "--${flag.name}" takes one ${flag.value}`);
    }
    if (flag.value === "json" && value !== "json") {
      throw misuse(command, `Unknown format "${value}": only "json" is known`);
    }
    values[flag.name] = value;
  }
  const positionals = parsed._.map(String);
  const required = command.positionals.filter((positional) => !positional.optional);
  if (positionals.length < required.length) {
    const missing = required[positionals.length]!.name;
    throw misuse(command, `Missing argument ${missing}`);
  }
  if (positionals.length > command.positionals.length) {
    throw misuse(command, `Unexpected argument "${positionals[command.positionals.length]}"`);
  }
  if (rest !== undefined && command.rest === undefined) {
    throw misuse(command, `Command "${command.name}" takes nothing after "--"`);
  }
  return {
    kind: "run",
    command,
    input: {
      command: command.name,
      switches: switches.filter((flag) => parsed[flag.name] === true).map((flag) => flag.name),
      values,
      positionals,
      ...(rest !== undefined && { rest }),
    },
  };
}

function unknownFlag(command: Command, arg: string): UserError {
  const name = arg.replace(/^-+/, "").replace(/=.*$/s, "");
  const near = nearest(name, command.flags.map((flag) => flag.name));
  return new UserError("usage", `Unknown flag "${arg.replace(/=.*$/s, "")}"`, {
    hints: [
      ...(near === undefined ? [] : [`did you mean "--${near}"`]),
      `claude-bottle ${command.name} --help`,
    ],
  });
}

function misuse(command: Command, message: string): UserError {
  return new UserError("usage", message, { hints: [`usage: ${usage(command)}`] });
}
