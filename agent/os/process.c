#include "outrider/os/process.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/str.h"
#include "outrider/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of later kernels than the headers that are built against: 6.5, 6.9 and 6.11. */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef PIDFS_MAGIC
#define PIDFS_MAGIC 0x50494446
#endif
#ifndef NS_GET_TGID_FROM_PIDNS
#define NS_GET_TGID_FROM_PIDNS _IOR(0xb7, 0x7, int)
#endif

enum { PROC_FILE_MAX = 16384 };

/* ---- PID namespaces ---- */

/* A process as each PID namespace calls it, from that of /proc down to its own (NSpid: of proc(5)). The kernel has
 * at most 32 levels below the first. */
struct ns_pids {
    size_t count;
    pid_t pids[33];
};

static pid_t innermost(const struct ns_pids *pids)
{
    return pids->pids[pids->count - 1];
}

/* Fails where there is no such line: kernels without PID namespaces. */
static int parse_ns_pids(struct str text, struct ns_pids *ret_pids)
{
    struct ns_pids pids = {0};
    while (text.size > 0) {
        struct str line = str_split(text, '\n', &text);
        if (!str_starts(line, STR("NSpid:\t"))) {
            continue;
        }
        (void)str_split(line, '\t', &line);
        while (line.size > 0 && pids.count < COUNT_OF(pids.pids)) {
            uint64_t pid;
            if (str_to_u64(str_split(line, '\t', &line), INT_MAX, &pid) < 0) {
                return -1;
            }
            pids.pids[pids.count++] = (pid_t)pid;
        }
        *ret_pids = pids;
        return pids.count > 0 ? 0 : -1;
    }
    return -1;
}

static int ns_pids_in(const char *path, struct ns_pids *ret_pids)
{
    struct buf text = {0};
    int rc = file_read(path, PROC_FILE_MAX, NULL, &text) < 0 || parse_ns_pids(buf_view(&text), ret_pids) < 0
                 ? -1
                 : 0;
    buf_fini(&text);
    return rc;
}

/* A pidfd tells it also where /proc hides the processes of other users (hidepid, ProtectProc=). */
static int ns_pids_of(pid_t pid, struct error *err, struct ns_pids *ret_pids)
{
    char path[64];
    struct error why;
    int fd = process_open(pid, &why), rc = -1;
    if (fd >= 0) {
        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
        rc = ns_pids_in(path, ret_pids);
        close(fd);
    } else if (why.code == ERROR_NOT_FOUND) {
        return error_set(err, ERROR_NOT_FOUND, "the sender, process %d, has ended", (int)pid);
    }
    if (rc < 0) {
        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        rc = ns_pids_in(path, ret_pids);
    }
    return rc == 0 ? 0 : error_set(err, ERROR_DENIED, "the PID namespace of the sender is not known");
}

/* The number of namespaces from that of /proc to ours; more than one: /proc shows other pids than ours. */
static size_t own_depth(void)
{
    struct ns_pids own;
    return ns_pids_in("/proc/self/status", &own) == 0 ? own.count : 1;
}

/* Asks the kernel, 6.11 or later, for process `named` of the namespace of `sender`. */
static int find_in_namespace(pid_t sender, pid_t named, const struct ns_pids *theirs, struct error *err,
                             pid_t *ret_pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)sender);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int pid = fd < 0 ? -1 : ioctl(fd, NS_GET_TGID_FROM_PIDNS, named);
    bool absent = fd >= 0 && pid < 0 && errno == ESRCH;
    if (fd >= 0) {
        close(fd);
    }
    if (pid > 0) {
        *ret_pid = pid;
        return 0;
    }
    if (absent) {
        return error_set(err, ERROR_NOT_FOUND, "there is no process %d in the PID namespace of the sender",
                         (int)named);
    }
    return error_set(err, ERROR_DENIED,
                     "the sender is in another PID namespace, where only it itself is known, as process %d",
                     (int)innermost(theirs));
}

int process_translate(pid_t sender, pid_t named, struct error *err, pid_t *ret_pid)
{
    struct ns_pids theirs;
    if (sender <= 0) {
        return error_set(err, ERROR_NOT_FOUND, "the sender is not visible in the PID namespace of the agent");
    }
    if (ns_pids_of(sender, err, &theirs) < 0) {
        return -1;
    }
    /* A visible process is in our namespace or in one below, so that the depth tells which. */
    if (theirs.count <= own_depth()) {
        *ret_pid = named;
    } else if (named == innermost(&theirs)) {
        *ret_pid = sender;
    } else {
        return find_in_namespace(sender, named, &theirs, err, ret_pid);
    }
    return 0;
}

