import { strictEqual } from "node:assert/strict";
import { hostPaths } from "./paths.ts";

Deno.test("hostPaths() follows XDG_CACHE_HOME when it is absolute, and only then", () => {
  strictEqual(hostPaths("/h", undefined).cache, "/h/.cache/claude-bottle");
  strictEqual(hostPaths("/h", "/x").cache, "/x/claude-bottle");
  strictEqual(hostPaths("/h", "relative").cache, "/h/.cache/claude-bottle");
  strictEqual(hostPaths("/h", "/x").state, "/h/.claude-bottle/state");
});
