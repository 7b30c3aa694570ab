import { UserError } from "../system/errors.ts";
import type { CommandModule, Flag } from "./command.ts";
import { COMMANDS } from "./commands.ts";

export const completions: CommandModule = {
  run(input) {
    const shell = input.positionals[0]!;
    const scripts: Record<string, () => string> = { bash, zsh, fish };
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (script === undefined) {
      throw new UserError("usage", `Unknown shell "${shell}"`, { hints: ["bash, zsh or fish"] });
    }
    console.log(script());
    return Promise.resolve(0);
  },
};

const names = () => COMMANDS.map(({ name }) => name).join(" ");
const flagsOf = (index: number) =>
  [...COMMANDS[index]!.flags.map(({ name }) => `--${name}`), "--help"].join(" ");

function bash(): string {
  const cases = COMMANDS.map(({ name }, i) => `    ${name}) words="${flagsOf(i)}" ;;`).join("\n");
  return `# claude-bottle completions bash > /etc/bash_completion.d/claude-bottle
_claude_bottle() {
  local words
  if [ "$COMP_CWORD" -eq 1 ]; then words="${names()} --help --version"
  else case "\${COMP_WORDS[1]}" in
${cases}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _claude_bottle claude-bottle`;
}

function zsh(): string {
  const cases = COMMANDS.map(({ name }, i) => `    ${name}) compadd -- ${flagsOf(i)} ;;`).join(
    "\n",
  );
  return `#compdef claude-bottle
_claude_bottle() {
  if (( CURRENT == 2 )); then
    compadd -- ${names()} --help --version
  else case "\${words[2]}" in
${cases}
  esac; fi
}
compdef _claude_bottle claude-bottle`;
}

const HELP: Flag = { name: "help", short: "h", summary: "print its help" };

function fish(): string {
  const lines = COMMANDS.flatMap(({ name, summary, flags }) => [
    `complete -c claude-bottle -f -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ...[...flags, HELP].map((flag) =>
      `complete -c claude-bottle -n "__fish_seen_subcommand_from ${name}" -l ${flag.name}` +
      `${flag.short === undefined ? "" : ` -s ${flag.short}`}` +
      `${flag.value === undefined ? "" : " -r"} -d ${quoted(flag.summary)}`
    ),
  ]);
  return [
    ...lines,
    "complete -c claude-bottle -n __fish_use_subcommand -l help -d 'print the help'",
    "complete -c claude-bottle -n __fish_use_subcommand -l version -d 'print the version'",
  ].join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
