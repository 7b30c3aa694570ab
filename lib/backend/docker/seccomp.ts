/**
 * The system calls a bottle may make, as a profile for docker's `--security-opt seccomp=`.
 * Everything not named fails: with ENOSYS, so that libraries fall back as on an older kernel.
 *
 * Our own and not the engine's default, because that one differs between engines (20.10 lets
 * AF_VSOCK through, which reaches the hypervisor past any network namespace) and because a
 * bottle has no capabilities, so every rule for them can go. Stricter than docker's: io_uring,
 * AF_ALG, AF_PACKET, keyrings, user namespaces and 32-bit system calls are absent.
 */
export function seccompProfile(): unknown {
  const allow = "SCMP_ACT_ALLOW";
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    // Ignored by docker 20.10, where the default is EPERM: hence the explicit list below.
    defaultErrnoRet: ENOSYS,
    // No subarchitectures: a process that makes 32-bit calls is killed by the kernel's filter.
    archMap: [
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: null },
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: null },
    ],
    syscalls: [
      { names: SYSCALLS.join(" ").split(/\s+/), action: allow },
      // One rule a family: the rules of one call are alternatives.
      ...SOCKET_FAMILIES.map((value) => ({
        names: ["socket", "socketpair"],
        action: allow,
        args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
      })),
      // Without any of the CLONE_NEW* flags; clone3's are behind a pointer, so it does not exist.
      {
        names: ["clone"],
        action: allow,
        args: [{ index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      // The personalities that build tools ask about or set: none of them weakens the kernel.
      ...[0x0, 0x0008, 0x20000, 0x20008, 0xffffffff].map((value) => ({
        names: ["personality"],
        action: allow,
        args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
      })),
      // Callers fall back only from ENOSYS: glibc to clone, event loops to epoll.
      {
        names: ["clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"],
        action: "SCMP_ACT_ERRNO",
        errnoRet: ENOSYS,
      },
      // Refused as forbidden, not as unknown: what users would look for.
      {
        names: ["unshare", "mount", "umount2", "setns", "bpf", "pivot_root", "keyctl", "add_key"],
        action: "SCMP_ACT_ERRNO",
        errnoRet: EPERM,
      },
    ],
  };
}

const EPERM = 1;
const ENOSYS = 38;
const NAMESPACE_FLAGS = 0x7e020000;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (interfaces are listed through it). */
const SOCKET_FAMILIES = [1, 2, 10, 16];

const SYSCALLS = [
  // files
  `access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat
   faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl
   fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate
   futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init
   inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr
   listxattrat llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat
   newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read
   readahead readlink readlinkat readv removexattr removexattrat rename renameat renameat2
   rmdir sendfile setxattr setxattrat splice stat statfs statx symlink symlinkat sync
   sync_file_range syncfs tee truncate umask unlink unlinkat utime utimensat utimes vmsplice
   write writev cachestat statmount listmount`,
  // memory
  `brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2
   mlockall mmap mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free
   pkey_mprotect process_madvise process_mrelease remap_file_pages`,
  // processes, threads and signals
  `alarm arch_prctl capget capset execve execveat exit exit_group fork futex futex_requeue
   futex_wait futex_waitv futex_wake get_robust_list getegid geteuid getgid getgroups
   getitimer getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit
   getrusage getsid get_thread_area gettid getuid ioprio_get ioprio_set kill
   landlock_add_rule landlock_create_ruleset landlock_restrict_self pause pidfd_getfd
   pidfd_open pidfd_send_signal prctl prlimit64 ptrace
   restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
   rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_getaffinity sched_getattr
   sched_get_priority_max sched_get_priority_min sched_getparam sched_getscheduler
   sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
   sched_yield seccomp setfsgid setfsuid setgid setgroups setitimer setpgid setpriority
   setregid setresgid setresuid setreuid setrlimit set_robust_list setsid set_thread_area
   set_tid_address setuid sigaltstack signalfd signalfd4 tgkill time times tkill vfork wait4
   waitid getcpu`,
  // waiting, time and events
  `clock_adjtime clock_getres clock_gettime clock_nanosleep epoll_create epoll_create1
   epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
   gettimeofday io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit nanosleep
   poll ppoll pselect6 select timer_create timer_delete timer_getoverrun timer_gettime
   timer_settime timerfd_create timerfd_gettime timerfd_settime`,
  // sockets of the families above, and System V and POSIX queues
  `accept accept4 bind connect getpeername getsockname getsockopt listen pipe pipe2 recvfrom
   recvmmsg recvmsg sendmmsg sendmsg sendto setsockopt shutdown mq_getsetattr mq_notify
   mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget
   semop semtimedop shmat shmctl shmdt shmget`,
  // the system
  `getrandom sysinfo uname`,
];
