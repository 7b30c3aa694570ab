import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { headerValues, requestHeaders, responseHeaders } from "./headers.ts";

const bare = {
  host: "a.example",
  framing: [],
  auth: undefined,
  inject: undefined,
  masked: false,
  narrow: false,
};

Deno.test("requestHeaders() keeps order, case and repetition of what it passes on", () => {
  const raw = [
    "X-One",
    "1",
    "Accept",
    "a",
    "x-one",
    "2",
    "Upgrade-Insecure-Requests",
    "1",
  ];
  deepStrictEqual(requestHeaders(raw, bare), ["host", "a.example", ...raw]);
});

Deno.test("requestHeaders() drops what belongs to the agent's connection", () => {
  const raw = [
    "Host",
    "b",
    "CONNECTION",
    "X-Mine, Keep-Alive",
    "x-MINE",
    "1",
    "Keep-Alive",
    "5",
  ];
  const more = [
    "TE",
    "trailers",
    "Trailer",
    "X-T",
    "Expect",
    "100-continue",
    "Upgrade",
    "h2c",
  ];
  const last = ["Proxy-Connection", "close", "HTTP2-Settings", "x"];
  deepStrictEqual(requestHeaders([...raw, ...more, ...last], bare), [
    "host",
    "a.example",
  ]);
});

Deno.test("requestHeaders() frames the body itself, whatever Connection names", () => {
  const raw = ["Connection", "content-length", "Content-Length", "5"];
  const framing = ["content-length", "5"];
  deepStrictEqual(requestHeaders(raw, { ...bare, framing }), [
    "host",
    "a.example",
    ...framing,
  ]);
});

Deno.test("requestHeaders() strips the agent's credentials and puts ours, whatever Connection names", () => {
  const raw = [
    "Connection",
    "Authorization",
    "AuthoriZation",
    "Bearer mine",
    "Cookie",
    "a=b",
  ];
  const sent = requestHeaders([
    ...raw,
    "X-API-Key",
    "k",
    "Accept-Encoding",
    "br",
    "Range",
    "bytes=0-24",
    "If-Range",
    "x",
    "X_Api_Key",
    "k",
  ], {
    ...bare,
    auth: { scheme: "bearer", secret: "T" },
    inject: ["authorization", "Bearer ours"],
    masked: true,
  });
  deepStrictEqual(sent, [
    "host",
    "a.example",
    "accept-encoding",
    "identity",
    "authorization",
    "Bearer ours",
  ]);
});

Deno.test("responseHeaders() masks names and values and drops the way around the proxy", () => {
  const raw = [
    "Content-Type",
    "text/plain",
    "Alt-Svc",
    "h3",
    "Set-Cookie",
    "SECRET",
    "X-SECRET",
    "1",
  ];
  const framing = [
    "Content-Length",
    "3",
    "Content-Encoding",
    "gzip",
    "Connection",
    "close",
  ];
  const mask = (text: string) => text.replaceAll("SECRET", "******");
  const kept = [
    "Content-Type",
    "text/plain",
    "Set-Cookie",
    "******",
    "X-******",
    "1",
  ];
  deepStrictEqual(
    responseHeaders([...raw, ...framing], { mask, decoded: true }),
    kept,
  );
  deepStrictEqual(
    responseHeaders([...raw, ...framing], { mask, decoded: false }),
    [
      ...kept,
      ...framing.slice(0, 4),
    ],
  );
});

Deno.test("headerValues() finds every value of a name in any case", () => {
  deepStrictEqual(
    headerValues(["Host", "a", "hOST", "b", "X", "host"], "host"),
    ["a", "b"],
  );
  strictEqual(headerValues([], "host").length, 0);
});

Deno.test("requestHeaders() passes no override of what a narrow route decided on", () => {
  const raw = [
    "X-HTTP-Method-Override",
    "DELETE",
    "X_Original_URL",
    "/admin",
    "X-Rewrite-Url",
    "/",
    "X-Own",
    "1",
  ];
  deepStrictEqual(requestHeaders(raw, { ...bare, narrow: true }), [
    "host",
    "a.example",
    "X-Own",
    "1",
  ]);
  deepStrictEqual(requestHeaders(raw, bare), ["host", "a.example", ...raw]);
});
