import { strictEqual } from "node:assert/strict";
import { didYouMean, NAME, nearest } from "./names.ts";

Deno.test("NAME accepts names and refuses what could leave a directory or an argument", () => {
  for (const name of ["a", "web", "web-2", "a".repeat(40)]) {
    strictEqual(NAME.test(name), true, name);
  }
  const bad = [
    "",
    "Web",
    "2web",
    "-web",
    "../web",
    "a/b",
    "a.b",
    "a\nb",
    "web\n",
    'a"b',
    "a b",
    "é",
  ];
  for (const name of [...bad, "a".repeat(41)]) strictEqual(NAME.test(name), false, name);
});

Deno.test("nearest() finds the misspelt word and nothing far away", () => {
  strictEqual(nearest("egrss", ["env", "egress"]), "egress");
  strictEqual(nearest("hsot", ["host", "port"]), "host");
  strictEqual(nearest("RUNTIME", ["runtime"]), "runtime");
  strictEqual(nearest("volumes", ["env", "git"]), undefined);
  strictEqual(nearest("x".repeat(100_000), ["x"]), undefined);
  strictEqual(nearest("x", []), undefined);
});

Deno.test("didYouMean() is empty when nothing is near", () => {
  strictEqual(didYouMean("skils", ["skills"]), ', did you mean "skills"');
  strictEqual(didYouMean("zzzzz", ["skills"]), "");
});
