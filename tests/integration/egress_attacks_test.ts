import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import type { Route } from "../../lib/daemon/policy.ts";
import { type Lab, startLab, TOKEN } from "../support/egress_lab.ts";
import type { Heard, Talk } from "../support/egress_agent.ts";
import { testEngine } from "../support/messages_api.ts";

const auth = { scheme: "bearer", secret: "T" } as const;
const route = (host: string, more: Partial<Route> = {}): Route => ({
  host,
  port: 443,
  methods: [],
  paths: [],
  ...more,
});
const routes = (address: string): Route[] => [
  route("good.t.example", { auth }),
  route("plain.t.example"),
  route("api.t.example", { paths: ["/api"], methods: ["GET", "POST"] }),
  route("*.wild.t.example"),
  route("port.t.example", { port: 80 }),
  route("basic.t.example", { auth: { scheme: "basic", secret: "T" } }),
  route("header.t.example", { auth: { scheme: "header", header: "x-api-key", secret: "T" } }),
  ...["loop", "private", "metadata", "mixed", "unspecified", "cgnat", "mapped", "nat64", "rebind"]
    .map((name) => route(`${name}.t.example`)),
  route("self.t.example", { port: 8443 }),
  route("expired.t.example", { port: 8444 }),
  route("wrong.t.example", { port: 8445 }),
  route("127.0.0.1"),
  route("169.254.169.254", { port: 80 }),
  route("::1"),
  route(address),
];
const zone: Record<string, string[][]> = {
  ...Object.fromEntries(
    ["good", "plain", "api", "a.wild", "b.a.wild", "wild", "port", "basic", "header", "self"]
      .map((name) => [`${name}.t.example`, [["@"]]]),
  ),
  "denied.t.example": [["@"]],
  "expired.t.example": [["@"]],
  "wrong.t.example": [["@"]],
  "loop.t.example": [["127.0.0.1"]],
  "private.t.example": [["10.1.2.3"]],
  "metadata.t.example": [["169.254.169.254"]],
  "mixed.t.example": [["@", "10.1.2.3"]],
  "unspecified.t.example": [["0.0.0.0"]],
  "cgnat.t.example": [["100.64.0.1"]],
  "mapped.t.example": [["0000:0000:0000:0000:0000:ffff:7f00:0001"]],
  "nat64.t.example": [["0064:ff9b:0000:0000:0000:0000:7f00:0001"]],
  "rebind.t.example": [["@"], ["127.0.0.1"]],
};

const get = (host: string, path = "/", more = "", method = "GET"): string =>
  `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`;
/** A GET in a tunnel of its own. */
const ask = (host: string, path = "/", more = "", method = "GET"): Talk => ({
  connect: `${host}:443`,
  send: [get(host, path, more, method)],
});
const status = (heard: Heard) => Number(/^HTTP\/1\.1 (\d+)/.exec(heard.text)?.[1] ?? 0);
const reason = (heard: Heard) => /"reason":"(\w+)"/.exec(heard.text + heard.tunnel)?.[1];
const STARS = "*".repeat(TOKEN.length);

