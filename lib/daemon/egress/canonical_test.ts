import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { parseAuthority, parseTarget } from "./canonical.ts";

const host = (text: string) => parseAuthority(text, 443)?.host;

Deno.test("parseAuthority() brings every spelling of a name to one", () => {
  for (
    const text of [
      "api.example.com",
      "API.Example.COM",
      "api.example.com.",
      "ａpi.example.com",
    ]
  ) {
    deepStrictEqual(parseAuthority(text, 443), {
      host: "api.example.com",
      port: 443,
    }, text);
  }
  strictEqual(host("bücher.example"), "xn--bcher-kva.example");
  strictEqual(host("xn--bcher-kva.example"), "xn--bcher-kva.example");
  strictEqual(host("localhost"), "localhost");
  strictEqual(host("a_b.example"), "a_b.example");
});

Deno.test("parseAuthority() keeps look-alikes apart", () => {
  const real = "api.example.com";
  for (
    const text of [
      "аpi.example.com",
      "api.example.com.evil.test",
      "xapi.example.com",
    ]
  ) {
    strictEqual(host(text) === real, false, text);
  }
});

Deno.test("parseAuthority() reads ports from 1 to 65535", () => {
  deepStrictEqual(parseAuthority("a.example:8443", 443), {
    host: "a.example",
    port: 8443,
  });
  deepStrictEqual(parseAuthority("a.example:65535", 443), {
    host: "a.example",
    port: 65535,
  });
  for (
    const port of [
      "0",
      "65536",
      "99999",
      "123456",
      "-1",
      "+1",
      "0x50",
      "80a",
      "",
    ]
  ) {
    strictEqual(parseAuthority(`a.example:${port}`, 443), undefined, port);
  }
});

Deno.test("parseAuthority() takes plain IP addresses, in one spelling", () => {
  strictEqual(host("93.184.216.34"), "93.184.216.34");
  strictEqual(host("[2606:2800:0220:0001:0:0:0:1]"), "2606:2800:220:1::1");
  strictEqual(host("[::FFFF:127.0.0.1]"), "::ffff:7f00:1");
  deepStrictEqual(parseAuthority("[2001:DB8::1]:8080", 443), {
    host: "2001:db8::1",
    port: 8080,
  });
});

Deno.test("parseAuthority() refuses every unusual spelling of an IP address", () => {
  const spellings = [
    "2130706433", // decimal
    "017700000001", // octal
    "0x7f000001", // hexadecimal
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.1", // short
    "127.0.1",
    "127.0.0.1.", // the root's dot
    "127.0.0.01",
    "127.0.0.256",
    "1.2.3.4.5",
    "１２７.0.0.1", // full-width
    "127。0。0。1",
    "foo.0x7f",
    "foo.1",
    "0x",
    "::1", // without brackets
    "[::1", // half of them
    "[127.0.0.1]",
    "[fe80::1%eth0]", // zone ids
    "[fe80::1%25eth0]",
    "fe80::1%1",
    "[v1.fe80]",
    "[]",
  ];
  for (const text of spellings) {
    strictEqual(parseAuthority(text, 443), undefined, text);
  }
});

Deno.test("parseAuthority() refuses what is not exactly one host and one port", () => {
  const wrong = [
    "",
    ".",
    "..",
    ".example.com",
    "a..example",
    "a.example..",
    "-a.example",
    "a-.example",
    "user@a.example",
    "user:pass@a.example",
    "a.example:443:443",
    "a.example:443@evil.test",
    "a.example/path",
    "a.example?x",
    "a.example#x",
    "a.example\\@evil.test",
    "a.example%00.evil.test",
    "a%2eexample",
    "a.example\u0000",
    "a.example\r\nHost: b",
    "a b.example",
    " a.example",
    "a.example ",
    "a.example,b.example",
    "*.example",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(127)}example`,
  ];
  for (const text of wrong) {
    strictEqual(parseAuthority(text, 443), undefined, JSON.stringify(text));
  }
});

Deno.test("parseTarget() splits path and query and leaves both as they are", () => {
  deepStrictEqual(parseTarget("/v1/a%20b?x=%2e%2e&y=a//b"), {
    path: "/v1/a%20b",
    query: "?x=%2e%2e&y=a//b",
    ambiguous: false,
  });
  deepStrictEqual(parseTarget("/"), { path: "/", query: "", ambiguous: false });
});

Deno.test("parseTarget() finds a path that two readers could disagree about", () => {
  const ambiguous = [
    "/api/%c0%ae%c0%ae/admin",
    "/api/..%c0%afadmin",
    "/caf%E9",
    "/v1/../admin",
    "/v1/..",
    "/./v1",
    "/v1/.",
    "/v1/%2e%2e/admin",
    "/v1/%2E./admin",
    "/v1/.%2e/admin",
    "/v1/%252e%252e/admin",
    "/v1%2fadmin",
    "/v1%2Fadmin",
    "/v1%5cadmin",
    "/v1\\..\\admin",
    "//v1",
    "/v1//admin",
    "/v1;x=1/admin",
    "/v1%3badmin",
    "/v1%00",
    "/v1%0a",
    "/v1%7f",
    "/v1/%",
    "/v1/%2",
    "/v1/%zz",
    "/%u002e%u002e/admin",
  ];
  for (const text of ambiguous) {
    strictEqual(parseTarget(text)?.ambiguous, true, text);
  }
  for (
    const text of [
      "/v1/..a",
      "/v1/a..b",
      "/...",
      "/.well-known/x",
      "/a%20b",
      "/a+b",
      "/~x",
    ]
  ) {
    strictEqual(parseTarget(text)?.ambiguous, false, text);
  }
});

Deno.test("parseTarget() takes nothing but an origin form", () => {
  const wrong = [
    "",
    "*",
    "v1",
    "http://a/",
    "https://a/",
    "/a b",
    "/a\t",
    "/a\u0000",
    "/a#b",
    "/é",
  ];
  for (const text of wrong) {
    strictEqual(parseTarget(text), undefined, JSON.stringify(text));
  }
});
