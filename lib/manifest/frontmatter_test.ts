import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { UserError } from "../system/errors.ts";
import { MAX_MANIFEST_BYTES, parseFrontmatter } from "./frontmatter.ts";

function refuses(text: string, message: RegExp): void {
  throws(() => parseFrontmatter(text, "x.md"), (error) => {
    strictEqual(error instanceof UserError && error.exitCode, 65);
    strictEqual((error as UserError).message.startsWith('Cannot use manifest "x.md": '), true);
    return message.test((error as UserError).message);
  }, text.slice(0, 80));
}

function yaml(text: string): string {
  return `---\n${text}\n---\n`;
}

Deno.test("parseFrontmatter() splits YAML and body", () => {
  deepStrictEqual(parseFrontmatter("---\na: 1\n---\n\n# body\n---\nmore\n", "x.md"), {
    data: { a: 1 },
    body: "# body\n---\nmore",
  });
  deepStrictEqual(parseFrontmatter("\ufeff---\r\na: b\r\n---\r\nbody\r\n", "x.md"), {
    data: { a: "b" },
    body: "body",
  });
  deepStrictEqual(parseFrontmatter("---\n---", "x.md"), { data: {}, body: "" });
});

Deno.test("parseFrontmatter() refuses a file without frontmatter", () => {
  refuses("", /line 1/);
  refuses("a: 1\n", /line 1/);
  refuses("\n---\na: 1\n---\n", /line 1/);
  refuses("---\na: 1\n", /never closed/);
});

Deno.test("parseFrontmatter() names file and line of a YAML error", () => {
  refuses(yaml("a: 1\nb: [1\nc: 2"), /line 4, column 1/);
  refuses(yaml("a: 1\na: 2"), /line 3, column 1: .*duplicated key$/);
  refuses(yaml("a:\n  b: 1\n  'b': 2"), /line 4, column 3: .*duplicated key$/);
  refuses(yaml("a: !!js/function x"), /line 2.*unknown tag/);
  refuses(yaml("a: *x"), /line 2/);
});

Deno.test("parseFrontmatter() refuses anchors and aliases, in every position", () => {
  const anchors = [
    "a: &x 1",
    "a: &x [1]\nb: *x",
    "a: &x foo\nb: *x",
    "a: &x\n  b: 1",
    "a: &x\nb: *x",
    "- &x a\n- *x",
    "[&x a, *x]",
    "{a: &x 1}",
    'a: &x "*"',
    "a: !!str &x foo",
    "base: &b {c: 1}\nd:\n  <<: *b",
    "a: foo\n  'bar\nb: &x 1\nc: d'",
  ];
  for (const text of anchors) refuses(yaml(text), /line \d+: YAML anchors and aliases/);
});

Deno.test("parseFrontmatter() refuses a YAML bomb without expanding it", () => {
  let bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (let level = 1; level < 100; level++) {
    bomb += `a${level}: &a${level} [${Array(10).fill(`*a${level - 1}`).join(", ")}]\n`;
  }
  refuses(yaml(bomb), /line 2: YAML anchors and aliases/);
});

Deno.test("parseFrontmatter() leaves & and * in text alone", () => {
  const text =
    'a: R&D *x*\nb: \'&x\'\nc: "*y"\nd: |\n  * one\n  & two\n# &comment *here\n"k*&": x&y';
  deepStrictEqual(parseFrontmatter(yaml(text), "x.md").data, {
    a: "R&D *x*",
    b: "&x",
    c: "*y",
    d: "* one\n& two\n",
    "k*&": "x&y",
  });
});

Deno.test("parseFrontmatter() has no merge keys, timestamps or binary, and refuses __proto__", () => {
  deepStrictEqual(parseFrontmatter(yaml("<<: {a: 1}\nb: 2024-01-01"), "x.md").data, {
    "<<": { a: 1 },
    b: "2024-01-01",
  });
  refuses(yaml("a: !!binary aGk="), /unknown tag/);
  refuses(yaml("__proto__: {a: 1}"), /"__proto__"/);
  refuses(yaml("a: [{__proto__: x}]"), /"__proto__"/);
});

Deno.test("parseFrontmatter() bounds size and depth", () => {
  refuses(yaml("a".repeat(MAX_MANIFEST_BYTES)), /larger than 256 KiB/);
  refuses(yaml("[".repeat(200_000)), /nested too deeply/);
});
