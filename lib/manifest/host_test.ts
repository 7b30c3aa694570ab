import { deepStrictEqual, match, ok } from "node:assert/strict";
import { canonicalHost, canonicalHostPattern, extraHosts, isIpLiteral } from "./host.ts";

Deno.test("canonicalHost() lower-cases and applies IDNA", () => {
  for (
    const [written, value] of [
      ["api.example.com", "api.example.com"],
      ["API.Example.COM", "api.example.com"],
      ["Exämple.com", "xn--exmple-cua.com"],
      ["localhost", "localhost"],
      ["my_bucket.s3.example.com", "my_bucket.s3.example.com"],
      ["10.0.0.5", "10.0.0.5"],
      ["2001:db8::1", "2001:db8::1"],
    ] as const
  ) deepStrictEqual(canonicalHost(written), { value });
});

Deno.test("canonicalHost() names the canonical spelling of an IP address", () => {
  for (
    const [written, canonical] of [
      ["2130706433", "127.0.0.1"],
      ["0x7f.1", "127.0.0.1"],
      ["0177.0.0.1", "127.0.0.1"],
      ["127.1", "127.0.0.1"],
      ["010.0.0.1", "8.0.0.1"],
      ["１.2.3.4", "1.2.3.4"],
      ["[::1]", "::1"],
      ["0:0:0:0:0:0:0:1", "::1"],
      ["2001:DB8::1", "2001:db8::1"],
      ["::ffff:1.2.3.4", "1.2.3.4"],
      ["::ffff:102:304", "1.2.3.4"],
    ] as const
  ) {
    deepStrictEqual(canonicalHost(written), {
      problem: `${JSON.stringify(written)} must be written "${canonical}"`,
    });
  }
});

Deno.test("canonicalHost() refuses what is not a bare host", () => {
  const bad = [
    "",
    "example.com.",
    "example.com。",
    "a..b",
    "-a.com",
    "a-.com",
    "a b.com",
    "a\n.com",
    "a.com:443",
    "[::1]:443",
    "fe80::1%eth0",
    "https://a.com",
    "a.com/x",
    "u@a.com",
    "a%2ecom",
    "a\\b",
    "a.com?x",
    "a.com#x",
    "xn--a.com",
    "256.1.1.1",
    "1.2.3.4.5",
    "*.a.com",
    `${"a".repeat(64)}.com`,
    `${"abcdefg.".repeat(40)}com`,
    ":::1",
    "\0",
  ];
  for (const host of bad) ok("problem" in canonicalHost(host), host);
});

Deno.test("canonicalHostPattern() accepts * only as the whole leftmost label of a name", () => {
  deepStrictEqual(canonicalHostPattern("*.Example.com"), { value: "*.example.com" });
  const bad = [
    "*",
    "*.",
    "a.*.com",
    "*a.com",
    "a*.com",
    "*.*.com",
    "**.com",
    "*.10.0.0.1",
    "*.a.com.",
  ];
  for (const host of bad) ok("problem" in canonicalHostPattern(host), host);
});

Deno.test("extraHosts() maps canonical names to canonical addresses", () => {
  deepStrictEqual(
    extraHosts().parse({ "A.example": "10.0.0.5", b: "fd00::1", constructor: "10.0.0.1" }),
    {
      "a.example": "10.0.0.5",
      b: "fd00::1",
      constructor: "10.0.0.1",
    },
  );
  for (
    const [written, message] of [
      [{ "a.example": "10.5" }, /must be written "10.0.0.5"/],
      [{ "a.example": "b.example" }, /is not an IP address/],
      [{ "10.0.0.1": "10.0.0.2" }, /must map a name/],
      [{ "A.example": "10.0.0.1", "a.example": "10.0.0.2" }, /listed twice/],
      [{ "*.example": "10.0.0.1" }, /must not contain "\*"/],
    ] as const
  ) {
    const issue = extraHosts().safeParse(written).error?.issues[0];
    match(issue?.message ?? "", message);
    deepStrictEqual(issue?.path, [Object.keys(written).at(-1)]);
  }
});

Deno.test("isIpLiteral() tells addresses from names", () => {
  deepStrictEqual(["10.0.0.1", "::1", "a.com", "1.com"].map(isIpLiteral), [
    true,
    true,
    false,
    false,
  ]);
});
