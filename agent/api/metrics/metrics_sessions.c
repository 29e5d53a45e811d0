#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/counters.h"
#include "outrider/api/sessions/session_events.h"
#include "outrider/core/session/session_request.h"

static void write_requests(struct buf *out, const struct api_counters *counters)
{
    const char *name = "outrider_session_requests_total";
    prometheus_family(out, name, PROMETHEUS_COUNTER, "Requests to the session store by outcome.");
    for (enum session_op op = 0; op < SESSION_OP_COUNT; op++) {
        for (enum session_failure outcome = 0; outcome < SESSION_FAILURE_COUNT; outcome++) {
            struct prometheus_label labels[] = {LABEL("op", session_op_name(op)),
                                                LABEL("outcome", session_failure_name(outcome))};
            prometheus_int(out, name, labels, 2, (int64_t)counters->sessions[op][outcome]);
        }
    }
    name = "outrider_session_request_duration_seconds";
    prometheus_family(out, name, PROMETHEUS_HISTOGRAM, "Duration of requests to the session store.");
    for (enum session_op op = 0; op < SESSION_OP_COUNT; op++) {
        metrics_histogram(out, name, LABEL("op", session_op_name(op)), &counters->session_duration[op]);
    }
}

static void write_joins(struct buf *out, const struct api_joins *joins)
{
    const char *name = "outrider_joins_total";
    prometheus_family(out, name, PROMETHEUS_COUNTER, "Players that joined, by what came of it.");
    for (enum join_outcome outcome = 0; outcome < JOIN_OUTCOME_COUNT; outcome++) {
        uint64_t count = joins == NULL ? 0 : joins->outcomes[outcome];
        prometheus_int(out, name, &LABEL("outcome", join_outcome_name(outcome)), 1, (int64_t)count);
    }
    metrics_write(
        out, &GAUGE("outrider_joins_running", "Joins under way.", joins == NULL ? 0 : joins->running), 1);
}

void metrics_sessions(struct buf *out, const struct api_view *view)
{
    const struct session_facts *facts = view->sessions;
    if (facts == NULL) {
        return;
    }
    if (facts->counted) {
        prometheus_family(out, "outrider_sessions", PROMETHEUS_GAUGE, "Sessions by state.");
        for (enum session_state state = 0; state < SESSION_STATE_COUNT; state++) {
            prometheus_int(out, "outrider_sessions", &LABEL("state", session_state_name(state)), 1,
                           (int64_t)facts->sessions[state]);
        }
    }
    metrics_write(out,
                  &GAUGE("outrider_session_store_up",
                         "1 while the session store answers, and keeps what it is told.", facts->up),
                  1);
    write_requests(out, view->counters);
    write_joins(out, view->joins);
    const struct session_events_counters *events = session_events_counters(view->session_events);
    const struct sample samples[] = {
        GAUGE("outrider_session_subscribers", "Open streams of sessions.", events->subscribers),
        COUNTER("outrider_session_events_sent_total", "Events sent to subscribers of sessions.",
                events->sent),
        COUNTER("outrider_session_subscribers_dropped_total",
                "Subscribers of sessions closed because they did not read.", events->dropped),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}
