/* What this process itself costs, for its metrics. */
#ifndef OUTRIDER_OS_USAGE_H
#define OUTRIDER_OS_USAGE_H

#include <stdint.h>

struct usage {
    int64_t resident_bytes; /* physical memory now; 0 when /proc does not tell */
    int64_t cpu_us;         /* user and system time since the start */
};

/* Asks the kernel about this process. */
struct usage usage_now(void);

#endif