/* ---- pidfds ---- */

static int open_error(pid_t pid, struct error *err)
{
    int errnum = errno;
    error_errno(err, errnum, "cannot watch process %d", (int)pid);
    if (err != NULL && (errnum == ESRCH || errnum == EINVAL)) {
        err->code = ERROR_NOT_FOUND;
    }
    return -1;
}

int process_open(pid_t pid, struct error *err)
{
    /* by number: glibc has no wrapper before 2.36; the kernel has it since 5.3 */
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? open_error(pid, err) : fd;
}

int process_open_peer(int socket, struct error *err)
{
    struct ucred peer = {0};
    int fd;
    socklen_t size = sizeof(fd), peer_size = sizeof(peer);
    if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0) {
        return fd;
    }
    /* Before kernel 6.5 only by its number, which another process may have by now. */
    if (errno != ENOPROTOOPT || getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) < 0) {
        return error_errno(err, errno, "cannot watch the process of the connection");
    }
    return process_open(peer.pid, err);
}

int process_terminate(int pidfd, struct error *err)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) == 0) {
        return 0;
    }
    int errnum = errno;
    error_errno(err, errnum, "cannot send TERM");
    if (err != NULL && (errnum == ESRCH || errnum == EPERM)) {
        err->code = errnum == ESRCH ? ERROR_NOT_FOUND : ERROR_DENIED;
    }
    return -1;
}

/* ---- /proc ---- */

static int read_proc(pid_t pid, const char *name, struct error *err, struct buf *bytes)
{
    char path[64];
    if (own_depth() > 1) {
        return error_set(err, ERROR_SYSTEM,
                         "/proc is that of another PID namespace; mount the agent's own there");
    }
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return file_read(path, PROC_FILE_MAX, err, bytes);
}

/* The comm in field 2 may contain blanks and brackets, so fields are counted from the last ')'. */
static int parse_start_time(struct str stat, uint64_t *ret_ticks)
{
    const char *bracket = memrchr(stat.data, ')', stat.size);
    if (bracket == NULL) {
        return -1;
    }
    struct str rest = {bracket + 1, stat.size - (size_t)(bracket + 1 - stat.data)};
    struct str field = str_split(rest, ' ', &rest);
    for (int number = 3; number <= 22; number++) {
        field = str_split(rest, ' ', &rest);
    }
    return str_to_u64(field, UINT64_MAX, ret_ticks);
}

/* Each pidfd of a process has the same number, which no other process of this boot has (pidfs). Closes `fd`, which may be
 * -1. */
static int pidfd_number(int fd, uint64_t *ret_number)
{
    struct stat st;
    struct statfs system;
    bool known = fd >= 0 && fstatfs(fd, &system) == 0 && system.f_type == PIDFS_MAGIC && fstat(fd, &st) == 0;
    if (fd >= 0) {
        close(fd);
    }
    if (known) {
        *ret_number = (uint64_t)st.st_ino & INT64_MAX;
    }
    return known ? 0 : -1;
}

int process_peer_number(int socket, uint64_t *ret_number)
{
    return pidfd_number(process_open_peer(socket, NULL), ret_number);
}

int process_start_time(pid_t pid, struct error *err, uint64_t *ret_ticks)
{
    struct buf bytes = {0};
    struct error why = {0};
    int rc = read_proc(pid, "stat", &why, &bytes);
    if (rc < 0 && why.code == ERROR_NOT_FOUND && pidfd_number(process_open(pid, NULL), ret_ticks) == 0) {
        rc = 0;
    } else if (rc < 0 && err != NULL) {
        *err = why;
    } else if (rc == 0 && (bytes.size == 0 || parse_start_time(buf_view(&bytes), ret_ticks) < 0)) {
        rc = error_set(err, ERROR_SYSTEM, "malformed /proc/%d/stat", (int)pid);
    }
    buf_fini(&bytes);
    return rc;
}

