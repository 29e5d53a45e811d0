#include "outrider/os/process.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/str.h"
#include "outrider/os/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int read_proc(pid_t pid, const char *name, struct error *err, struct buf *bytes)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return file_read(path, 16384, err, bytes);
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

int process_start_time(pid_t pid, struct error *err, uint64_t *ret_ticks)
{
    struct buf bytes = {0};
    int rc = read_proc(pid, "stat", err, &bytes);
    if (rc == 0 && (bytes.size == 0 || parse_start_time(buf_view(&bytes), ret_ticks) < 0)) {
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
