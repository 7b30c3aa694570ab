import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";

/** A command's usage, in one line. */
export function usage(command: Command): string {
  return [
    "claude-bottle",
    command.name,
    ...(command.flags.length === 0 ? [] : ["[FLAGS]"]),
    ...command.positionals.map(({ name, optional }) => optional ? `[${name}]` : name),
    ...(command.rest === undefined ? [] : [`[-- ${command.rest}]`]),
  ].join(" ");
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const flags = [...command.flags, { name: "help", short: "h", summary: "print this" }].map(
    (flag) => {
      const short = flag.short === undefined ? "    " : `-${flag.short}, `;
      const value = "value" in flag && flag.value !== undefined ? ` ${flag.value}` : "";
      return [`${short}--${flag.name}${value}`, flag.summary] as const;
    },
  );
  return [
    `${sentence(command.summary)}`,
    "",
    `usage: ${usage(command)}`,
    ...(command.details === undefined ? [] : ["", command.details]),
    "",
    columns(flags),
  ].join("\n");
}

/** The help of the program. */
export function programHelp(): string {
  return [
    "Runs a coding agent without permission prompts in a disposable bottle: what its",
    "manifest grants, and nothing else.",
    "",
    "usage: claude-bottle COMMAND [FLAGS] …",
    "",
    columns(COMMANDS.map(({ name, summary }) => [name, summary])),
    "",
    "claude-bottle COMMAND --help   more about a command",
    "claude-bottle --version        the version",
  ].join("\n");
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

function columns(rows: (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
