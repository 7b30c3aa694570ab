import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { EventEmitter } from "node:events";
import { eachLine } from "./json_lines.ts";

/** A source that is fed by hand. */
class Source extends EventEmitter {
  ended: Error | undefined;
  setEncoding(encoding: "utf8") {
    strictEqual(encoding, "utf8");
  }
  destroy(error: Error) {
    this.ended = error;
  }
}

function collect(chunks: string[]): { lines: string[]; source: Source } {
  const source = new Source();
  const lines: string[] = [];
  eachLine(source, (line) => lines.push(line));
  for (const chunk of chunks) source.emit("data", chunk);
  return { lines, source };
}

Deno.test("eachLine() hands out whole lines, however they are cut", () => {
  for (const chunks of [["a\nbc\n\nd"], ["a", "\nb", "c\n", "\n", "d"], ["", "a\nbc\n\n", "d"]]) {
    deepStrictEqual(collect(chunks).lines, ["a", "bc", ""]);
  }
});

Deno.test("eachLine() ends a source whose line is too long", () => {
  const chunk = "x".repeat(8 * 1024 * 1024);
  strictEqual(collect([chunk, chunk]).source.ended, undefined);
  const { lines, source } = collect([chunk, chunk, "y"]);
  match(source.ended!.message, /too long/);
  deepStrictEqual(lines, []);
});
