import { ok, strictEqual } from "node:assert/strict";
import { runProcess } from "../system/process.ts";
import type { HostFacts } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { completions } from "./completions.ts";

/** What the command prints. */
async function script(shell: string): Promise<string> {
  const real = console.log;
  const lines: string[] = [];
  console.log = (text: string) => void lines.push(text);
  try {
    const input = { command: "completions", switches: [], values: {}, positionals: [shell] };
    const signal = new AbortController().signal;
    strictEqual(await completions.run(input, undefined, {} as HostFacts, signal), 0);
  } finally {
    console.log = real;
  }
  return lines.join("\n");
}

/** The part of a script that is about one command. */
function partOf(text: string, shell: string, name: string): string {
  const mark = shell === "fish" ? `__fish_seen_subcommand_from ${name}"` : `    ${name}) `;
  return text.split("\n").filter((line) => line.includes(mark)).join("\n");
}

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`completions ${shell} names every command and each of its flags`, async () => {
    const text = await script(shell);
    for (const { name, flags } of COMMANDS) {
      ok(new RegExp(`\\b${name}\\b`).test(text), name);
      const part = partOf(text, shell, name);
      for (const flag of [...flags.map((flag) => flag.name), "help"]) {
        const spelt = shell === "fish" ? ` -l ${flag} ` : `--${flag}`;
        ok(part.includes(spelt), `${name} --${flag}`);
      }
    }
  });
}

/** Whether a shell is on this machine. */
async function has(shell: string): Promise<boolean> {
  return (await runProcess("sh", ["-c", `command -v ${shell}`])).code === 0;
}

for (const shell of ["bash", "zsh", "fish"]) {
  const ignore = !await has(shell);
  Deno.test({
    name: `completions ${shell} can be read by ${shell}`,
    ignore,
    async fn() {
      const args = shell === "fish" ? ["--no-execute"] : ["-n"];
      const { code, stderr } = await runProcess(shell, args, { stdin: await script(shell) });
      strictEqual(code, 0, stderr);
    },
  });
}

Deno.test({
  name: "completions bash completes commands, and the flags of one",
  ignore: !await has("bash"),
  async fn() {
    const complete = async (...words: string[]) => {
      const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
        COMP_CWORD=${words.length - 1}; _claude_bottle; printf '%s ' "\${COMPREPLY[@]}"`;
      const { stdout } = await runProcess("bash", [], {
        stdin: `${await script("bash")}\n${line}\n`,
      });
      return stdout.trim();
    };
    strictEqual(await complete("claude-bottle", "st"), "start stop");
    strictEqual(await complete("claude-bottle", "start", "--d"), "--detach --dry-run");
    strictEqual(await complete("claude-bottle", "attach", "--"), "--help");
  },
});
