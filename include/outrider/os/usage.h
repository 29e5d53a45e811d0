/* Resources used by this process, for its metrics. */
#ifndef OUTRIDER_OS_USAGE_H
#define OUTRIDER_OS_USAGE_H

#include <stdint.h>

struct usage {
    int64_t resident_bytes; /* physical memory now; 0 when /proc is not available */
    int64_t cpu_us;         /* user and system time since the start */
};

/* The current values. */
struct usage usage_now(void);

#endif
