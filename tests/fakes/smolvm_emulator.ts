/**
 * An emulator of smolvm's command line, for tests: what it does is what smolvm's contract says,
 * by other means. So far `--version` and `pack create`.
 */

const VERSION = Deno.env.get("SMOLVM_EMULATOR_VERSION") ?? "1.9.3";

/** smolvm's own failure: exit code 1 and a line that begins with "Error: ". */
class Failure extends Error {}
/** A misuse of the command line, as clap reports it: exit code 2. */
class Usage extends Error {}

try {
  await main(Deno.args);
} catch (error) {
  if (error instanceof Usage) {
    console.error(`error: ${error.message} (smolvm emulator)`);
    Deno.exit(2);
  }
  if (!(error instanceof Failure)) throw error;
  console.error(`Error: ${error.message} (smolvm emulator)`);
  Deno.exit(1);
}

async function main(args: string[]): Promise<void> {
  if (args.length === 1 && args[0] === "--version") console.log(`smolvm ${VERSION}`);
  else if (args[0] === "pack" && args[1] === "create") await packCreate(args.slice(2));
  else throw new Usage(`unrecognized subcommand '${args.join(" ")}'`);
}

/** Pulls an image over the registry protocol and writes a launcher and an artifact that holds it. */
async function packCreate(args: string[]): Promise<void> {
  const options = new Map<string, string>();
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i]!;
    if (!["--image", "-o"].includes(name)) throw new Usage(`unexpected argument '${name}' found`);
    if (args[i + 1] === undefined) throw new Usage(`a value is required for '${name}'`);
    options.set(name, args[i + 1]!);
  }
  const image = options.get("--image");
  const out = options.get("-o");
  if (image === undefined || out === undefined) {
    throw new Usage("the following required arguments were not provided: --image, -o");
  }
  if (out.endsWith(".smolmachine")) {
    throw new Failure(`output '${out}' must not end in .smolmachine`);
  }
  if (/^[a-z-]+:[^\d]|^\.?\//.test(image)) {
    throw new Failure(`'${image}' is not a registry reference`);
  }
  // Plain HTTP for loopback alone, as the crane inside of smolvm has it.
  const loopback = /^localhost:\d+\//.test(image);
  const artifact = `${out}.smolmachine`;
  const pull = await new Deno.Command("skopeo", {
    args: [
      "copy",
      "--quiet",
      ...(loopback ? ["--src-tls-verify=false"] : []),
      `docker://${image}`,
      `docker-archive:${artifact}`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!pull.success) {
    await Deno.remove(artifact).catch(() => {});
    throw new Failure(`failed to pull ${image}: ${new TextDecoder().decode(pull.stderr).trim()}`);
  }
  await Deno.writeTextFile(out, `#!/bin/sh\n# smolvm emulator: boots ${artifact}\n`, {
    mode: 0o755,
  });
}
