import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { describeError, EXIT_CODES, Interruption, printable, UserError } from "./errors.ts";
import { CommandError } from "./process.ts";

const failed = (stderr: string) =>
  new CommandError(["docker", "ps"], { code: 1, stdout: "", stderr });

Deno.test("EXIT_CODES are those of the design", () => {
  deepStrictEqual(EXIT_CODES, {
    usage: 64,
    manifest: 65,
    unavailable: 69,
    internal: 70,
    create: 73,
    io: 74,
    refused: 77,
    interrupted: 130,
    terminated: 143,
  });
});

Deno.test("describeError() shows message, the tool's stderr and hints of a UserError", () => {
  const error = new UserError("create", "Cannot do it", {
    hints: ["type this", "or this"],
    cause: failed("one\n\ntwo\n"),
  });
  deepStrictEqual(describeError(error), {
    exitCode: 73,
    lines: ["error: Cannot do it", "  one", "  two", "hint: type this", "hint: or this"],
  });
});

Deno.test("describeError() keeps the stderr of a failed command, its last 20 lines", () => {
  const stderr = Array.from({ length: 30 }, (_, i) => `line ${i}`).join("\n");
  const { exitCode, lines } = describeError(failed(stderr));
  strictEqual(exitCode, 69);
  strictEqual(lines[0], "error: Command failed with exit code 1: docker ps");
  deepStrictEqual([lines[1], lines[20]], ["  line 10", "  line 29"]);
  strictEqual(lines[21], "hint: claude-bottle doctor");
});

Deno.test("describeError() puts the real failure before the teardown's", async () => {
  const fail = async () => {
    await using undo = new AsyncDisposableStack();
    undo.defer(() => {
      throw new UserError("io", "Cannot remove it");
    });
    throw new UserError("refused", "Cannot trust it");
  };
  const error = await fail().catch((error) => error);
  strictEqual(error instanceof SuppressedError, true);
  deepStrictEqual(describeError(error), {
    exitCode: 77,
    lines: ["error: Cannot trust it", "error: Cannot remove it"],
  });
});

Deno.test("describeError() takes an operating system's error for no bug of ours", async () => {
  const error = await Deno.readTextFile("/does/not/exist").catch((error) => error);
  const { exitCode, lines } = describeError(error);
  strictEqual(exitCode, 74);
  match(lines[0]!, /^error: No such file or directory .*\/does\/not\/exist/);
});

Deno.test("describeError() shows the stack of anything else, as our bug", () => {
  const { exitCode, lines } = describeError(new TypeError("x is \x1b[31mred"));
  strictEqual(exitCode, 70);
  strictEqual(lines[0], "error: Internal error, please report it:");
  strictEqual(lines[1], "TypeError: x is \\u001b[31mred");
  match(lines[2]!, /errors_test\.ts/);
  deepStrictEqual(describeError("text").lines[1], "text");
});

Deno.test("Interruption has the exit code of its signal", () => {
  const codes = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) =>
    describeError(new Interruption(signal)).exitCode
  );
  deepStrictEqual(codes, [130, 143, 130]);
});

Deno.test("printable() shows what would act on a terminal or deceive its reader", () => {
  const cases: [string, string][] = [
    ["\x1b]0;title\x07", "\\u001b]0;title\\u0007"], // a window's title
    ["\x9b31m", "\\u009b31m"], // CSI in one character
    ["a\rb\nc", "a\\u000db\\u000ac"],
    ["\x00\x08\x7f", "\\u0000\\u0008\\u007f"],
    ["\u202egpj.exe", "\\u202egpj.exe"], // right to left
    ["\u2066x\u2069\u200f\u061c", "\\u2066x\\u2069\\u200f\\u061c"],
    ["\u2028\u2029\ufeff\u200b\u2060", "\\u2028\\u2029\\ufeff\\u200b\\u2060"],
  ];
  for (const [text, shown] of cases) strictEqual(printable(text), shown);
  strictEqual(printable("tab\tand ünïcode 漢字 שלום 🍾"), "tab\tand ünïcode 漢字 שלום 🍾");
  strictEqual(printable(printable("\x1b")), "\\u001b"); // twice is once
});
