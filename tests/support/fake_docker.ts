import { agentImage, sidecarsImage } from "../../lib/image/inputs.ts";
import { createHome, type Home } from "./program.ts";

/** A home whose `docker` is a shell script, and what that was asked. */
export interface FakeHost extends Home {
  /** The folder with the `docker`. */
  bin: string;
  /** The command lines of docker so far. */
  calls(): Promise<string[]>;
}

/** Answers as a healthy engine does on which all images are built and no bottle runs. */
const HEALTHY = `
  "version --format"*) echo '{"Version":"24.0.7","ApiVersion":"1.43","Os":"linux","Arch":"amd64"}' ;;
  "--version") echo "Docker version 24.0.7" ;;
  "image ls"*) printf '%s' "$IMAGES" ;;
  "network ls"*) echo network-id ;;
  "run "*-bundle\\ *)
    echo '{"ok":true,"ca":"-----BEGIN CERTIFICATE-----"}'
    echo '{"ok":true,"version":1}'
    exec cat >/dev/null ;;
  "run "*) echo up; echo trusted; exec cat >/dev/null ;;
  "container inspect"*) echo "Error: No such container: x" >&2; exit 1 ;;`;

/** docker's list of the images that bottles without settings of their own are made from. */
function imagesBuilt(): string {
  const nodeImage = Deno.env.get("CLAUDE_BOTTLE_NODE_IMAGE");
  const settings = { extraCa: "", ...(nodeImage && { nodeImage }) };
  return [agentImage(settings), sidecarsImage(settings)]
    .map(({ reference }) => `${reference} sha256:${reference}\n`).join("");
}

/** Makes a host with an agent "web"; `cases` (of a shell's "case") come before the healthy ones. */
export async function fakeDocker(
  cases = "",
  { bottle = "egress: { pipelock: false }", script }: {
    bottle?: string;
    /** Replaces the whole docker; null means that there is none. */
    script?: null;
  } = {},
): Promise<FakeHost> {
  const bin = await Deno.makeTempDir({ prefix: "cb-bin-" });
  const log = `${bin}/calls.log`;
  if (script !== null) await writeDocker(`${bin}/docker`, { log, cases });
  const home = await createHome({ PATH: `${bin}:/usr/bin:/bin`, IMAGES: imagesBuilt() });
  // Without a docker of our own none of the machine's may be found either.
  if (script === null) home.env.PATH = bin;
  await home.write("agents/web.md", "---\nbottle: web\n---\n");
  await home.write("bottles/web.md", `---\n${bottle}\n---\n`);
  return {
    ...home,
    bin,
    calls: async () =>
      (await Deno.readTextFile(log).catch(() => "")).split("\n").filter((line) => line !== ""),
    async [Symbol.asyncDispose]() {
      await home[Symbol.asyncDispose]();
      // A docker whose asker has ended may still be writing down that it was asked.
      for (let tries = 0;; tries++) {
        try {
          return await Deno.remove(bin, { recursive: true });
        } catch (error) {
          if (tries === 20) throw error;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    },
  };
}

/** Writes a `docker` that notes what it is asked in `log`. */
export async function writeDocker(
  path: string,
  { log, cases = "" }: { log: string; cases?: string },
): Promise<void> {
  const script = `#!/bin/sh
printf '%s\\n' "$*" | head -n 1 >>'${log}'
case "$*" in
${cases}
${HEALTHY}
esac
`;
  await Deno.writeTextFile(path, script, { mode: 0o755 });
}
