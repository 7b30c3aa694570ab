import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Route } from "../policy.ts";
import { echoes } from "./credentials.ts";
import type { Question } from "./decide.ts";
import { openUpstream, pump, type Rules, type Traffic } from "./forward.ts";
import { responseHeaders } from "./headers.ts";
import { Masker } from "./mask.ts";

/**
 * Passes a WebSocket (RFC 6455) through on a granted route.
 * Frames from upstream are masked like bodies: replacements keep their length, so framing holds.
 */
export async function upgrade(
  incoming: IncomingMessage,
  socket: Socket,
  head: Buffer,
  question: Question,
  route: Route,
  rules: Rules,
): Promise<Traffic> {
  const traffic: Traffic = { status: 0, sent: 0, received: 0 };
  // A compressed frame could not be masked.
  if (route.auth !== undefined) {
    dropHeader(incoming.rawHeaders, "sec-websocket-extensions");
  }
  const request = await openUpstream(
    incoming,
    question,
    route,
    rules,
    "websocket",
  );
  socket.once("close", () => request.destroy());
  const [response, upstream, first] = await new Promise<
    [IncomingMessage, Socket | undefined, Buffer]
  >((resolve, reject) => {
    request.once(
      "upgrade",
      (...args) => resolve(args as [IncomingMessage, Socket, Buffer]),
    );
    request.once(
      "response",
      (answer) => resolve([answer, undefined, Buffer.alloc(0)]),
    );
    request.once("error", reject);
    request.end();
  });
  traffic.status = response.statusCode!;
  const masker = () =>
    route.auth === undefined ? undefined : new Masker(echoes(rules.secrets[route.auth.secret]!));
  const maskHead = (text: string) => {
    const bytes = Buffer.from(text, "latin1");
    const head = masker();
    return head === undefined ? bytes : Buffer.concat([head.push(bytes), head.end()]);
  };
  const headers = upstream === undefined
    ? [
      ...responseHeaders(response.rawHeaders, (text) => text),
      "connection",
      "close",
    ]
    : response.rawHeaders;
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`];
  for (let i = 0; i < headers.length; i += 2) {
    lines.push(`${headers[i]}: ${headers[i + 1]}`);
  }
  socket.write(maskHead(`${lines.join("\r\n")}\r\n\r\n`));
  const received = (bytes: number) => void (traffic.received += bytes);
  if (upstream === undefined) {
    await pump(response, socket, received, masker());
    return traffic;
  }
  if (first.length > 0) upstream.unshift(first);
  if (head.length > 0) socket.unshift(head);
  await Promise.allSettled([
    pump(upstream, socket, received, masker()),
    pump(socket, upstream, (bytes) => void (traffic.sent += bytes)),
  ]);
  upstream.destroy();
  socket.destroy();
  return traffic;
}

function dropHeader(raw: string[], name: string): void {
  for (let i = raw.length - 2; i >= 0; i -= 2) {
    if (raw[i]!.toLowerCase() === name) raw.splice(i, 2);
  }
}
