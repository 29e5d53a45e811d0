/* The lists. What the agent was seen to call in all its tests, and what other C libraries, architectures and versions call in place of
 * it: musl opens by open(2), glibc by openat(2). A name that an architecture does not have is passed over. */
#include "calls_internal.h"

#include "outrider/base/attr.h"

#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Of later headers. */
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef NS_GET_TGID_FROM_PIDNS
#define NS_GET_TGID_FROM_PIDNS _IOR(0xb7, 0x7, int)
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* An int: the kernel does not look at the upper half of the register. */
#define IS(number, wanted)                                                                                   \
    {                                                                                                        \
        .arg = (number), .mask = 0xffffffff, .value = (uint64_t)(unsigned)(wanted)                           \
    }
#define BITS(number, bits, wanted)                                                                           \
    {                                                                                                        \
        .arg = (number), .mask = (uint64_t)(unsigned)(bits), .value = (uint64_t)(unsigned)(wanted)           \
    }
#define IS_NULL(number)                                                                                      \
    {                                                                                                        \
        .arg = (number), .mask = UINT64_MAX, .value = 0                                                      \
    }

/* Without SOCK_NONBLOCK and SOCK_CLOEXEC. */
#define SOCKET_TYPE 0xf

#define NAMESPACES                                                                                           \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |            \
     CLONE_NEWNET | CLONE_NEWTIME)

