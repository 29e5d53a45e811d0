/* What is known about one probe: the evidence that status, API and metrics show. */
#ifndef OUTRIDER_CORE_PROBE_VERDICT_H
#define OUTRIDER_CORE_PROBE_VERDICT_H

enum verdict { VERDICT_UNKNOWN, VERDICT_PASSING, VERDICT_FAILING };

/* How one attempt ended. */
enum probe_outcome {
    PROBE_PASSED,
    PROBE_REFUSED,
    PROBE_TIMED_OUT,
    PROBE_UNREACHABLE,
    PROBE_RESET,
    PROBE_NOT_FOUND, /* unix: no such socket; tcp: the name does not resolve */
    PROBE_FAILED     /* anything else; the detail has the words */
};

/* "unknown", "passing" or "failing". */
const char *verdict_name(enum verdict verdict);

/* The words a person reads: "passed", "connection refused", "timed out", ... */
const char *probe_outcome_text(enum probe_outcome outcome);

#endif
