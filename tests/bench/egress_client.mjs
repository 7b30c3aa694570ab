/**
 * Load through an HTTP proxy on a unix socket or a TCP port, over CONNECT and TLS, on Node.
 * Prints one JSON line. Modes:
 *   rate   CONNECTIONS keep-alive tunnels, REQUESTS GETs in all: req/s and latency percentiles
 *   down   one GET of a big body: MB/s; with PACE_MB_S it reads no faster than that
 *   sse    one GET of an event stream: ms from upstream's stamp to the first event's arrival
 */
import http from "node:http";
import net from "node:net";
import tls from "node:tls";
import { readFileSync } from "node:fs";

const {
  MODE = "rate",
  PROXY_SOCKET,
  PROXY_PORT,
  DIRECT_PORT,
  HOST = "up.example",
  PORT = "9443",
  CA,
  TARGET = "/",
  CONNECTIONS = "16",
  REQUESTS = "20000",
  PACE_MB_S,
} = process.env;
const ca = CA === undefined ? undefined : readFileSync(CA);

/** A TLS connection to HOST: through the proxy, or straight to a local port to compare. */
function connect() {
  return new Promise((resolve, reject) => {
    const raw = DIRECT_PORT !== undefined
      ? net.connect(Number(DIRECT_PORT), "127.0.0.1")
      : PROXY_SOCKET !== undefined
      ? net.connect(PROXY_SOCKET)
      : net.connect(Number(PROXY_PORT), "127.0.0.1");
    raw.setNoDelay?.(true);
    raw.once("error", reject);
    const secure = () => {
      const socket = tls.connect({
        socket: raw,
        servername: HOST,
        ca,
        ALPNProtocols: ["http/1.1"],
      });
      socket.once("secureConnect", () => resolve(socket));
      socket.once("error", reject);
    };
    if (DIRECT_PORT !== undefined) return void raw.once("connect", secure);
    raw.write(`CONNECT ${HOST}:${PORT} HTTP/1.1\r\nHost: ${HOST}:${PORT}\r\n\r\n`);
    raw.once("data", (head) => {
      if (!head.toString("latin1").startsWith("HTTP/1.1 200")) reject(new Error(`${head}`));
      else secure();
    });
  });
}

/** One request on a connection of its own agent-free socket; resolves with the response. */
function get(socket) {
  return new Promise((resolve, reject) => {
    const request = http.get({
      host: HOST,
      createConnection: () => socket,
      path: TARGET,
      headers: { host: `${HOST}:${PORT}`, connection: "keep-alive" },
    }, resolve);
    request.once("error", reject);
  });
}

/** Keep-alive requests written by hand: the client must not be the bottleneck. */
async function worker(count, latencies) {
  const socket = await connect();
  const ask = Buffer.from(`GET ${TARGET} HTTP/1.1\r\nHost: ${HOST}:${PORT}\r\n\r\n`);
  return new Promise((resolve, reject) => {
    let left = count, need = -1, got = 0, started = 0;
    const send = () => {
      started = performance.now();
      socket.write(ask);
    };
    socket.on("data", (chunk) => {
      let body = chunk.length;
      if (need === -1) {
        const end = chunk.indexOf("\r\n\r\n");
        const head = chunk.toString("latin1", 0, end);
        if (!head.startsWith("HTTP/1.1 200")) return reject(new Error(chunk.toString()));
        need = Number(/content-length: (\d+)/i.exec(head)[1]);
        body -= end + 4;
      }
      got += body;
      if (got < need) return;
      latencies.push(performance.now() - started);
      need = -1;
      got = 0;
      if (--left === 0) {
        socket.destroy();
        resolve();
      } else send();
    });
    socket.once("error", reject);
    send();
  });
}

if (MODE === "rate") {
  const connections = Number(CONNECTIONS);
  const each = Math.ceil(Number(REQUESTS) / connections);
  const latencies = [];
  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, () => worker(each, latencies)));
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor(latencies.length * share)];
  console.log(JSON.stringify({
    rate: Math.round(latencies.length / seconds),
    p50: at(0.5),
    p99: at(0.99),
  }));
} else if (MODE === "down") {
  const socket = await connect();
  const started = performance.now();
  const response = await get(socket);
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (PACE_MB_S !== undefined) {
      const due = bytes / (Number(PACE_MB_S) * 1e6) * 1000 - (performance.now() - started);
      if (due > 1) await new Promise((resolve) => setTimeout(resolve, due));
    }
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(JSON.stringify({ bytes, mb_s: bytes / 1e6 / seconds }));
  socket.destroy();
} else {
  const socket = await connect();
  const response = await get(socket);
  for await (const chunk of response) {
    const arrived = performance.timeOrigin + performance.now();
    console.log(JSON.stringify({ ms: arrived - Number(/data: ([\d.]+)/.exec(chunk)[1]) }));
    break;
  }
  socket.destroy();
}
