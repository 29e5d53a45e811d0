/* Verdicts of a probe, and what one attempt found. */
#ifndef OUTRIDER_CORE_PROBE_VERDICT_H
#define OUTRIDER_CORE_PROBE_VERDICT_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict { VERDICT_UNKNOWN, VERDICT_PASSING, VERDICT_FAILING };

/* How one attempt ended. */
enum probe_outcome {
    PROBE_PASSED,
    PROBE_REFUSED,
    PROBE_TIMED_OUT,
    PROBE_UNREACHABLE,
    PROBE_RESET,
    PROBE_NOT_FOUND,   /* unix: no such socket */
    PROBE_FAILED,      /* anything else; the detail says what */
    PROBE_NOT_RESOLVED /* no address for the host: the attempt did not reach the server, and decides nothing */
};

enum probe_class { PROBE_CLASS_PASSED, PROBE_CLASS_FAILED, PROBE_CLASS_UNDECIDED };

/* What an outcome counts as. */
enum probe_class probe_outcome_class(enum probe_outcome outcome);

/* "unknown", "passing" or "failing". */
const char *verdict_name(enum verdict verdict);

/* As shown to a person: "passed", "connection refused", "timed out", ... */
const char *probe_outcome_text(enum probe_outcome outcome);

/* What a passed attempt found out about the server; zeroed is nothing. Texts are borrowed; an empty one is unknown. */
struct probe_facts {
    bool has_players, has_capacity;
    uint32_t players, capacity;
    struct str map, version, name;
};

struct probe_result {
    enum probe_outcome outcome;
    const char *
        detail; /* for a person: "connection refused", "timed out after 500ms"; when passed "", or what an exec probe said. Borrowed. */
    int64_t duration_us;
    struct probe_facts facts;
};

#endif
