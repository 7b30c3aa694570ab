import {
  deepStrictEqual,
  doesNotThrow,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import type { Session } from "../backend/backend.ts";
import { UserError } from "../system/errors.ts";
import type { CommandError, RunResult } from "../system/process.ts";
import { judgeFacts, parseFacts, provisionAndProbe, requireIsolation } from "./self_check.ts";

const DENIAL = JSON.stringify({ error: "egress_denied", reason: "host_not_granted", rule: null });
/** What a bottle that is as it must be says of itself. */
const GOOD: Record<string, string> = {
  addresses: "0",
  routes: "0",
  routes6: "0",
  vsock: "2026/01/01 00:00:00 socat[9] E socket(40, 1, 0): Operation not permitted",
  resolve: "2",
  direct: "7",
  trust: "0",
  proxy: `0 ${DENIAL} 403`,
  done: "1",
};
const text = (facts: Record<string, string>) =>
  Object.entries(facts).map(([name, value]) => `${name}\t${value}\n`).join("");
const judge = (facts: Record<string, string>) => judgeFacts(parseFacts(text(facts)));

/** What is said when a fact is not as it must be, and values that are wrong. */
const WRONG: Record<string, [RegExp, string[]]> = {
  addresses: [/IPv6 address/, ["1", "", "00", " 0", "0 ", "-1"]],
  routes: [/IPv4 route/, ["1", "", "x"]],
  routes6: [/IPv6 route/, ["1", "2", ""]],
  vsock: [/AF_VSOCK/, [
    "",
    "E connect(5, AF=40 cid:2 port:1, 16): Connection reset by peer", // the socket was made
    "E connect(5, AF=40 cid:2 port:1, 16): Operation not permitted",
    "E socket(2, 1, 0): Operation not permitted", // of another family
    "E socket(40, 1, 0): Too many open files",
    "sh: socat: not found",
  ]],
  resolve: [/public name resolves/, ["0", "1", "127", ""]],
  direct: [/direct connection/, ["0", "28", "6", "127", "52", ""]],
  trust: [/trust store/, ["1", "", "00", "127"]],
  proxy: [/proxy does not deny/, [
    "",
    "7 ",
    `0 ${DENIAL} 200`,
    `0 ${DENIAL} 502`,
    `7 ${DENIAL} 403`,
    "0 <html>denied</html> 403",
    "0 {not json} 403",
    '0 {"error":"egress_denied"} 403',
    '0 {"error":"egress_denied","reason":"not_ready"} 403',
    '0 {"error":"other","reason":"host_not_granted"} 403',
    "60 curl: SSL certificate problem 000",
  ]],
  done: [/did not end/, ["0", "", "11"]],
};

Deno.test("judgeFacts() finds nothing wrong with a bottle as it must be", () => {
  deepStrictEqual(judge(GOOD), []);
  deepStrictEqual(
    judge({ ...GOOD, vsock: "E socket(40, 1, 0): Address family not supported by protocol" }),
    [],
  );
  deepStrictEqual(Object.keys(WRONG), Object.keys(GOOD)); // every fact is tested below
});

for (const [name, [problem, values]] of Object.entries(WRONG)) {
  Deno.test(`judgeFacts() refuses a wrong "${name}"`, () => {
    for (const value of values) {
      const problems = judge({ ...GOOD, [name]: value });
      strictEqual(problems.length, 1, value);
      match(problems[0]!, problem);
    }
  });

  Deno.test(`judgeFacts() refuses a missing "${name}"`, () => {
    const { [name]: _, ...others } = GOOD;
    const problems = judge(others);
    strictEqual(problems.length, 1);
    match(problems[0]!, problem);
  });

  Deno.test(`judgeFacts() refuses a "${name}" that is said twice, even alike`, () => {
    const problems = judgeFacts(parseFacts(text(GOOD) + text({ [name]: GOOD[name]! })));
    strictEqual(problems.length, 1);
    match(problems[0]!, problem);
  });
}

Deno.test("judgeFacts() refuses any interface that is up, each by its name", () => {
  const facts = parseFacts(`${text(GOOD)}interface\teth0\ninterface\ttun1\n`);
  deepStrictEqual(judgeFacts(facts), [
    'the network interface "eth0" is up',
    'the network interface "tun1" is up',
  ]);
});

Deno.test("judgeFacts() refuses a bottle that says nothing, in every respect", () => {
  strictEqual(judgeFacts(new Map()).length, Object.keys(GOOD).length);
});

Deno.test("parseFacts() reads lines with a tab and ignores others", () => {
  deepStrictEqual(
    parseFacts("noise\na\t1\na\t2\nb\tx\ty\n\n"),
    new Map([["a", ["1", "2"]], ["b", ["x\ty"]]]),
  );
});

Deno.test("requireIsolation() throws all that is wrong, with exit code 77", () => {
  doesNotThrow(() => requireIsolation(parseFacts(text(GOOD))));
  throws(
    () => requireIsolation(parseFacts(text({ ...GOOD, routes: "1", resolve: "0" }))),
    (error) => {
      ok(error instanceof UserError);
      strictEqual(error.exitCode, 77);
      deepStrictEqual(error.hints, [
        "there is an IPv4 route",
        "a public name resolves",
        "claude-bottle doctor",
      ]);
      return true;
    },
  );
});

const session = (result: RunResult) =>
  ({ exec: () => Promise.resolve(result) }) as unknown as Session;
const signal = new AbortController().signal;

Deno.test("provisionAndProbe() returns the facts", async () => {
  const bottle = session({ code: 0, stdout: text(GOOD), stderr: "" });
  deepStrictEqual(judgeFacts(await provisionAndProbe(bottle, new Uint8Array(), signal)), []);
});

Deno.test("provisionAndProbe() tells a full disk from another failure to copy, and keeps tar's words", async () => {
  const cases: [string, RegExp, string[]][] = [
    ["tar: x: Cannot write: No space left on device", /disk is full/, ["docker system df"]],
    ["tar: x: Permission denied", /^Cannot copy into the bottle$/, []],
  ];
  for (const [stderr, message, hints] of cases) {
    const bottle = session({ code: 74, stdout: text(GOOD), stderr });
    await rejects(provisionAndProbe(bottle, new Uint8Array(), signal), (error) => {
      ok(error instanceof UserError);
      strictEqual(error.exitCode, 74);
      match(error.message, message);
      deepStrictEqual(error.hints, hints);
      strictEqual((error.cause as CommandError).result.stderr, stderr);
      return true;
    });
  }
});