Deno.test("egress: what a hostile agent tries, judged outside", async (t) => {
  await using lab = await startLab(await testEngine(), { routes, zone });
  const { talk } = lab;
  /** Runs talks at once; what arrived meanwhile. */
  async function watch(...talks: Talk[]) {
    const before = (await lab.arrivals()).length;
    const heard = await Promise.all(talks.map(talk));
    const arrived = (await lab.arrivals()).slice(before);
    return { heard, arrived, requests: arrived.filter(({ event }) => event === "request") };
  }
  /** Each must be refused for this reason, and nothing at all may arrive outside. */
  async function refused(why: string | undefined, ...talks: Talk[]) {
    const { heard, arrived } = await watch(...talks);
    heard.forEach((one, i) => strictEqual(reason(one), why, JSON.stringify([talks[i], one])));
    deepStrictEqual(arrived, []);
  }
  async function allowed(...talks: Talk[]) {
    const { heard, requests } = await watch(...talks);
    heard.forEach((one, i) => strictEqual(status(one), 200, JSON.stringify([talks[i], one])));
    strictEqual(requests.length, talks.length);
    return { heard, requests };
  }

  await t.step("N1, N3: a host that is not granted is neither resolved nor dialled", async () => {
    await refused("host_not_granted", ask("denied.t.example"), ask("secret-data.evil.test"), {
      send: [get("denied.t.example", "http://denied.t.example/")],
    });
    const { heard } = await allowed(ask("plain.t.example"));
    strictEqual(heard[0]!.issuer.startsWith("claude-bottle "), true);
  });

  await t.step("N4: a granted name that leads inside is not dialled", async () => {
    const names = [
      "loop",
      "private",
      "metadata",
      "mixed",
      "unspecified",
      "cgnat",
      "mapped",
      "nat64",
    ];
    const { heard, arrived } = await watch(...names.map((name) => ask(`${name}.t.example`)));
    heard.forEach((one, i) => strictEqual(reason(one), "address_forbidden", names[i]));
    strictEqual(arrived.every(({ event }) => event === "dns"), true);
  });

  await t.step("N4: an answer that changes after the check is not dialled", async () => {
    const first = await watch(ask("rebind.t.example"));
    strictEqual(status(first.heard[0]!), 200); // dialled what was checked, with one question
    const questions = first.arrived.filter(({ event, name }) =>
      event === "dns" && name === "rebind.t.example"
    );
    strictEqual(questions.length <= 2, true); // A and AAAA
    await new Promise((resolve) => setTimeout(resolve, 4_500)); // the pool forgets
    const second = await watch(ask("rebind.t.example"));
    strictEqual(reason(second.heard[0]!), "address_forbidden");
    strictEqual(second.requests.length, 0);
  });

  await t.step("N5: IP addresses, granted and in disguise", async () => {
    await refused(
      "address_forbidden",
      ask("127.0.0.1"),
      { connect: "[::1]:443", send: [get("[::1]")] },
      { send: [get("169.254.169.254", "http://169.254.169.254/")] },
    );
    const disguises = ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1."];
    await refused(
      "host_invalid",
      ...disguises.map((host) => ask(host)),
      { connect: "[fe80::1%25eth0]:443", send: [] },
      { connect: "user@good.t.example:443", send: [] },
    );
    await refused("host_not_granted", {
      connect: "[::ffff:127.0.0.1]:443",
      send: [get("[::ffff:127.0.0.1]")],
    });
    await allowed(ask(lab.address));
  });

  await t.step("N6: tunnel, SNI and Host must agree, request by request", async () => {
    await refused(
      "host_mismatch",
      { connect: "plain.t.example:443", send: [get("denied.t.example")] },
      { connect: "plain.t.example:443", sni: "denied.t.example", send: [get("plain.t.example")] },
      { connect: "plain.t.example:443", send: [get("plain.t.example:444")] },
      { send: [get("good.t.example", "http://port.t.example/")] },
    );
    await refused(
      "malformed",
      ask("plain.t.example", "/", "Host: denied.t.example\r\n"),
      ask("plain.t.example", "/", "hOsT: plain.t.example\r\n"),
      { connect: "plain.t.example:443", send: ["GET / HTTP/1.1\r\nConnection: close\r\n\r\n"] },
      {
        connect: "plain.t.example:443",
        send: [get("plain.t.example", "https://denied.t.example/")],
      },
    );
    const one = "GET /1 HTTP/1.1\r\nHost: plain.t.example\r\n\r\n";
    const { heard, requests } = await watch(
      { connect: "plain.t.example:443", send: [one, get("denied.t.example")] },
      { connect: "plain.t.example:443", send: [one, get("plain.t.example", "/2")] },
    );
    match(heard[0]!.text, /host_mismatch/);
    strictEqual(heard[1]!.text.match(/HTTP\/1\.1 200/g)?.length, 2);
    strictEqual(requests.length, 3);
  });

  await t.step("N7: look-alikes", async () => {
    await refused(
      "host_not_granted",
      ask("plain.t.example.evil.test"),
      ask("xplain.t.example"),
      ask("a.plain.t.example"),
      ask("wild.t.example"),
      ask("t.example"),
    );
    await allowed(
      ask("PLAIN.T.Example"),
      ask("plain.t.example."),
      ask("a.wild.t.example"),
    );
  });

  await t.step("N8: other ports, no TLS, other upgrades, TRACE", async () => {
    await refused("port_not_granted", {
      connect: "plain.t.example:8443",
      send: [get("plain.t.example:8443")],
    });
    await refused("plaintext_not_allowed", {
      send: [get("good.t.example:443", "http://good.t.example:443/")],
    });
    await refused("method_not_granted", ask("plain.t.example", "/", "", "TRACE"));
    const other = "Upgrade: h2c\r\nConnection: Upgrade\r\n";
    await refused("upgrade_not_allowed", {
      connect: "plain.t.example:443",
      send: [`GET / HTTP/1.1\r\nHost: plain.t.example\r\n${other}\r\n`],
    });
    await refused(undefined, {
      connect: "plain.t.example:443",
      tls: false,
      send: ["SSH-2.0-x\r\n"],
      wait: 500,
    });
    await allowed({ send: [get("port.t.example", "http://port.t.example/")] });
  });

  await t.step("N9: paths", async () => {
    const paths = [
      "/api/../x",
      "/api/%2e%2e/x",
      "/api/%252e%252e/x",
      "/api//x",
      "/api;x",
      "/api%5cx",
      "/api%00",
    ];
    await refused("path_ambiguous", ...paths.map((path) => ask("api.t.example", path)));
    await refused("path_not_granted", ask("api.t.example", "/apiv2"), ask("api.t.example", "/"));
    await refused("method_not_granted", ask("api.t.example", "/api", "", "DELETE"));
    await allowed(ask("api.t.example", "/api/x?y=/../z"), ask("api.t.example", "/api"));
  });

  await t.step("N10: nothing is smuggled past the decision", async () => {
    const evil = get("api.t.example", "/evil");
    const length = `Content-Length: ${evil.length}\r\n`;
    const head = "HTTP/1.1\r\nHost: api.t.example\r\n";
    const send = (text: string): Talk => ({
      connect: "api.t.example:443",
      send: [text],
      wait: 1500,
    });
    const { requests } = await watch(
      send(`GET /api/1 ${head}${length}Connection: content-length\r\n\r\n${evil}`),
      send(
        `GET /api/2 ${head}Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n\r\n${
          evil.length.toString(16)
        }\r\n${evil}\r\n0\r\n\r\n`,
      ),
      send(`POST /api/3 ${head}${length}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${evil}`),
      send(`POST /api/4 ${head}Content-Length: 0\r\nContent-Length: 5\r\n\r\n${evil}`),
      send(`POST /api/5 ${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`),
      send(`GET /api/6 ${head}X: a\nY: b\r\n\r\n`),
    );
    const lines = requests.map(({ head }) => head!.split(" HTTP")[0]).sort();
    deepStrictEqual(lines.filter((line) => /evil|\/[3456]/.test(line!)), []);
    deepStrictEqual(lines, ["GET /api/1", "GET /api/2"]);
  });

  await t.step(
    "N11: redirects are the agent's to follow; upstream's TLS must be right",
    async () => {
      const { heard } = await watch(ask("plain.t.example", "/redirect"));
      strictEqual(status(heard[0]!), 302);
      const bad = [["self", 8443], ["expired", 8444], ["wrong", 8445]] as const;
      const tls = await watch(...bad.map(([name, port]) => ({
        connect: `${name}.t.example:${port}`,
        send: [get(`${name}.t.example:${port}`)],
      })));
      tls.heard.forEach((one) => strictEqual(reason(one), "upstream_tls", one.text));
      strictEqual(tls.requests.length, 0);
    },
  );

  await t.step("N12: the bottle's mounts hold the proxy's socket and nothing else", async () => {
    const found = await lab.engine.check([
      "exec",
      lab.agent,
      "find",
      "/run/claude-bottle",
      "-type",
      "s",
    ]);
    strictEqual(found.trim(), "/run/claude-bottle/proxy/proxy.sock");
  });

  await t.step("C1: the token is in no inspection, log or process of the bottle", async () => {
    for (const name of [lab.bundle, lab.agent]) {
      for (const verb of ["inspect", "logs"]) {
        const { stdout, stderr } = await lab.engine.run([verb, name]);
        strictEqual((stdout + stderr).includes(TOKEN), false, `${verb} ${name}`);
      }
    }
    const top = await lab.engine.check([
      "exec",
      lab.agent,
      "sh",
      "-c",
      "cat /proc/*/environ /proc/*/cmdline",
    ]);
    strictEqual(top.includes(TOKEN), false);
  });

  await t.step("C2, C3: the agent's credentials are stripped, ours are put", async () => {
    const mine = [
      "AuthoriZation: Bearer mine",
      "Proxy-Authorization: Basic mine",
      "Cookie: mine=1",
      "X-API-Key: mine",
      "x-goog-api-key: mine",
      "PRIVATE-TOKEN: mine",
      "X-Kept: yes",
      "Connection: authorization, x-api-key",
    ].map((line) => `${line}\r\n`).join("");
    const path = "/v1?a=1&k%65y=mine&api_key=mine&access_token=mine";
    const hosts = ["good", "basic", "header", "plain"].map((name) => `${name}.t.example`);
    const { requests } = await allowed(...hosts.map((host) => ask(host, path, mine)));
    const injected: Record<string, string | undefined> = {
      "good.t.example": `authorization: Bearer ${TOKEN}`,
      "basic.t.example": `authorization: Basic ${btoa(TOKEN)}`,
      "header.t.example": `x-api-key: ${TOKEN}`,
    };
    for (const { head, sni } of requests) {
      strictEqual(/mine/.test(head!), false, head);
      match(head!, /^GET \/v1\?a=1 HTTP\/1\.1\r\n/);
      match(head!, /X-Kept: yes/);
      const credentials = head!.split("\r\n").filter((line) =>
        /^(authorization|x-api-key):/i.test(line)
      );
      const expected = injected[sni!];
      deepStrictEqual(credentials, expected === undefined ? [] : [expected]);
    }
  });

  await t.step("C4: an echoed token is masked wherever it comes back", async () => {
    const kinds = [
      "body",
      "status",
      "header",
      "trailer",
      "split",
      "gzip",
      "br",
      "deflate",
      "zstd",
      "early-hints",
    ];
    for (const host of ["good.t.example", "basic.t.example", "header.t.example"]) {
      const { heard, requests } = await watch(...kinds.map((kind) => ask(host, `/${kind}`)));
      strictEqual(
        requests.every(({ head }) => head!.includes(TOKEN) || head!.includes(btoa(TOKEN))),
        true,
      );
      heard.forEach(({ text }, i) => {
        strictEqual(text.includes(TOKEN) || text.includes(btoa(TOKEN).slice(0, 20)), false, text);
        if (kinds[i] !== "trailer") match(text, /\{"token":"\*+[A-Za-z0-9+/=]{0,3}"\}/, kinds[i]);
        strictEqual(status({ text } as Heard), 200, text);
      });
    }
    const { heard } = await watch(
      ask("good.t.example", "/unknown-coding"),
      ask("good.t.example", "/header"),
      ask("plain.t.example", "/gzip"),
    );
    strictEqual(reason(heard[0]!), "encoding_unknown");
    match(heard[1]!.text, new RegExp(`X-Echo: a ${STARS.replaceAll("*", "\\*")} b`));
    match(heard[2]!.text, /Content-Encoding: gzip/); // nothing to mask: as it came
  });

  await t.step("WebSocket: passed on where granted, masked, frames both ways", async () => {
    const upgrade = (host: string, path: string) =>
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    const { heard, arrived } = await watch({
      connect: "good.t.example:443",
      send: [upgrade("good.t.example", "/ws"), "frame-from-agent"],
      gap: 200,
      wait: 800,
    }, {
      connect: "good.t.example:443",
      send: [upgrade("good.t.example", "/no-ws")],
      wait: 800,
    });
    match(heard[0]!.text, /^HTTP\/1\.1 101 /);
    match(heard[0]!.text, /"token":"\*+"/);
    strictEqual(heard.some(({ text }) => text.includes(TOKEN)), false);
    strictEqual(
      arrived.some(({ event, text }) => event === "frame" && text === "frame-from-agent"),
      true,
    );
    match(heard[1]!.text, /^HTTP\/1\.1 400 No[^]*"token":"\*+"/);
    await refused("host_not_granted", {
      connect: "denied.t.example:443",
      send: [upgrade("denied.t.example", "/ws")],
      wait: 800,
    });
  });

  await t.step("HTTP as clients really speak it", async () => {
    const head = "HTTP/1.1\r\nHost: plain.t.example\r\n";
    const send = (...send: string[]): Talk => ({
      connect: "plain.t.example:443",
      send,
      wait: 1500,
    });
    const { heard, requests } = await watch(
      send(
        `POST /expect ${head}Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n`,
        "hello",
      ),
      send(
        `POST /chunked ${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
        "5\r\nhe",
        "llo\r\n0\r\n\r\n",
      ),
      send(get("plain.t.example", "/head", "", "HEAD")),
      send(get("plain.t.example", "/204")),
      send(get("plain.t.example", "/304")),
      send("GET /old HTTP/1.0\r\nHost: plain.t.example\r\n\r\n"),
      send(get("plain.t.example", "/sse")),
      { connect: "good.t.example:443", send: [get("good.t.example", "/204")], wait: 1500 },
      {
        connect: "good.t.example:443",
        send: [get("good.t.example", "/gzip", "", "HEAD")],
        wait: 1500,
      },
      send(get("plain.t.example", "/insecure", "Upgrade-Insecure-Requests: 1\r\n")),
    );
    match(heard[0]!.text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/);
    deepStrictEqual(
      heard.map(({ text }) => Number(/HTTP\/1\.1 (\d+) (?!Continue)/.exec(text)?.[1])),
      [
        200,
        200,
        200,
        204,
        304,
        200,
        200,
        204,
        200,
        200,
      ],
    );
    strictEqual(heard[2]!.text.endsWith("\r\n\r\n"), true);
    const bodies = requests.filter(({ head }) => /^POST/.test(head!)).map(({ body }) => body!);
    deepStrictEqual(bodies.map((body) => /he[^]*llo/.test(body)), [true, true]);
    strictEqual(heard[6]!.times.at(-1)! > 250, true); // events came one by one
    await refused("host_not_granted", {
      connect: "denied.t.example:443",
      send: [
        "POST / HTTP/1.1\r\nHost: denied.t.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
      ],
      wait: 800,
    });
  });

  await t.step("nothing that an upstream or a client does ends the daemon", async () => {
    const before = await restarts(lab);
    const paths = ["early", "broken-gzip", "099", "control-status", "unasked-101", "early-hints"];
    await watch(
      ...paths.flatMap((
        path,
      ) => [ask("good.t.example", `/${path}`), ask("plain.t.example", `/${path}`)]),
      ...["gzip", "split", "sse", "br"].flatMap((path) =>
        [1, 10, 40].map((abort) => ({ ...ask("good.t.example", `/${path}`), abort }))
      ),
      {
        connect: "plain.t.example:443",
        send: ["POST /x HTTP/1.1\r\nHost: plain.t.example\r\nContent-Length: 100\r\n\r\nabc"],
        abort: 100,
      },
      {
        connect: "plain.t.example:443",
        send: ["GET /sse HTTP/1.1\r\nHost: plain.t.example\r\n\r\n\u0000garbage\r\n\r\n"],
        wait: 800,
      },
      {
        connect: "plain.t.example:443",
        send: ["GET / HTTP/1.1\r\nHost: plain.t.example\r\n\r\n".repeat(500)],
        wait: 800,
      },
      { connect: "plain.t.example:443", send: ["\u0000\u0001\u0002\r\n\r\n"], wait: 500 },
      {
        connect: "plain.t.example:443",
        tls: false,
        send: ["\u0016\u0003\u0001\u0000\u0005aaaaa"],
        wait: 500,
      },
      ask("plain.t.example", "/", `X: ${"a".repeat(70_000)}\r\n`),
    );
    strictEqual(await restarts(lab), before);
    await allowed(ask("good.t.example"));
  });

  await t.step(
    "N13: a daemon that is killed, and the next one, comes back with the same CA and policy",
    async () => {
      const issuer = (await talk(ask("plain.t.example"))).issuer;
      notStrictEqual(issuer, "");
      // Twice: the first daemon was started by the image's entry, the second by PID 1.
      for (let round = 0; round < 2; round++) {
        const before = await restarts(lab);
        await lab.engine.check(["exec", lab.bundle, "node", "-e", KILL]);
        const gap = await watch(ask("denied.t.example"));
        strictEqual(gap.requests.length, 0);
        let heard = await talk(ask("plain.t.example"));
        for (let tries = 0; status(heard) !== 200 && tries < 50; tries++) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          heard = await talk(ask("plain.t.example"));
        }
        strictEqual(heard.issuer, issuer);
        strictEqual(await restarts(lab), before + 1);
      }
      await refused("host_not_granted", ask("denied.t.example"));
    },
  );
});

/** Ends the egress daemon from inside its container: no `ps` or `kill` there. */
const KILL = `const fs = require("fs");
for (const pid of fs.readdirSync("/proc").filter(Number)) {
  if (/egress\\/main/.test(fs.readFileSync("/proc/" + pid + "/cmdline"))) process.kill(pid, 9);
}`;

async function restarts(lab: Lab): Promise<number> {
  const text = await lab.engine.check(["exec", "-i", lab.bundle, "bottlectl"], {
    stdin: '{"op":"stats"}\n',
  });
  return (JSON.parse(text) as { restarts: number }).restarts;
}
