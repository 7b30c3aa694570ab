import { match, ok, strictEqual } from "node:assert/strict";
import { COMMANDS } from "./commands.ts";
import { commandHelp, programHelp, usage } from "./help.ts";

Deno.test("programHelp() names every command with its summary", () => {
  const lines = programHelp().split("\n");
  for (const { name, summary } of COMMANDS) {
    ok(lines.some((line) => new RegExp(`^  ${name} +`).test(line) && line.endsWith(summary)), name);
  }
  ok(lines.every((line) => line.length <= 100));
});

for (const command of COMMANDS) {
  Deno.test(`commandHelp() of ${command.name} names its arguments and flags`, () => {
    const text = commandHelp(command);
    ok(text.includes(`usage: ${usage(command)}`));
    for (const { name } of command.positionals) ok(usage(command).includes(name));
    for (const flag of [...command.flags, { name: "help", summary: "print this" }]) {
      match(
        text,
        new RegExp(`--${flag.name}\\b.*  ${flag.summary.replace(/[.*+?()[\]]/g, "\\$&")}`),
      );
    }
    ok(text.split("\n").every((line) => line.length <= 100));
  });
}

Deno.test("usage() shows what is optional and what may follow --", () => {
  const get = COMMANDS.find(({ name }) => name === "get")!;
  strictEqual(usage(get), "claude-bottle get ID [PATH] DEST");
  const exec = COMMANDS.find(({ name }) => name === "exec")!;
  strictEqual(usage(exec), "claude-bottle exec ID [-- the command]");
});
