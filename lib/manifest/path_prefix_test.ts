import { deepStrictEqual, match } from "node:assert/strict";
import { canonicalPathPrefix } from "./path_prefix.ts";

Deno.test("canonicalPathPrefix() accepts canonical prefixes as they are", () => {
  for (const path of ["/", "/v1", "/v1/", "/a.b/..c/~x", "/a%20b", "/a:b@c,d=e"]) {
    deepStrictEqual(canonicalPathPrefix(path), { value: path });
  }
});

Deno.test("canonicalPathPrefix() refuses every ambiguous spelling", () => {
  for (
    const [path, message] of [
      ["v1", /must start with "\/"/],
      ["", /must start with "\/"/],
      ["/a/../b", /segments/],
      ["/a/.", /segments/],
      ["/a/%2e%2E/b", /segments/],
      ["/a/%2e./b", /segments/],
      ["/a%2fb", /servers read differently/],
      ["/a%2Fb", /servers read differently/],
      ["/a%5cb", /servers read differently/],
      ["/a%3bb", /servers read differently/],
      ["/a%252fb", /servers read differently/],
      ["/a%00", /servers read differently/],
      ["/a//b", /"\/\/"/],
      ["//a", /"\/\/"/],
      ["/a?b", /query/],
      ["/a#b", /fragment/],
      ["/a\\b", /backslash/],
      ["/a;b", /";"/],
      ["/v1/*", /every path is a prefix/],
      ["/100%", /stray "%"/],
      ["/%41", /must be written "\/A"/],
      ["/a%c3%a9", /must be written "\/a%C3%A9"/],
      ["/é", /must be written "\/%C3%A9"/],
      ["/a b", /must be written "\/a%20b"/],
      ["/a\0", /must be written/],
      ["/\ud800", /must be written/],
    ] as const
  ) {
    const result = canonicalPathPrefix(path);
    match("problem" in result ? result.problem : "accepted", message, path);
  }
});
