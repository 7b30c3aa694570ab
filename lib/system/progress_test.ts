import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { createProgress } from "./progress.ts";

function recorded(options: { tty?: boolean; color?: boolean; quiet?: boolean } = {}) {
  let text = "";
  const write = (part: string) => void (text += part);
  const progress = createProgress({ write, tty: false, color: false, ...options });
  return { progress, text: () => text };
}

const TIME = String.raw`\d+\.\ds`;

Deno.test("createProgress() reports a step with its time, and its failure", async () => {
  const { progress, text } = recorded();
  strictEqual(await progress.step("bundle", () => Promise.resolve(7)), 7);
  await rejects(progress.step("bottle", () => Promise.reject(new Error("no"))), /no/);
  match(text(), new RegExp(`^✓ bundle ${TIME}\n✗ bottle ${TIME}\n$`));
});

Deno.test("createProgress() announces a step that takes its time, in plain lines in a log", async () => {
  const { progress, text } = recorded();
  const announced = Promise.withResolvers<void>();
  const real = globalThis.setTimeout;
  // The announcement's timer fires at once: what it does is under test, not how long it takes.
  globalThis.setTimeout =
    ((work: () => void) => real(() => (work(), announced.resolve()), 0)) as typeof setTimeout;
  try {
    await progress.step("image", async (detail) => {
      await announced.promise;
      detail("Step 1/2\x1b[2J");
    });
  } finally {
    globalThis.setTimeout = real;
  }
  match(text(), new RegExp(`^… image\n… image \\(Step 1/2\\\\u001b\\[2J\\)\n✓ image ${TIME}\n$`));
});

Deno.test("createProgress() redraws one line on a terminal, and colours when it may", async () => {
  const { progress, text } = recorded({ tty: true, color: true });
  await progress.step("bundle", () => Promise.resolve());
  progress.warn("careful");
  match(
    text(),
    new RegExp(
      `^\r\x1b\\[K\x1b\\[32m✓\x1b\\[0m bundle ${TIME}\n\x1b\\[33mwarning:\x1b\\[0m careful\n$`,
    ),
  );
});

Deno.test("createProgress() never lets a message act on the terminal", () => {
  const { progress, text } = recorded();
  progress.say("a\x1b[2Jb");
  progress.warn("c\nerror: fake");
  strictEqual(text(), "a\\u001b[2Jb\nwarning: c\\u000aerror: fake\n");
});

Deno.test("createProgress() says nothing but warnings when quiet", async () => {
  const { progress, text } = recorded({ quiet: true });
  progress.say("hello");
  await progress.step("x", () => Promise.resolve());
  progress.warn("careful");
  deepStrictEqual(text(), "warning: careful\n");
});
