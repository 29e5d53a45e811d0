#include "outrider/core/probe/verdict.h"

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {
        [VERDICT_UNKNOWN] = "unknown", [VERDICT_PASSING] = "passing", [VERDICT_FAILING] = "failing"};
    return names[verdict];
}

const char *probe_outcome_text(enum probe_outcome outcome)
{
    static const char *const texts[] = {
        [PROBE_PASSED] = "passed",          [PROBE_REFUSED] = "connection refused",
        [PROBE_TIMED_OUT] = "timed out",    [PROBE_UNREACHABLE] = "unreachable",
        [PROBE_RESET] = "connection reset", [PROBE_NOT_FOUND] = "not found",
        [PROBE_FAILED] = "failed",          [PROBE_NOT_RESOLVED] = "name not resolved"};
    return texts[outcome];
}

enum probe_class probe_outcome_class(enum probe_outcome outcome)
{
    switch (outcome) {
    case PROBE_PASSED: return PROBE_CLASS_PASSED;
    case PROBE_NOT_RESOLVED: return PROBE_CLASS_UNDECIDED;
    case PROBE_REFUSED:
    case PROBE_TIMED_OUT:
    case PROBE_UNREACHABLE:
    case PROBE_RESET:
    case PROBE_NOT_FOUND:
    case PROBE_FAILED: break;
    }
    return PROBE_CLASS_FAILED;
}
