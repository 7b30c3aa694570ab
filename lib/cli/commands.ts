import type { Command, CommandModule, Flag, Read } from "./command.ts";

const BACKEND: Flag = {
  name: "backend",
  value: "NAME",
  summary: "where bottles run: docker",
};
const FORMAT: Flag = { name: "format", value: "json", summary: "print JSON" };
const YES: Flag = { name: "yes", short: "y", summary: "do not ask" };

/** Every command there is. Loading an entry's code is the workers' business. */
export const COMMANDS: readonly Command[] = [
  {
    name: "start",
    summary: "start an agent in a new bottle",
    details: `The agent's manifest is ~/.claude-bottle/agents/AGENT.md, or that of the repository in
the working directory; its bottle says what is granted. Ends with the agent: with exit code 0
everything is removed, otherwise the bottle is kept for "resume". Losing the terminal detaches.`,
    positionals: [{ name: "AGENT" }],
    flags: [
      { name: "cwd", summary: "copy the working directory to /workspace in the bottle" },
      BACKEND,
      { name: "detach", short: "d", summary: "print the ID and leave the agent running" },
      YES,
      { name: "trust-repo-agent", summary: "trust this repository's agent from now on" },
      { name: "dry-run", summary: "print what would be done, and do nothing" },
      FORMAT,
      { name: "headless", summary: "run without a terminal: one prompt, one answer" },
      { name: "prompt", value: "TEXT", summary: "the prompt of --headless" },
    ],
    rest: "arguments for claude",
    read: () => import("./start_needs.ts").then((module) => module.startNeeds as Read),
    load: () => import("./start.ts").then((module) => module.start as CommandModule),
  },
  {
    name: "attach",
    summary: "get back to the terminal of a running bottle",
    positionals: [{ name: "ID" }],
    flags: [],
    load: () => import("./attach.ts").then((module) => module.attach),
  },
  {
    name: "resume",
    summary: "start a stopped bottle again, with new sidecars",
    details: `The manifest is read again: what it grants now is what the bottle gets.`,
    positionals: [{ name: "ID" }],
    flags: [YES, { name: "detach", short: "d", summary: "leave the agent running" }],
    rest: "arguments for claude",
    read: () => import("./resume_needs.ts").then((module) => module.resumeNeeds as Read),
    load: () => import("./resume.ts").then((module) => module.resume as CommandModule),
  },
  {
    name: "exec",
    summary: "run a command in a running bottle, as the agent",
    positionals: [{ name: "ID" }],
    flags: [],
    rest: "the command",
    load: () => import("./exec.ts").then((module) => module.exec),
  },
  {
    name: "get",
    summary: "copy files out of a bottle, or of the work it left",
    details: `PATH is below /workspace (default: all of it). DEST must not exist or be empty. Links
that leave DEST, devices and the like are left out, and said.`,
    positionals: [{ name: "ID" }, { name: "PATH", optional: true }, { name: "DEST" }],
    flags: [],
    read: () => import("./get.ts").then((module) => module.getNeeds as Read),
    load: () => import("./get.ts").then((module) => module.get as CommandModule),
  },
  {
    name: "list",
    summary: "list bottles: running, and stopped ones that can be resumed",
    positionals: [],
    flags: [FORMAT],
    load: () => import("./list.ts").then((module) => module.list),
  },
  {
    name: "info",
    summary: "show what an agent is granted, or what a bottle is",
    positionals: [{ name: "AGENT|ID" }],
    flags: [FORMAT],
    read: () => import("./info.ts").then((module) => module.infoNeeds as Read),
    load: () => import("./info.ts").then((module) => module.info as CommandModule),
  },
  {
    name: "init",
    summary: "write a first agent and bottle",
    details: `Asks at most three questions and never overwrites a file.`,
    positionals: [],
    flags: [],
    read: () => import("./init.ts").then((module) => module.initNeeds as Read),
    load: () => import("./init.ts").then((module) => module.init as CommandModule),
  },
  {
    name: "edit",
    summary: "open the manifest of an agent or a bottle",
    positionals: [{ name: "AGENT|BOTTLE" }],
    flags: [],
    read: () => import("./edit.ts").then((module) => module.editNeeds as Read),
    load: () => import("./edit.ts").then((module) => module.edit as CommandModule),
  },
  {
    name: "stop",
    summary: "stop and remove a bottle",
    details: `A copied workspace that changed is kept first, for "get".`,
    positionals: [{ name: "ID", optional: true }],
    flags: [{ name: "all", summary: "every bottle" }],
    load: () => import("./stop.ts").then((module) => module.stop),
  },
  {
    name: "cleanup",
    summary: "remove what crashed runs left behind",
    positionals: [],
    flags: [{ name: "dry-run", summary: "only list it" }, YES],
    load: () => import("./cleanup.ts").then((module) => module.cleanup),
  },
  {
    name: "logs",
    summary: "show what a bottle asked for and what was decided",
    positionals: [{ name: "ID" }],
    flags: [{ name: "follow", short: "f", summary: "go on as it happens" }, FORMAT],
    load: () => import("./logs.ts").then((module) => module.logs),
  },
  {
    name: "build",
    summary: "build the images now, whatever the cache says",
    positionals: [],
    flags: [],
    read: () => import("./build.ts").then((module) => module.buildNeeds as Read),
    load: () => import("./build.ts").then((module) => module.build as CommandModule),
  },
  {
    name: "doctor",
    summary: "check this machine and the manifests",
    positionals: [],
    flags: [FORMAT],
    read: () => import("./doctor.ts").then((module) => module.doctorNeeds as Read),
    load: () => import("./doctor.ts").then((module) => module.doctor as CommandModule),
  },
  {
    name: "schema",
    summary: "print the JSON Schema of a manifest",
    positionals: [{ name: "bottle|agent|config" }],
    flags: [],
    load: () => import("./schema.ts").then((module) => module.schema),
  },
  {
    name: "completions",
    summary: "print a shell's completion script",
    positionals: [{ name: "bash|zsh|fish" }],
    flags: [],
    load: () => import("./completions.ts").then((module) => module.completions),
  },
];
