import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { eachLine } from "../json_lines.ts";
import type { FromDaemon, ToDaemon } from "../messages.ts";
import { DAEMON_SOCKET } from "../policy.ts";

const RESTART_MS = 100;
/** The first daemon is started beside this process: how long it may take to call. */
const FIRST_MS = 10_000;
/** How long a daemon may take to end. */
const END_MS = 1_500;

/** The egress daemon, whichever process it is at the moment. */
export interface Daemon {
  /** Tells it something; it is dropped when there is none, and the next one asks again. */
  send(message: ToDaemon): void;
  /** Ends it and starts no other; resolves when it is gone, or after a while. */
  end(): Promise<void>;
}

/**
 * Serves the socket by which the egress daemon calls, and starts a new daemon whenever the one
 * there was ends. The image's entry starts the first one, in parallel with this process: started
 * from here, it would be ready 100 ms later.
 */
export function keepDaemon(
  { onMessage, onEnd }: {
    onMessage: (message: FromDaemon) => void;
    /** It ended, and another is started; `how` is for the log. */
    onEnd: (how: string) => void;
  },
): Daemon {
  let current: { socket: Socket; pid?: number } | undefined;
  let child: ChildProcess | undefined;
  let restart: NodeJS.Timeout | undefined;

  let ending: (() => void) | undefined;

  const ended = (how: string) => {
    if (ending !== undefined) {
      ending();
      return;
    }
    onEnd(how);
    clearTimeout(restart);
    restart = setTimeout(start, RESTART_MS);
  };
  const start = () => {
    // Loaded here: a start of the bundle does not pay for what only a crash needs.
    const { spawn } = process.getBuiltinModule("node:child_process");
    const begun = child = spawn(
      "/bin/sh",
      [new URL("../egress/run.sh", import.meta.url).pathname],
      {
        stdio: ["ignore", "inherit", "inherit"], // audit lines go straight to docker's log
      },
    );
    const gone = (how: unknown) => {
      if (child !== begun) return; // its connection had closed before, and said so
      child = undefined;
      ended(String(how));
    };
    child.on("exit", (code, signal) => gone(signal ?? `code ${code}`));
    child.on("error", (error) => gone(error.message));
  };
  const server = createServer((socket) => {
    if (current !== undefined) {
      socket.destroy();
      return;
    }
    clearTimeout(restart);
    const mine: { socket: Socket; pid?: number } = current = { socket };
    eachLine(socket, (line) => {
      const message = JSON.parse(line) as FromDaemon;
      if (message.type === "listening") mine.pid = message.pid;
      onMessage(message);
    });
    socket.on("error", () => socket.destroy()); // "close" follows
    socket.on("close", () => {
      current = undefined;
      child = undefined;
      // One that hangs without its connection would keep what it has open.
      if (mine.pid !== undefined) kill(mine.pid);
      ended("its connection closed");
    });
  });
  rmSync(DAEMON_SOCKET, { force: true });
  server.listen(DAEMON_SOCKET);
  restart = setTimeout(() => ended("it did not start"), FIRST_MS);
  const send = (message: ToDaemon) => {
    current?.socket.write(`${JSON.stringify(message)}\n`);
  };
  return {
    send,
    end: () =>
      new Promise((resolve) => {
        ending = resolve;
        clearTimeout(restart);
        setTimeout(resolve, END_MS);
        if (current === undefined) resolve();
        else send({ type: "end" });
      }),
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
