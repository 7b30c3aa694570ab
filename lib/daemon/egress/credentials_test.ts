import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { echoes, injection, isCredentialHeader, stripQuery } from "./credentials.ts";

Deno.test("isCredentialHeader() knows the usual ones and the route's own", () => {
  for (
    const name of [
      "authorization",
      "proxy-authorization",
      "cookie",
      "x-api-key",
      "x-goog-api-key",
      "private-token",
    ]
  ) strictEqual(isCredentialHeader(name, undefined), true, name);
  strictEqual(isCredentialHeader("x-own", undefined), false);
  strictEqual(
    isCredentialHeader("x-own", {
      scheme: "header",
      header: "x-own",
      secret: "T",
    }),
    true,
  );
  strictEqual(isCredentialHeader("content-type", undefined), false);
  for (const name of ["x_api_key", "x_goog-api_key", "private_token"]) {
    strictEqual(isCredentialHeader(name, undefined), true, name);
  }
  strictEqual(
    isCredentialHeader("x_own", { scheme: "header", header: "x-own", secret: "T" }),
    true,
  );
});

Deno.test("stripQuery() removes credentials in every spelling of their names", () => {
  for (
    const pair of [
      "key=x",
      "api_key=x",
      "access_token=x",
      "KEY=x",
      "k%65y=x",
      "%6b%65%79=x",
      "key",
      "+key=x",
      "access%5Ftoken=x",
      "access.token=x",
      "api%20key=x",
      "api-key=x",
      "api_key[]=x",
      "key[a][b]=x",
      "k%2565y=x",
    ]
  ) {
    strictEqual(stripQuery(`?${pair}`), "", pair);
    strictEqual(stripQuery(`?a=1&${pair}&b=2`), "?a=1&b=2", pair);
    strictEqual(stripQuery(`?a=1;${pair};b=2`), "?a=1;b=2", pair);
  }
});

Deno.test("stripQuery() leaves every other byte alone", () => {
  for (
    const query of [
      "",
      "?",
      "?a=1",
      "?a=%2e&&b=%zz&keys=1",
      "?monkey=1",
      "?x=key=1",
      "?a=1;b=2&&c;",
    ]
  ) {
    strictEqual(stripQuery(query), query);
  }
});

Deno.test("injection() puts a secret where its scheme says", () => {
  const secrets = { T: "user:pä" };
  const basic = Buffer.from("user:pä").toString("base64");
  deepStrictEqual(injection({ scheme: "bearer", secret: "T" }, secrets), [
    "authorization",
    "Bearer user:pä",
  ]);
  deepStrictEqual(injection({ scheme: "basic", secret: "T" }, secrets), [
    "authorization",
    `Basic ${basic}`,
  ]);
  deepStrictEqual(
    injection({ scheme: "header", header: "x-own", secret: "T" }, secrets),
    [
      "x-own",
      "user:pä",
    ],
  );
  for (const secret of ["U", "toString", "__proto__"]) {
    strictEqual(
      injection({ scheme: "bearer", secret }, secrets),
      undefined,
      secret,
    );
  }
});

Deno.test("echoes() holds every spelling, wherever base64 begins", () => {
  const secret = 'sk-ant/oat01+aB3?dE6_gH9"x';
  const found = echoes(secret).map((bytes) => bytes.toString());
  const hex = Buffer.from(secret).toString("hex");
  const json = JSON.stringify(secret).slice(1, -1);
  for (
    const text of [
      secret,
      json,
      json.replaceAll("/", "\\/"),
      hex,
      hex.toUpperCase(),
    ]
  ) {
    strictEqual(found.includes(text), true, text);
  }
  const percent = encodeURIComponent(secret);
  strictEqual(found.includes(percent), true);
  strictEqual(found.includes(percent.replace(/%../g, (escape) => escape.toLowerCase())), true);
  strictEqual(
    echoes("it's (a) s!cret*~").some((bytes) =>
      bytes.toString() === "it%27s+%28a%29+s%21cret%2A%7E"
    ),
    true,
  );
  for (const before of ["", "u", "us", "user:", "x-y:z"]) {
    for (const after of ["", "1", "12"]) {
      for (const alphabet of ["base64", "base64url"] as const) {
        const text = Buffer.from(before + secret + after).toString(alphabet);
        strictEqual(
          found.some((core) => text.includes(core)),
          true,
          `${before}|${after}`,
        );
      }
    }
  }
});

Deno.test("echoes() of user:password holds the password alone, when it is long enough to tell", () => {
  const has = (secret: string, text: string) =>
    echoes(secret).some((bytes) => bytes.toString() === text);
  strictEqual(has("user:pass-word-1", "pass-word-1"), true);
  strictEqual(has("user:pass-word-1", Buffer.from("pass-word-1").toString("hex")), true);
  strictEqual(has("user:short", "short"), false);
});
