/** What the egress bench asks for, over TLS: 1 KB, a big body, or a stream of events. On Node. */
import { randomBytes } from "node:crypto";
import https from "node:https";

const small = Buffer.alloc(1024, 97);
// Random, like what is compressed already: a run of one byte could be the first of a secret, which
// is the slowest case of the search for it and not a usual one.
const block = randomBytes(1 << 16);
const { TLS_CERT: cert, TLS_KEY: key, LISTEN = "9443" } = process.env;

https.createServer({ cert, key }, (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://x");
  if (pathname === "/big") {
    let left = Number(searchParams.get("mb")) * 1e6;
    response.setHeader("content-length", left);
    const more = () => {
      while (left > 0) {
        const chunk = left < block.length ? block.subarray(0, left) : block;
        left -= chunk.length;
        if (!response.write(chunk)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  } else if (pathname === "/sse") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    // Later than the head, so that the event itself is timed.
    setTimeout(() => {
      response.end(`data: ${performance.timeOrigin + performance.now()}\n\n`);
    }, 100);
  } else {
    response.setHeader("content-length", small.length);
    response.end(small);
  }
}).listen(Number(LISTEN), () => console.error("listening"));