static int parse_uid(struct str status, uid_t *ret_uid)
{
    while (status.size > 0) {
        struct str line = str_split(status, '\n', &status);
        uint64_t uid = 0;
        if (!str_starts(line, STR("Uid:\t"))) {
            continue;
        }
        str_split(line, '\t', &line);
        if (str_to_u64(str_split(line, '\t', &line), UINT32_MAX, &uid) < 0) {
            return -1;
        }
        *ret_uid = (uid_t)uid;
        return 0;
    }
    return -1;
}

int process_uid(pid_t pid, struct error *err, uid_t *ret_uid)
{
    struct buf bytes = {0};
    int rc = read_proc(pid, "status", err, &bytes);
    if (rc == 0 && parse_uid(buf_view(&bytes), ret_uid) < 0) {
        rc = error_set(err, ERROR_SYSTEM, "malformed /proc/%d/status", (int)pid);
    }
    buf_fini(&bytes);
    return rc;
}

/* Rows of "INSIDE OUTSIDE COUNT", padded with blanks (user_namespaces(7)). */
static bool is_mapped(struct str map, uint64_t uid)
{
    while (map.size > 0) {
        struct str row = str_trim(str_split(map, '\n', &map));
        uint64_t first = 0, count = 0;
        const char *last = row.size == 0 ? NULL : memrchr(row.data, ' ', row.size);
        if (last != NULL && str_to_u64(str_split(row, ' ', &row), UINT32_MAX, &first) == 0 &&
            str_to_u64((struct str){last + 1, (size_t)(row.data + row.size - last - 1)}, UINT32_MAX,
                       &count) == 0 &&
            uid >= first && uid - first < count) {
            return true;
        }
    }
    return false;
}

bool process_user_is_known(uid_t uid)
{
    struct buf text = {0};
    uint64_t overflow = 0;
    if (file_read("/proc/sys/kernel/overflowuid", 64, NULL, &text) < 0 ||
        str_to_u64(str_trim(buf_view(&text)), UINT32_MAX, &overflow) < 0) {
        overflow = 65534;
    }
    buf_clear(&text);
    bool known = uid != overflow || file_read("/proc/self/uid_map", PROC_FILE_MAX, NULL, &text) < 0 ||
                 is_mapped(buf_view(&text), uid);
    buf_fini(&text);
    return known;
}

int process_boot_id(struct error *err, char ret_id[static PROCESS_BOOT_ID_LENGTH + 1])
{
    struct buf bytes = {0};
    int rc = file_read("/proc/sys/kernel/random/boot_id", 64, err, &bytes);
    struct str id = str_trim(buf_view(&bytes));
    if (rc == 0 && id.size != PROCESS_BOOT_ID_LENGTH) {
        rc = error_set(err, ERROR_SYSTEM, "malformed /proc/sys/kernel/random/boot_id");
    }
    if (rc == 0) {
        memcpy(ret_id, id.data, id.size);
        ret_id[id.size] = '\0';
    }
    buf_fini(&bytes);
    return rc;
}

void process_raise_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        /* on failure the old limit stays, which process_files_max() reports */
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

size_t process_files_max(void)
{
    struct rlimit limit = {0};
    bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return known ? (size_t)limit.rlim_cur : SIZE_MAX;
}

size_t process_files_for_peers(void)
{
    enum { OWN_FILES = 32 };
    size_t files = process_files_max();
    return files < 2 * OWN_FILES ? files / 2 : files - OWN_FILES;
}

unsigned process_reap(void)
{
    unsigned reaped = 0;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
        reaped++;
    }
    return reaped;
}

/* The second field of statm (proc(5)), in pages. */
static int64_t resident_bytes(void)
{
    struct buf text = {0};
    uint64_t pages = 0;
    if (file_read("/proc/self/statm", 256, NULL, &text) == 0) {
        struct str rest = buf_view(&text);
        (void)str_split(rest, ' ', &rest);
        if (str_to_u64(str_split(rest, ' ', &rest), INT64_MAX / 65536, &pages) < 0) {
            pages = 0;
        }
    }
    buf_fini(&text);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int64_t micros(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000000 + time->tv_usec;
}

struct process_usage process_usage(void)
{
    struct rusage rusage = {0};
    getrusage(RUSAGE_SELF, &rusage);
    return (struct process_usage){.resident_bytes = resident_bytes(),
                                  .cpu_us = micros(&rusage.ru_utime) + micros(&rusage.ru_stime)};
}
