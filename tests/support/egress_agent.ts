/**
 * The agent, for tests: reads JSON lines, each a conversation to have with the proxy's socket,
 * byte for byte, and says what came back. Runs on Node in a container without a network.
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { connect as secure } from "node:tls";

/** One conversation. */
export interface Talk {
  /** Sent first, as CONNECT; absent: bytes go to the proxy itself. */
  connect?: string;
  /** Whether TLS is spoken in the tunnel (the default), and the name it asks for. */
  tls?: boolean;
  sni?: string;
  /** What is sent, one after the other, as latin1. */
  send: string[];
  /** Milliseconds between those. */
  gap?: number;
  /** How long to listen when the other side does not close. */
  wait?: number;
  /** Go away after this many milliseconds. */
  abort?: number;
}

/** What came back. */
export interface Heard {
  /** Of the proxy, before the tunnel. */
  tunnel: string;
  text: string;
  /** Milliseconds from the first byte that came to each piece. */
  times: number[];
  /** The certificate's issuer, when TLS was spoken. */
  issuer: string;
  error: string;
}

function talk(
  { connect: target, tls = true, sni, send, gap = 20, wait = 3000, abort }: Talk,
): Promise<Heard> {
  return new Promise((resolve) => {
    const heard: Heard = { tunnel: "", text: "", times: [], issuer: "", error: "" };
    const raw = connect("/run/claude-bottle/proxy/proxy.sock");
    const done = (error?: Error) => {
      heard.error ||= error?.message ?? "";
      clearTimeout(timer);
      raw.destroy();
      resolve(heard);
    };
    const timer = setTimeout(done, wait);
    const speak = async (socket: Socket) => {
      let first = 0;
      socket.on("data", (chunk) => {
        first ||= performance.now();
        heard.times.push(performance.now() - first);
        heard.text += chunk.toString("latin1");
      });
      socket.on("error", done);
      socket.on("close", () => done());
      if (abort !== undefined) setTimeout(done, abort);
      for (const text of send) {
        socket.write(Buffer.from(text, "latin1"));
        await new Promise((go) => setTimeout(go, gap));
      }
    };
    raw.on("error", done);
    raw.on("close", () => done());
    if (target === undefined) return void speak(raw);
    raw.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    raw.once("data", (chunk) => {
      heard.tunnel = chunk.toString("latin1");
      if (!heard.tunnel.startsWith("HTTP/1.1 200")) return done();
      if (!tls) return void speak(raw);
      const name = sni ?? target.replace(/:\d+$/, "").replace(/\.$/, "");
      const servername = /^[\d.[]/.test(name) ? "" : name;
      const socket = secure({ socket: raw, servername, rejectUnauthorized: false });
      socket.once("secureConnect", () => {
        heard.issuer = String(socket.getPeerCertificate().issuer.CN);
        void speak(socket);
      });
      socket.once("error", done);
    });
  });
}

if (process.argv[2] === "serve") {
  createInterface({ input: process.stdin }).on("line", async (line) => {
    const { id, ...what } = JSON.parse(line) as Talk & { id: number };
    console.log(JSON.stringify({ id, ...await talk(what) }));
  });
}
