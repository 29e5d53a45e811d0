/* What one attempt of a probe found. */
#ifndef OUTRIDER_CORE_PROBE_RESULT_H
#define OUTRIDER_CORE_PROBE_RESULT_H

#include "outrider/base/str.h"
#include "outrider/core/probe/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe_label {
    struct str name, value; /* borrowed */
};

/* What a passed attempt found out about the server; zeroed is nothing. tcp and unix probes find nothing. */
struct probe_facts {
    bool has_players, has_capacity;
    uint32_t players, capacity;
    const struct probe_label *labels; /* borrowed */
    size_t label_count;
};

struct probe_result {
    enum probe_outcome outcome;
    const char
        *detail; /* for a person: "connection refused", "timed out after 500ms"; "" when passed. Borrowed. */
    int64_t duration_us;
    struct probe_facts facts;
};

#endif
