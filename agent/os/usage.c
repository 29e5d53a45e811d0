#include "outrider/os/usage.h"

#include "outrider/base/buf.h"
#include "outrider/base/str.h"
#include "outrider/os/file.h"

#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

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

struct usage usage_now(void)
{
    struct rusage rusage = {0};
    getrusage(RUSAGE_SELF, &rusage);
    return (struct usage){.resident_bytes = resident_bytes(),
                          .cpu_us = micros(&rusage.ru_utime) + micros(&rusage.ru_stime)};
}