#define SOCKET(...)                                                                                          \
    {                                                                                                        \
        CALLS_USUAL, "sockets", "socket",                                                                    \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define IOCTL(request)                                                                                       \
    {                                                                                                        \
        CALLS_USUAL, "ioctl", "ioctl",                                                                       \
        {                                                                                                    \
            IS(1, request)                                                                                   \
        }                                                                                                    \
    }
#define PRCTL(option)                                                                                        \
    {                                                                                                        \
        CALLS_USUAL, "prctl", "prctl",                                                                       \
        {                                                                                                    \
            IS(0, option)                                                                                    \
        }                                                                                                    \
    }

const struct calls_row calls_rows[] = {
    {CALLS_USUAL, "the loop",
     "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll select pselect6 "
     "eventfd2 pipe pipe2 timerfd_create timerfd_settime timerfd_gettime"},
    {CALLS_USUAL, "signals",
     "signalfd4 rt_sigaction rt_sigprocmask rt_sigpending rt_sigreturn sigaltstack restart_syscall"},
    /* abort() raises it in its own thread; no other signal is sent. */
    {CALLS_USUAL, "an assertion that fails", "tgkill", {IS(2, SIGABRT)}},
    {CALLS_USUAL, "an assertion that fails", "tkill", {IS(1, SIGABRT)}},
    {CALLS_USUAL, "the end", "exit exit_group"},

    /* ---- sockets ---- */
    SOCKET(IS(0, AF_UNIX)),
    SOCKET(IS(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_STREAM)),
    SOCKET(IS(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_DGRAM)),
    SOCKET(IS(0, AF_INET6), BITS(1, SOCKET_TYPE, SOCK_STREAM)),
    SOCKET(IS(0, AF_INET6), BITS(1, SOCKET_TYPE, SOCK_DGRAM)),
    SOCKET(IS(0, AF_NETLINK), IS(2, 0)), /* NETLINK_ROUTE: addresses and routes of this machine */
    {CALLS_USUAL, "sockets", "socketpair", {IS(0, AF_UNIX)}},
    {CALLS_USUAL, "sockets",
     "bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt sendto "
     "sendmsg sendmmsg recvfrom recvmsg recvmmsg"},
    IOCTL(FIONBIO),
    IOCTL(FIONREAD),
    IOCTL(SIOCOUTQ),
    IOCTL(SIOCOUTQNSD),
    IOCTL(SIOCGIFINDEX), /* an interface as server.host */
    IOCTL(SIOCGIFNAME),
    IOCTL(SIOCGIFFLAGS),

    /* ---- files: the configuration, state_dir, the files of sockets, TLS, name servers ---- */
    {CALLS_USUAL, "files: read and write",
     "open openat openat2 close close_range read pread64 readv preadv write pwrite64 writev pwritev lseek "
     "fsync fdatasync ftruncate fallocate fadvise64 flock fcntl dup dup2 dup3 umask"},
    {CALLS_USUAL, "files: sync beside the loop", "io_setup io_submit io_getevents io_destroy"},
    {CALLS_USUAL, "files: look",
     "stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat "
     "getdents getdents64 getcwd"},
    {CALLS_USUAL, "files: directories, and the files of sockets",
     "mkdir mkdirat rename renameat renameat2 unlink unlinkat link linkat rmdir chmod fchmod fchmodat "
     "fchmodat2 chown fchown lchown fchownat utimensat"},
    IOCTL(TCGETS), /* the C library asks whether what it writes to is a terminal */
    IOCTL(TIOCGWINSZ),

    /* ---- memory: no page is both written and executed. A library that the C library loads for names of hosts or for TLS
     * is mapped to be executed, from a file. ---- */
    {CALLS_USUAL, "memory", "mmap", {BITS(2, PROT_WRITE | PROT_EXEC, 0)}},
    {CALLS_USUAL, "memory", "mmap", {BITS(2, PROT_WRITE | PROT_EXEC, PROT_WRITE)}},
    {CALLS_USUAL, "memory", "mmap", {BITS(2, PROT_WRITE | PROT_EXEC, PROT_EXEC), BITS(3, MAP_ANONYMOUS, 0)}},
    {CALLS_USUAL, "memory", "mprotect", {BITS(2, PROT_EXEC, 0)}},
    {CALLS_USUAL, "memory", "brk munmap mremap madvise membarrier"},
    PRCTL(PR_SET_VMA), /* names of areas */

    /* ---- threads: libcurl and the C library may make some to look up names. clone3(2) hides its flags in memory, and
     * the C library then takes clone(2). ---- */
    {CALLS_USUAL, "threads", "clone", {BITS(0, CLONE_THREAD | NAMESPACES, CLONE_THREAD)}},
    {CALLS_USUAL, "threads",
     "futex set_robust_list get_robust_list set_tid_address rseq gettid sched_yield sched_getaffinity "
     "getcpu"},
    PRCTL(PR_SET_NAME),
    PRCTL(PR_GET_NAME),

    /* ---- time and chance ---- */
    {CALLS_USUAL, "time", "clock_gettime clock_getres gettimeofday time nanosleep clock_nanosleep"},
    {CALLS_USUAL, "TLS, jitter", "getrandom"},

    /* ---- processes: the game server, and as process 1 whatever ends ---- */
    {CALLS_USUAL, "the process of the game server", "pidfd_open"},
    {CALLS_USUAL, "an idle game server is asked to end", "pidfd_send_signal", {IS(1, SIGTERM)}},
    IOCTL(NS_GET_TGID_FROM_PIDNS),
    {CALLS_USUAL, "orphans", "wait4 waitid"},
    {CALLS_USUAL, "facts of this process",
     "getpid getppid getuid geteuid getgid getegid getresuid getresgid getgroups getrusage times uname "
     "sysinfo getrlimit"},
    {CALLS_USUAL, "limits are read, not set", "prlimit64", {IS_NULL(2)}},
    PRCTL(PR_GET_DUMPABLE),
    PRCTL(PR_GET_NO_NEW_PRIVS),
    PRCTL(PR_GET_SECCOMP),
    PRCTL(PR_CAPBSET_READ),
    {CALLS_USUAL, "facts of this process", "capget"},

    /* ---- child processes that execute programs: the fork, what is done before the exec, and a shell ---- */
    {CALLS_EXEC, "exec", "execve fork vfork kill pidfd_send_signal setpgid setsid chdir fchdir prlimit64"},
    {CALLS_EXEC, "exec", "clone", {BITS(0, CLONE_THREAD | NAMESPACES, 0)}},
    {CALLS_EXEC, "a program that starts", "arch_prctl"},
    {CALLS_EXEC, "a shell", "getpgid getpgrp getsid rt_sigsuspend rt_sigtimedwait setitimer alarm pause"},

    /* ---- what only foreign code does ---- */
    {CALLS_HOSTILE, "other programs", "execve execveat uselib"},
    {CALLS_HOSTILE, "other processes",
     "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp perf_event_open"},
    {CALLS_HOSTILE, "other users",
     "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset"},
    {CALLS_HOSTILE, "other file systems",
     "mount umount umount2 move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr "
     "pivot_root chroot unshare setns open_by_handle_at swapon swapoff quotactl quotactl_fd acct"},
    {CALLS_HOSTILE, "the kernel",
     "bpf init_module finit_module delete_module create_module kexec_load kexec_file_load reboot userfaultfd "
     "iopl ioperm modify_ldt syslog vhangup"},
    {CALLS_HOSTILE, "the machine",
     "settimeofday clock_settime clock_adjtime adjtimex stime sethostname setdomainname"},
};

const size_t calls_row_count = COUNT_OF(calls_rows);
