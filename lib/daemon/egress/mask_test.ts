import { strictEqual } from "node:assert/strict";
import { Masker, Patterns } from "./mask.ts";

const SECRET = "sk-ant-0123456789";

function masker(...texts: string[]): Masker {
  return new Masker(new Patterns(texts.map((text) => Buffer.from(text))));
}

function run(mask: Masker, chunks: string[]): string {
  const out = chunks.map((chunk) => mask.push(Buffer.from(chunk)).toString());
  return out.join("") + mask.end().toString();
}

Deno.test("Masker replaces a secret, same length, and nothing else", () => {
  const text = `a ${SECRET} b ${SECRET}${SECRET}`;
  const stars = "*".repeat(SECRET.length);
  strictEqual(run(masker(SECRET), [text]), `a ${stars} b ${stars}${stars}`);
  strictEqual(
    run(masker(SECRET), ["sk-ant-012345678", "X"]),
    "sk-ant-012345678X",
  );
});

Deno.test("Masker finds a secret cut at every offset, into two and into three", () => {
  const text = `<${SECRET}>`;
  const expected = `<${"*".repeat(SECRET.length)}>`;
  for (let i = 0; i <= text.length; i++) {
    strictEqual(
      run(masker(SECRET), [text.slice(0, i), text.slice(i)]),
      expected,
      `${i}`,
    );
    for (let j = i; j <= text.length; j++) {
      const chunks = [text.slice(0, i), text.slice(i, j), text.slice(j)];
      strictEqual(run(masker(SECRET), chunks), expected, `${i} ${j}`);
    }
  }
  strictEqual(run(masker(SECRET), [...text]), expected);
});

Deno.test("Masker finds secrets that overlap, in one chunk and across", () => {
  const text = "xabcdefghiy";
  for (let i = 0; i <= text.length; i++) {
    const chunks = [text.slice(0, i), text.slice(i)];
    strictEqual(run(masker("abcdef", "defghi"), chunks), "x*********y", `${i}`);
    strictEqual(run(masker("abcdefghi", "cde"), chunks), "x*********y", `${i}`);
  }
  strictEqual(run(masker("aba"), ["ab", "aba"]), "*****");
  strictEqual(run(masker("aab"), ["aa", "ab"]), "a***");
});

Deno.test("Masker never delays a stream that holds no beginning of a secret", () => {
  const mask = masker(SECRET);
  for (
    const event of ["data: 1\n\n", "data: {}\n\n", "s\n", "data: sk-an\n\n"]
  ) {
    strictEqual(mask.push(Buffer.from(event)).toString(), event);
  }
  strictEqual(mask.end().length, 0);
});

Deno.test("Masker holds back the beginning of a secret and not a byte more", () => {
  for (let length = 1; length < SECRET.length; length++) {
    const mask = masker(SECRET);
    const text = `xyz${SECRET.slice(0, length)}`;
    strictEqual(mask.push(Buffer.from(text)).toString(), "xyz");
    strictEqual(mask.end().toString(), SECRET.slice(0, length));
  }
});

Deno.test("Masker leaves the caller's bytes as they are", () => {
  const chunk = Buffer.from(SECRET);
  masker(SECRET).push(chunk);
  strictEqual(chunk.toString(), SECRET);
});

Deno.test("Patterns.maskText() masks a header's text", () => {
  const patterns = new Patterns([Buffer.from(SECRET), Buffer.from("")]);
  strictEqual(
    patterns.maskText(`Bearer ${SECRET}`),
    `Bearer ${"*".repeat(SECRET.length)}`,
  );
  strictEqual(patterns.maskText("caf\u00e9"), "caf\u00e9");
  strictEqual(new Patterns([]).maskText("x"), "x");
});
