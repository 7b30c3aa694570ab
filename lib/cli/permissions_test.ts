import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { HostFacts } from "./command.ts";
import { needsMore, readerPermissions, runnerPermissions } from "./permissions.ts";

const HOST: HostFacts = {
  home: "/home/u",
  cwd: "/work",
  tools: { docker: "/usr/bin/docker" },
  tty: { stdin: false, stdout: false, stderr: false },
  color: false,
  terminal: {},
  env: {},
  texts: {},
  version: "0",
};
const OWN = [
  "/home/u/.claude-bottle/state",
  "/home/u/.claude-bottle/audit",
  "/home/u/.cache/claude-bottle",
];
const NOTHING = {
  read: false,
  write: false,
  net: false,
  env: false,
  run: false,
  sys: false,
  ffi: false,
  import: false,
};

Deno.test("readerPermissions() let it read manifests, and nothing else", () => {
  deepStrictEqual(readerPermissions(HOST), {
    ...NOTHING,
    read: ["/home/u/.claude-bottle", "/work/.claude-bottle"],
  });
});

Deno.test("runnerPermissions() are docker, state and cache when a command asks for nothing", () => {
  deepStrictEqual(runnerPermissions(HOST, {}), {
    ...NOTHING,
    read: OWN,
    write: OWN,
    run: ["/usr/bin/docker"],
  });
  strictEqual(runnerPermissions({ ...HOST, tools: {} }, {}).run, false);
});

Deno.test("runnerPermissions() add what the reader found to be needed, by name", () => {
  const grants = { read: ["/skill"], write: ["/out"], env: ["TOKEN"], run: ["/usr/bin/vi"] };
  deepStrictEqual(runnerPermissions(HOST, grants), {
    ...NOTHING,
    read: [...OWN, "/skill"],
    write: [...OWN, "/out"],
    run: ["/usr/bin/docker", "/usr/bin/vi"],
  });
});

Deno.test("needsMore() keeps a runner that was started early only when nothing is to be added", () => {
  strictEqual(needsMore(HOST, {}), false);
  strictEqual(needsMore(HOST, { env: ["TOKEN"], read: [`${OWN[0]}/x`] }), false);
  for (
    const grants of [
      { read: ["/skill"] },
      { read: [`${OWN[0]}-not`] },
      { write: [`${OWN[0]}/x`] },
      { run: ["/usr/bin/vi"] },
      { anywhere: true },
    ]
  ) strictEqual(needsMore(HOST, grants), true, JSON.stringify(grants));
});

Deno.test("runnerPermissions() open the file system only where that is the command's purpose", () => {
  const { read, write, net, run } = runnerPermissions(HOST, { anywhere: true });
  deepStrictEqual({ read, write, net, run }, {
    read: true,
    write: true,
    net: false,
    run: ["/usr/bin/docker"],
  });
});

/** Asks Deno itself: what a worker with these permissions is granted. */
async function granted(
  permissions: Deno.PermissionOptionsObject,
  queries: Deno.PermissionDescriptor[],
): Promise<boolean[]> {
  const code = `onmessage = ({ data }) => postMessage(
    data.map((query) => Deno.permissions.querySync(query).state === "granted"));`;
  const url = `data:application/javascript,${encodeURIComponent(code)}`;
  const worker = new Worker(url, { type: "module", deno: { permissions } });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(queries);
    });
  } finally {
    worker.terminate();
  }
}

const ACTS: Deno.PermissionDescriptor[] = [
  { name: "run" },
  { name: "run", command: "/bin/sh" },
  { name: "net" },
  { name: "net", host: "127.0.0.1" },
  { name: "write" },
  { name: "write", path: "/tmp" },
  { name: "env" },
  { name: "env", variable: "CLAUDE_BOTTLE_OAUTH_TOKEN" },
  { name: "read" },
  { name: "read", path: "/etc/passwd" },
  { name: "read", path: "/home/u/.ssh" },
  { name: "ffi" },
  { name: "sys" },
];

Deno.test("a worker with readerPermissions() can read manifests, and neither run, write nor dial", async () => {
  const allowed: Deno.PermissionDescriptor[] = [
    { name: "read", path: "/home/u/.claude-bottle/agents/x.md" },
    { name: "read", path: "/work/.claude-bottle/agents/x.md" },
  ];
  const answers = await granted(readerPermissions(HOST), [...allowed, ...ACTS]);
  deepStrictEqual(answers, [true, true, ...ACTS.map(() => false)]);
});

Deno.test("a worker with runnerPermissions() gets only what is stated", async () => {
  const allowed: Deno.PermissionDescriptor[] = [
    { name: "run", command: "/usr/bin/docker" },
    { name: "write", path: "/home/u/.claude-bottle/state/x" },
  ];
  const denied: Deno.PermissionDescriptor[] = [
    ...ACTS,
    // It can neither read nor write what grants.
    { name: "write", path: "/home/u/.claude-bottle/bottles/web.md" },
    { name: "read", path: "/home/u/.claude-bottle/bottles/web.md" },
    { name: "read", path: "/work" },
    // Values of variables are handed over; it reads none itself.
    { name: "env", variable: "TOKEN" },
  ];
  const answers = await granted(runnerPermissions(HOST, { env: ["TOKEN"] }), [
    ...allowed,
    ...denied,
  ]);
  deepStrictEqual(answers, [true, true, ...denied.map(() => false)]);
  // No variable is asked for: none is readable.
  deepStrictEqual(await granted(runnerPermissions(HOST, {}), ACTS), ACTS.map(() => false));
});
