/**
 * What the egress daemon is measured against: the least that terminates TLS and forwards with an
 * injected header, on the same node:http. It decides, checks, masks and records nothing. On Node.
 */
import http from "node:http";
import https from "node:https";
import tls from "node:tls";

const { TLS_CERT: cert, TLS_KEY: key, UPSTREAM_CA, UPSTREAM_PORT, LISTEN } = process.env;
const secureContext = tls.createSecureContext({ cert, key });
const agent = new https.Agent({ keepAlive: true, maxSockets: 256, ca: UPSTREAM_CA });

const inner = http.createServer((incoming, outgoing) => {
  const request = https.request({
    agent,
    host: "127.0.0.1",
    servername: "up.example",
    port: UPSTREAM_PORT,
    method: incoming.method,
    path: incoming.url,
    headers: { ...incoming.headers, authorization: "Bearer bench-token" },
  }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  request.on("error", () => outgoing.destroy());
  incoming.pipe(request);
});
http.createServer().on("connect", (_request, socket) => {
  socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
  const secure = new tls.TLSSocket(socket, { isServer: true, secureContext });
  for (const end of [socket, secure]) end.on("error", () => socket.destroy());
  secure.once("secure", () => inner.emit("connection", secure));
}).listen(LISTEN);
