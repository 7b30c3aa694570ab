import { rejects, strictEqual, throws } from "node:assert/strict";
import { UserError } from "../system/errors.ts";
import type { RunResult } from "../system/process.ts";
import { createSmolvm, probeVersion, smolvmError } from "./smolvm.ts";

const signal = new AbortController().signal;
const tool = (result: Partial<RunResult>) =>
  createSmolvm("/bin/smolvm", {
    run: () => Promise.resolve({ code: 0, stdout: "", stderr: "", ...result }),
    stream: () => {
      throw new Error("not asked");
    },
    interact: () => Promise.resolve(0),
  });

Deno.test("probeVersion() takes 1.9.0 and newer", async () => {
  for (const version of ["1.9.0", "1.9.3", "1.10.0", "2.0.0"]) {
    strictEqual(await probeVersion(tool({ stdout: `smolvm ${version}\n` }), signal), version);
  }
  strictEqual(await probeVersion(tool({ stdout: "smolvm 1.12.1-rc.1\n" }), signal), "1.12.1");
});

Deno.test("probeVersion() refuses older ones by their number, and what is no version", async () => {
  for (const version of ["1.8.9", "0.99.0", "1.0.0"]) {
    await rejects(
      probeVersion(tool({ stdout: `smolvm ${version}\n` }), signal),
      (error) =>
        error instanceof UserError && error.exitCode === 69 &&
        error.message === `Cannot use smolvm ${version}: 1.9.0 or newer is needed`,
    );
  }
  for (const stdout of ["", "smolvm", "1.9.0", "smolvm 1.9", "smolvm 1.9.0 extra"]) {
    await rejects(probeVersion(tool({ stdout }), signal), /Cannot understand smolvm's version/);
  }
});

Deno.test("a machine without smolvm says so, with exit code 69", async () => {
  const none = createSmolvm(undefined, {
    run: () => Promise.reject(new Error("not asked")),
    stream: () => {
      throw new Error("not asked");
    },
    interact: () => Promise.resolve(0),
  });
  const missing = (error: unknown) => error instanceof UserError && error.exitCode === 69;
  await rejects(none.check(["--version"]), missing);
  throws(() => none.stream(["machine"]), missing);
});

Deno.test("a failure keeps smolvm's own words, and a full disk is told", async () => {
  const failed = { code: 1, stdout: "", stderr: "Error: disk quota" };
  await rejects(tool(failed).check(["machine", "ls"]), /smolvm machine ls/);
  const full = smolvmError(["smolvm"], { ...failed, stderr: "Error: No space left on device" });
  strictEqual(full instanceof UserError && full.exitCode, 74);
});
