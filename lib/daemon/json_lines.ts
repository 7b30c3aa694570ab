/** A line holds at most this many characters: a policy with its secrets and certificates. */
const LIMIT = 16 * 1024 * 1024;

/** What `eachLine` reads: a socket, or stdin. */
interface Source {
  setEncoding(encoding: "utf8"): unknown;
  on(event: "data", listener: (chunk: string) => void): unknown;
  destroy(error: Error): unknown;
}

/** Calls `onLine` for every line of `source`, which is ended with an error when one is too long. */
export function eachLine(source: Source, onLine: (line: string) => void): void {
  let rest = "";
  source.setEncoding("utf8");
  source.on("data", (chunk) => {
    const lines = chunk.split("\n");
    lines[0] = rest + lines[0]!;
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
    if (rest.length > LIMIT) source.destroy(new Error("The line is too long"));
  });
}
