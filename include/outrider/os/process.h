/* Facts about processes, most of them from /proc. */
#ifndef OUTRIDER_OS_PROCESS_H
#define OUTRIDER_OS_PROCESS_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

enum { PROCESS_BOOT_ID_LENGTH = 36 };

/* When process `pid` started, in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)): together with the pid it
 * identifies a process. Where /proc hides the process (hidepid, ProtectProc=), the number of its pidfd instead, which does
 * the same (Linux 6.9). Returns 0; or -1 with ERROR_NOT_FOUND (no such process in this PID namespace, or hidden) or
 * ERROR_SYSTEM (also where /proc is that of another PID namespace). */
int process_start_time(pid_t pid, struct error *err, uint64_t *ret_ticks) MUST_CHECK;

/* The real user of process `pid` (Uid: of /proc/PID/status). Errors as process_start_time. */
int process_uid(pid_t pid, struct error *err, uid_t *ret_uid) MUST_CHECK;

/* A pidfd of process `pid`, close-on-exec and readable once it has ended; of the process that connected to or
 * listens on the other end of the unix stream socket `socket`, in whatever PID namespace that is. The caller closes
 * it. Returns it, or -1 with ERROR_NOT_FOUND (no such process in this PID namespace) or ERROR_SYSTEM (the kernel or
 * the sandbox has none). */
int process_open(pid_t pid, struct error *err) MUST_CHECK;
int process_open_peer(int socket, struct error *err) MUST_CHECK;

/* Sends TERM to the process of a pidfd. Returns 0, or -1 with ERROR_NOT_FOUND (it has ended), ERROR_DENIED (it is another
 * user's) or ERROR_SYSTEM. */
int process_terminate(int pidfd, struct error *err) MUST_CHECK;

/* The number of the process that connected to `socket`, which no other process of this boot has (Linux 6.9). Returns 0, or -1
 * where the kernel has none. */
int process_peer_number(int socket, uint64_t *ret_number) MUST_CHECK;

/* The process that `sender`, a pid of this PID namespace, calls `named`: a sender in a namespace below counts
 * differently. Returns 0; or -1 with ERROR_NOT_FOUND (`sender` is 0 or has ended, or has no such process) or
 * ERROR_DENIED (it has a namespace of its own, and the kernel tells only how the sender itself is called there). */
int process_translate(pid_t sender, pid_t named, struct error *err, pid_t *ret_pid) MUST_CHECK;

/* Whether `uid` is a user: in a user namespace all users without a number there have one, the overflow uid (65534), which
 * tells none from the other. */
bool process_user_is_known(uid_t uid);

/* The id of this boot of the machine, NUL-terminated. Returns 0, or -1 with ERROR_SYSTEM or ERROR_NOT_FOUND.
 */
int process_boot_id(struct error *err, char ret_id[static PROCESS_BOOT_ID_LENGTH + 1]) MUST_CHECK;

/* Raises the limit of open files to the hard limit (RLIMIT_NOFILE, getrlimit(2)). */
void process_raise_files(void);

/* The limit of open files of this process. */
size_t process_files_max(void);

/* The number of files available to peers: the limit less the 32 that the loop, the listeners, the registry
 * and the probes need, or half of it where it is below 64. */
size_t process_files_for_peers(void);

/* Reaps every child that has ended, as PID 1 must, and returns how many. Does not wait. */
unsigned process_reap(void);

/* Resources used by this process, for its metrics. */
struct process_usage {
    int64_t resident_bytes; /* physical memory now; 0 when /proc is not available */
    int64_t cpu_us;         /* user and system time since the start */
};

/* The present values. */
struct process_usage process_usage(void);

#endif
