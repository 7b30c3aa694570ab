import { match, strictEqual } from "node:assert/strict";
import { BOTTLE_ID, mintId } from "./identity.ts";

Deno.test("mintId() appends five digits of base 36, and throws biased bytes away", () => {
  const bytes = [255, 0, 252, 35, 36, 251, 71];
  strictEqual(mintId("web", (buffer) => buffer.fill(bytes.shift()!)), "web-0z0zz");
  strictEqual(bytes.length, 0);
});

Deno.test("mintId() mints what BOTTLE_ID describes, another each time", () => {
  const ids = Array.from({ length: 200 }, () => mintId("a"));
  for (const id of ids) match(id, BOTTLE_ID);
  strictEqual(new Set(ids).size, 200);
  match(mintId("a".repeat(40)), BOTTLE_ID);
});

Deno.test("BOTTLE_ID matches nothing that could be a path, a flag or two lines", () => {
  for (
    const id of [
      "",
      "web",
      "web-1234",
      "web-123456",
      "-web-12345",
      "../x-12345",
      "a/b-12345",
      "WEB-12345",
      "web-12345\n",
      "1web-12345",
      `${"a".repeat(41)}-12345`,
      "web-12_45",
    ]
  ) {
    strictEqual(BOTTLE_ID.test(id), false, JSON.stringify(id));
  }
});
