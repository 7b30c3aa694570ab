import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { UserError } from "../system/errors.ts";
import { parseArguments } from "./arguments.ts";
import type { Command, Input } from "./command.ts";
import { COMMANDS } from "./commands.ts";

function input(argv: string[]): Input {
  const invocation = parseArguments(argv);
  ok(invocation.kind === "run");
  return invocation.input;
}

function usageError(message: RegExp, ...hints: string[]) {
  return (error: unknown) => {
    ok(error instanceof UserError, String(error));
    strictEqual(error.exitCode, 64);
    match(error.message, message);
    deepStrictEqual(error.hints, hints);
    return true;
  };
}

/** The fewest arguments a command can do with. */
function least({ positionals }: Command): string[] {
  return positionals.filter(({ optional }) => !optional).map((_, index) => `p${index}`);
}

Deno.test("parseArguments() knows every command of the design", () => {
  deepStrictEqual(COMMANDS.map(({ name }) => name), [
    "start",
    "attach",
    "resume",
    "exec",
    "get",
    "list",
    "info",
    "init",
    "edit",
    "stop",
    "cleanup",
    "logs",
    "build",
    "doctor",
    "schema",
    "completions",
  ]);
});

for (const command of COMMANDS) {
  const { name, flags, positionals, rest } = command;

  Deno.test(`parseArguments() takes ${name} bare, and each of its flags`, () => {
    const bare = { command: name, switches: [], values: {}, positionals: least(command) };
    deepStrictEqual(input([name, ...least(command)]), bare);
    for (const flag of flags) {
      const argv = [name, ...least(command)];
      if (flag.value === undefined) {
        const switched = { ...bare, switches: [flag.name] };
        deepStrictEqual(input([...argv, `--${flag.name}`]), switched);
        if (flag.short !== undefined) deepStrictEqual(input([...argv, `-${flag.short}`]), switched);
        continue;
      }
      const value = flag.value === "json" ? "json" : "some text";
      const valued = { ...bare, values: { [flag.name]: value } };
      deepStrictEqual(input([...argv, `--${flag.name}=${value}`]), valued);
      deepStrictEqual(input([name, `--${flag.name}`, value, ...least(command)]), valued);
    }
  });

  Deno.test(`parseArguments() refuses what ${name} does not take`, () => {
    for (const flag of flags.filter(({ value }) => value !== undefined)) {
      const value = flag.value === "json" ? "json" : "x";
      const wrong = [
        [`--${flag.name}`],
        [`--${flag.name}=`],
        [`--${flag.name}=${value}`, `--${flag.name}=${value}`],
      ];
      for (const args of wrong) {
        throws(
          () => parseArguments([name, ...least(command), ...args]),
          new RegExp(`Flag "--${flag.name}" takes one ${flag.value}`),
        );
      }
    }
    const many = [...positionals.map(() => "p"), "extra"];
    throws(() => parseArguments([name, ...many]), /Unexpected argument "extra"/);
    if (least(command).length > 0) {
      throws(() => parseArguments([name]), new RegExp(`Missing argument `));
    }
    if (rest === undefined) {
      throws(
        () => parseArguments([name, ...least(command), "--", "x"]),
        /takes nothing after "--"/,
      );
    }
    throws(() => parseArguments([name, ...least(command), "--wat"]), /Unknown flag "--wat"/);
  });

  Deno.test(`parseArguments() answers ${name} --help whatever else is missing`, () => {
    for (const argv of [[name, "--help"], [name, "-h"], ["help", name]]) {
      deepStrictEqual(parseArguments(argv), { kind: "help", command });
    }
  });
}

Deno.test("parseArguments() knows the program's own flags, and bare is list", () => {
  deepStrictEqual(parseArguments(["--version"]), { kind: "version" });
  deepStrictEqual(parseArguments(["-V"]), { kind: "version" });
  for (const argv of [["--help"], ["-h"], ["help"]]) {
    deepStrictEqual(parseArguments(argv), { kind: "help" });
  }
  strictEqual(input([]).command, "list");
});

Deno.test("parseArguments() suggests the nearest command, when one is near", () => {
  throws(
    () => parseArguments(["strat", "x"]),
    usageError(/^Unknown command "strat"$/, 'did you mean "claude-bottle start"', HELP),
  );
  throws(() => parseArguments(["xyzzyplugh"]), usageError(/^Unknown command/, HELP));
  throws(() => parseArguments(["--dry-run"]), usageError(/^Unknown command "--dry-run"$/, HELP));
  throws(() => parseArguments([""]), usageError(/^Unknown command ""$/, HELP));
  throws(() => parseArguments(["help", "toString"]), /Unknown command "toString"/);
});
const HELP = "claude-bottle --help";

Deno.test("parseArguments() suggests the nearest flag, without its value", () => {
  throws(
    () => parseArguments(["start", "web", "--drt-run"]),
    usageError(
      /^Unknown flag "--drt-run"$/,
      'did you mean "--dry-run"',
      "claude-bottle start --help",
    ),
  );
  throws(
    () => parseArguments(["start", "web", "--promt=secret words"]),
    (error) => {
      strictEqual((error as Error).message, 'Unknown flag "--promt"');
      strictEqual((error as UserError).hints[0], 'did you mean "--prompt"');
      return true;
    },
  );
  for (const flag of ["--no-yes", "--constructor", "--__proto__", "-x"]) {
    throws(() => parseArguments(["start", "web", flag]), /^UserError: Unknown flag/, flag);
  }
});

Deno.test("parseArguments() leaves what follows -- alone", () => {
  const argv = ["start", "web", "--yes", "--", "--help", "--yes", "--", "-x", "1"];
  deepStrictEqual(input(argv), {
    command: "start",
    switches: ["yes"],
    values: {},
    positionals: ["web"],
    rest: ["--help", "--yes", "--", "-x", "1"],
  });
  deepStrictEqual(input(["exec", "id", "--"]).rest, []);
  strictEqual(input(["exec", "id"]).rest, undefined);
});

Deno.test("parseArguments() keeps what looks like a number or a switch's value as it is", () => {
  deepStrictEqual(input(["get", "id", "007", "1e3"]).positionals, ["id", "007", "1e3"]);
  deepStrictEqual(input(["start", "--cwd", "web"]), {
    command: "start",
    switches: ["cwd"],
    values: {},
    positionals: ["web"],
  });
  deepStrictEqual(input(["start", "-dy", "web"]).switches, ["detach", "yes"]);
  strictEqual(input(["start", "w", "--prompt", "line 1\nline 2"]).values.prompt, "line 1\nline 2");
});

Deno.test("parseArguments() takes no format but json", () => {
  throws(() => parseArguments(["list", "--format", "yaml"]), /Unknown format "yaml"/);
});
