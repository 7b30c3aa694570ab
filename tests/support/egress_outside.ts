/**
 * The world outside, for tests: a name server and TLS and plain servers, in one container.
 * Writes one JSON line for each thing that arrives: tests judge by these. Runs on Node.
 */
import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import { createSecureContext, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";

interface Certificate {
  cert: string;
  key: string;
}
const { ADDRESS, ZONE, CERTIFICATES } = process.env as Record<string, string>;
/** Name → the answers of its first, second, … and every later query. */
const zone: Record<string, string[][]> = JSON.parse(ZONE!);
const certificates: Record<string, Certificate> = JSON.parse(CERTIFICATES!);
const record = (event: Record<string, unknown>) => console.log(JSON.stringify(event));

const asked = new Map<string, number>();
const dns = createSocket("udp4", (query, from) => {
  const labels: string[] = [];
  let at = 12;
  for (; query[at] !== 0; at += query[at]! + 1) {
    labels.push(query.toString("latin1", at + 1, at + 1 + query[at]!));
  }
  const name = labels.join(".").toLowerCase();
  const type = query.readUInt16BE(at + 1);
  record({ event: "dns", name, type });
  const known = zone[name];
  const count = type === 1 ? (asked.get(name) ?? 0) : 0;
  if (type === 1) asked.set(name, count + 1);
  const addresses = known?.[Math.min(count, known.length - 1)] ?? [];
  const records = addresses.filter((address) => address.includes(":") === (type === 28));
  const answers = records.map((address) => {
    const data = address.includes(":")
      ? Buffer.from(address.split(":").join(""), "hex") // eight full groups
      : Buffer.from(address.split(".").map(Number));
    const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
    return Buffer.concat([head, data]);
  });
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(known === undefined ? 0x8183 : 0x8180, 2);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt32BE(0, 8);
  dns.send(
    Buffer.concat([header, query.subarray(12, at + 5), ...answers]),
    from.port,
    from.address,
  );
});
dns.bind(53);

/** Answers one request; the credential that came with it is echoed where the path says. */
function answer(socket: Socket, head: string): void {
  const path = head.split(" ")[1]!.split("?")[0]!;
  const token = /^(?:authorization: (?:bearer|basic) |x-api-key: )(.*)$/im.exec(head)?.[1] ??
    "none";
  const body = `{"token":"${token}"}`;
  const chunked = (...parts: (string | Buffer)[]) =>
    Buffer.concat(parts.flatMap((part) => [
      Buffer.from(`${Buffer.from(part).length.toString(16)}\r\n`),
      Buffer.from(part),
      Buffer.from("\r\n"),
    ]));
  const encoded: Record<string, (bytes: Buffer) => Buffer> = {
    gzip: gzipSync,
    br: brotliCompressSync,
    deflate: deflateSync,
    zstd: zstdCompressSync,
  };
  const kind = path.split("/").at(-1)!;
  if (encoded[kind] !== undefined) {
    const bytes = encoded[kind](Buffer.from(body));
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Encoding: ${kind}\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    );
    socket.write(bytes);
    return;
  }
  const length = `Content-Length: ${body.length}\r\n`;
  switch (kind) {
    case "status":
      return void socket.write(`HTTP/1.1 200 ${token}\r\n${length}\r\n${body}`);
    case "header":
      return void socket.write(
        `HTTP/1.1 200 OK\r\n${length}X-Echo: a ${token} b\r\nSet-Cookie: t=${token}\r\n\r\n${body}`,
      );
    case "trailer":
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Echo\r\n\r\n");
      return void socket.write(
        Buffer.concat([chunked("x"), Buffer.from(`0\r\nX-Echo: ${token}\r\n\r\n`)]),
      );
    case "split":
      socket.write(`HTTP/1.1 200 OK\r\n${length}\r\n`);
      [...body].forEach((char, i) => setTimeout(() => socket.write(char), i * 5));
      return;
    case "unknown-coding":
      return void socket.write(
        `HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\n${length}\r\n${body}`,
      );
    case "broken-gzip":
      return void socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n${length}\r\n${body}`);
    case "early":
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${body}`);
      return void setTimeout(() => socket.destroy(), 30);
    case "204":
      return void socket.write("HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n");
    case "304":
      return void socket.write(
        'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Encoding: br\r\n\r\n',
      );
    case "099":
      return void socket.write(`HTTP/1.1 099 x\r\nContent-Encoding: gzip\r\n${length}\r\n${body}`);
    case "control-status":
      return void socket.write(`HTTP/1.1 200 a\u0001b\r\n${length}\r\n${body}`);
    case "early-hints":
      socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </${token}>\r\n\r\n`);
      return void socket.write(`HTTP/1.1 200 OK\r\n${length}\r\n${body}`);
    case "unasked-101":
      return void socket.write(
        "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
      );
    case "redirect":
      return void socket.write(
        "HTTP/1.1 302 Found\r\nLocation: https://denied.t.example/\r\nContent-Length: 0\r\n\r\n",
      );
    case "sse":
      socket.write(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
      );
      for (const i of [1, 2, 3]) {
        setTimeout(() => socket.write(chunked(`data: ${i}\n\n`)), i * 150);
      }
      return void setTimeout(() => socket.write("0\r\n\r\n"), 500);
    case "ws":
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Echo: ${token}\r\n\r\n`,
      );
      return void socket.write(Buffer.concat([Buffer.of(0x81, body.length), Buffer.from(body)]));
    case "no-ws": {
      const bytes = gzipSync(body);
      socket.write(
        `HTTP/1.1 400 No\r\nContent-Encoding: gzip\r\nContent-Length: ${bytes.length}\r\n\r\n`,
      );
      return void socket.write(bytes);
    }
    default:
      socket.write(`HTTP/1.1 200 OK\r\n${length}\r\n${head.startsWith("HEAD") ? "" : body}`);
  }
}

function serve(socket: Socket, port: number): void {
  const sni = (socket as TLSSocket & { servername?: string | null }).servername ?? null;
  record({ event: "open", port, sni });
  let text = "";
  let raw = false;
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    if (raw) return record({ event: "frame", port, text: chunk.toString("latin1") });
    text += chunk.toString("latin1");
    for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
      const head = text.slice(0, end + 2);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      const last = /^transfer-encoding: chunked/im.test(head)
        ? text.indexOf("0\r\n\r\n", end) + 5
        : 0;
      const stop = last === 0 ? end + 4 + length : last;
      if (last === 4 || text.length < stop) return;
      record({ event: "request", port, sni, head, body: text.slice(end + 4, stop) });
      text = text.slice(stop);
      raw = / [^ ]*\/ws /.test(head);
      answer(socket, head);
    }
  });
}

for (
  const [name, port] of [["good", 443], ["self", 8443], ["expired", 8444], ["wrong", 8445]] as const
) {
  const pair = name === "good" ? certificates["default"]! : certificates[name]!;
  const SNICallback = (host: string, done: (error: null, context: unknown) => void) => {
    const wild = host.replace(/^[^.]*/, "*");
    done(null, createSecureContext(certificates[wild] ?? pair));
  };
  createTlsServer(
    { ...pair, ...(name === "good" && { SNICallback }) } as never,
    (socket) => serve(socket, port),
  )
    .on("connection", () => record({ event: "tcp", port }))
    .on("tlsClientError", () => {})
    .listen(port);
}
createServer((socket) => serve(socket, 80)).on(
  "connection",
  () => record({ event: "tcp", port: 80 }),
).listen(80);
record({ event: "ready", address: ADDRESS });
