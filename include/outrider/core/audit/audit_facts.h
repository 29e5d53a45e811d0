/* What an audit has done so far, for metrics. */
#ifndef OUTRIDER_CORE_AUDIT_AUDIT_FACTS_H
#define OUTRIDER_CORE_AUDIT_AUDIT_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit_facts {
    uint64_t entries, failures, rotations, bytes, cut_bytes; /* of the file; failures: writes and syncs */
    uint64_t counted;                                        /* attempts without an entry of their own */
    int64_t sync_us;                                         /* the slowest sync */
    const char *last_error;                                  /* "": it can be written */
    bool has_copies;                                         /* what follows is of the registry */
    uint64_t copied, dropped, copy_failures;
    size_t waiting;
    int64_t lag_ms; /* how long the oldest waits */
    const char *copy_error;
};

#endif
