import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { checkLiteral, openUpstream, type Order, patternsOf, response } from "./forward.ts";
import { Masker } from "./mask.ts";
import { pump, relay, type Traffic } from "./relay.ts";

/**
 * Passes a WebSocket (RFC 6455) through on a granted route.
 * Frames from upstream are masked like bodies: replacements keep their length, so framing holds.
 * `outgoing` answers instead when upstream does not change the protocol.
 */
export async function upgrade(
  incoming: IncomingMessage,
  { socket, head, outgoing }: {
    socket: Socket;
    head: Buffer;
    outgoing: ServerResponse;
  },
  order: Order,
): Promise<Traffic> {
  const traffic: Traffic = { status: 0, sent: 0, received: 0 };
  const patterns = patternsOf(order);
  // A compressed frame could not be masked.
  if (patterns !== undefined) {
    dropHeader(incoming.rawHeaders, "sec-websocket-extensions");
  }
  await checkLiteral(order);
  if (socket.destroyed) {
    throw new Error("The bottle closed the connection early");
  }
  const request = openUpstream(incoming, order, "websocket");
  socket.once("close", () => request.destroy());
  const switched = new Promise<
    { answer: IncomingMessage; upstream: Socket; first: Buffer }
  >(
    (resolve) => {
      request.once(
        "upgrade",
        (answer: IncomingMessage, upstream: Socket, first: Buffer) => {
          upstream.on("error", () => upstream.destroy());
          resolve({ answer, upstream, first });
        },
      );
    },
  );
  const answered = response(request);
  request.end();
  const result = await Promise.race([switched, answered]);
  if (!("upstream" in result)) {
    await relay(result, outgoing, patterns, traffic);
    return traffic;
  }
  const { answer, upstream, first } = result;
  answered.catch(() => {}); // the request closes, its socket lives on
  traffic.status = answer.statusCode!;
  const mask = (text: string) => patterns === undefined ? text : patterns.maskText(text);
  const lines = [`HTTP/1.1 101 ${mask(answer.statusMessage ?? "")}`];
  const { rawHeaders } = answer;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    lines.push(`${mask(rawHeaders[i]!)}: ${mask(rawHeaders[i + 1]!)}`);
  }
  outgoing.detachSocket(socket);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  if (first.length > 0) upstream.unshift(first);
  if (head.length > 0) socket.unshift(head);
  await Promise.allSettled([
    pump(upstream, socket, {
      count: (bytes) => void (traffic.received += bytes),
      ...(patterns !== undefined && { masker: new Masker(patterns) }),
    }),
    pump(socket, upstream, { count: (bytes) => void (traffic.sent += bytes) }),
  ]);
  upstream.destroy();
  socket.destroySoon();
  return traffic;
}

function dropHeader(raw: string[], name: string): void {
  for (let i = raw.length - 2; i >= 0; i -= 2) {
    if (raw[i]!.toLowerCase() === name) raw.splice(i, 2);
  }
}
