/* What the shell counts and /metrics shows. */
#ifndef OUTRIDER_API_COMMON_COUNTERS_H
#define OUTRIDER_API_COMMON_COUNTERS_H

#include "outrider/core/registry/registry_request.h"
#include "outrider/core/server/record.h"
#include "outrider/core/session/session_request.h"

#include <stdint.h>

/* Buckets of a duration histogram, in us; the last is +Inf. */
enum { API_BUCKETS = 12 };
extern const int64_t api_bucket_bounds_us[API_BUCKETS - 1];

struct api_histogram {
    uint64_t buckets[API_BUCKETS]; /* not cumulative */
    uint64_t count;
    int64_t sum_us;
};

/* Counts one duration. */
void api_histogram_count(struct api_histogram *histogram, int64_t us);

struct api_counters {
    uint64_t transitions[STATUS_COUNT][STATUS_COUNT]; /* from, to */
    uint64_t registry[REGISTRY_OP_COUNT][REGISTRY_FAILURE_COUNT];
    struct api_histogram registry_duration[REGISTRY_OP_COUNT];
    uint64_t sessions[SESSION_OP_COUNT][SESSION_FAILURE_COUNT];
    struct api_histogram session_duration[SESSION_OP_COUNT];
    uint64_t lines_ok, lines_bad, datagrams_ok, datagrams_bad, datagram_keys_ignored;
    uint64_t lines_overlong; /* among lines_bad */
    char refusal
        [256]; /* the last refused line or datagram, or ignored MAINPID: why; one printable line; "": none */
    int64_t refusal_wall;
    uint64_t line_peers, line_peers_refused, line_peers_evicted, line_accept_failures, replies_dropped;
    uint64_t state_writes, state_failures;
    uint64_t reloads_ok, reloads_bad;
    int64_t loop_lag_us; /* the largest since the last scrape */
};

#endif
