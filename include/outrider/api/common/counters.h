/* What the shell counts and /metrics shows. */
#ifndef OUTRIDER_API_COMMON_COUNTERS_H
#define OUTRIDER_API_COMMON_COUNTERS_H

#include "outrider/core/command/command.h"
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

/* What became of a command that was to be sent, over HTTP or by the own server. */
enum api_command_sent {
    API_COMMAND_SENT,    /* it is in the inbox, or was already */
    API_COMMAND_FULL,    /* too many are in that inbox */
    API_COMMAND_TAKEN,   /* something else has its key */
    API_COMMAND_BUSY,    /* this agent sends too many */
    API_COMMAND_UNKNOWN, /* it may have been sent: no answer of the registry */
    API_COMMAND_FAILED,  /* it was not */
    API_COMMAND_SENT_COUNT
};

struct api_commands_counters {
    uint64_t sent[API_COMMAND_SENT_COUNT];
    uint64_t answers[COMMAND_STATE_COUNT]; /* of those that this agent waited for; by enum command_state */
};

struct api_counters {
    struct api_commands_counters commands;
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
