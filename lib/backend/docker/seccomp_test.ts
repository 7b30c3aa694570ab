import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { seccompProfile } from "./seccomp.ts";

interface Rule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}
const profile = seccompProfile() as {
  defaultAction: string;
  archMap: { subArchitectures: unknown }[];
  syscalls: Rule[];
};
const rulesOf = (name: string) => profile.syscalls.filter(({ names }) => names.includes(name));
const allowed = (name: string) => rulesOf(name).filter(({ action }) => action === "SCMP_ACT_ALLOW");

Deno.test("seccompProfile() refuses what it does not name, and 32-bit calls", () => {
  strictEqual(profile.defaultAction, "SCMP_ACT_ERRNO");
  for (const { subArchitectures } of profile.archMap) strictEqual(subArchitectures, null);
});

Deno.test("seccompProfile() knows two actions only", () => {
  const actions = new Set(profile.syscalls.map(({ action }) => action));
  deepStrictEqual([...actions].sort(), ["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"]);
});

Deno.test("seccompProfile() opens sockets of four families, and not AF_VSOCK", () => {
  for (const name of ["socket", "socketpair"]) {
    const families = allowed(name).map(({ args }) => {
      strictEqual(args?.length, 1);
      deepStrictEqual([args![0]!.index, args![0]!.op], [0, "SCMP_CMP_EQ"]);
      return args![0]!.value;
    });
    deepStrictEqual(families, [1, 2, 10, 16]); // unix, inet, inet6, netlink; 40 is vsock
  }
});

Deno.test("seccompProfile() makes processes, and no namespaces", () => {
  strictEqual(allowed("clone").length, 1);
  const [clone] = allowed("clone");
  const newFlags = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 |
    0x40000000; // CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
  deepStrictEqual(clone!.args, [
    { index: 0, value: newFlags, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" },
  ]);
  // Its flags are behind a pointer: callers must take it for absent and use clone.
  strictEqual(allowed("clone3").length, 0);
  deepStrictEqual(rulesOf("clone3").map(({ errnoRet }) => errnoRet), [38]);
});

for (
  const name of [
    "mount",
    "umount2",
    "fsopen",
    "fsmount",
    "move_mount",
    "open_tree",
    "mount_setattr",
    "unshare",
    "setns",
    "pivot_root",
    "chroot",
    "bpf",
    "keyctl",
    "add_key",
    "request_key",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "userfaultfd",
    "perf_event_open",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "swapon",
    "syslog",
    "settimeofday",
    "clock_settime",
    "sethostname",

    "iopl",
    "ioperm",
    "open_by_handle_at",
    "name_to_handle_at",
    "quotactl",
    "acct",
    "lookup_dcookie",
    "process_vm_writev",
    "process_vm_readv",
    "modify_ldt",
    "vhangup",
    "fanotify_init",
  ]
) {
  Deno.test(`seccompProfile() does not let ${name} through`, () => {
    strictEqual(allowed(name).length, 0);
  });
}

Deno.test("seccompProfile() lets ordinary programs run", () => {
  for (
    const name of ["read", "openat", "execve", "futex", "epoll_wait", "connect", "mmap", "kill"]
  ) {
    ok(allowed(name).some(({ args }) => args === undefined), name);
  }
  deepStrictEqual(allowed("personality").map(({ args }) => args![0]!.value), [
    0,
    8,
    0x20000,
    0x20008,
    0xffffffff,
  ]);
});

Deno.test("seccompProfile() names a call under one action only", () => {
  for (const { names } of profile.syscalls) {
    for (const name of names) {
      strictEqual(new Set(rulesOf(name).map(({ action }) => action)).size, 1, name);
    }
  }
});
