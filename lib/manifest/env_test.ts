import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { envSchema, expandTemplate, RESERVED_ENV } from "./env.ts";

Deno.test("envSchema() classifies values", () => {
  deepStrictEqual(
    envSchema().parse({
      A: "text $HOME $5",
      B: "${X}",
      C: "pg://${USER_NAME}:${PASS}@h/${PASS}",
      D: "? Key for staging ",
      E: "",
      F: "?",
      toString: "x",
    }),
    {
      A: { kind: "literal", value: "text $HOME $5" },
      B: { kind: "host", template: "${X}", names: ["X"] },
      C: {
        kind: "host",
        template: "pg://${USER_NAME}:${PASS}@h/${PASS}",
        names: ["USER_NAME", "PASS"],
      },
      D: { kind: "prompt", question: "Key for staging" },
      E: { kind: "literal", value: "" },
      F: { kind: "prompt", question: "" },
      toString: { kind: "literal", value: "x" },
    },
  );
});

Deno.test("envSchema() refuses values that would not arrive as written", () => {
  for (
    const [value, message] of [
      ["${", /never closed/],
      ["${X", /never closed/],
      ["${}", /not of the form/],
      ["${X:-y}", /not of the form/],
      ["${a b}", /not of the form/],
      ["a\0b", /NUL/],
      [8080, /put the value in quotes/],
      [true, /put the value in quotes/],
      [null, /put the value in quotes/],
    ] as const
  ) match(envSchema().safeParse({ A: value }).error?.issues[0]?.message ?? "", message);
});

Deno.test("envSchema() refuses bad and reserved names in any case", () => {
  for (const name of ["A-B", "1A", "", "A B", "A\n", "A=B", "é"]) {
    strictEqual(envSchema().safeParse({ [name]: "x" }).success, false, name);
  }
  for (const name of RESERVED_ENV) {
    strictEqual(envSchema().safeParse({ [name]: "x" }).success, false, name);
    strictEqual(envSchema().safeParse({ [name.toLowerCase()]: "x" }).success, false, name);
  }
  strictEqual(envSchema().safeParse({ HTTP_PROXY_X: "x", PATHS: "x" }).success, true);
});

Deno.test("expandTemplate() replaces each name once and does not expand values", () => {
  const host: Record<string, string> = { A: "${B}$&", B: "b" };
  strictEqual(expandTemplate("<${A}|${B}|$B>", (name) => host[name] ?? ""), "<${B}$&|b|$B>");
});
