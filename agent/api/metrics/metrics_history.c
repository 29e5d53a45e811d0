/* The history of the fleet, and its file. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/core/history/history_read.h"

void metrics_history(struct buf *out, const struct api_view *view)
{
    if (view->fleet.history == NULL) {
        return;
    }
    const struct history_facts *facts = history_facts(view->fleet.history);
    const struct api_saves *saves = &view->fleet.history_saves;
    const struct sample samples[] = {
        COUNTER("outrider_history_samples_total", "Minutes that were recorded for all servers and types.",
                facts->recorded),
        GAUGE("outrider_history_servers", "Servers with a history, those that are gone as well.",
              facts->there + facts->gone),
        GAUGE("outrider_history_transitions", "Transitions that are kept, of all servers.",
              facts->transitions),
        GAUGE("outrider_history_transition_bytes", "Memory of these transitions.", facts->bytes),
        COUNTER("outrider_history_dropped_total",
                "Transitions that made room for newer ones of other servers.", facts->dropped),
        COUNTER("outrider_history_untracked_total", "Servers that have no history for want of room.",
                facts->untracked),
        GAUGE("outrider_history_file_bytes", "Size of the file as it was saved last.", saves->bytes),
    };
    metrics_write(out, samples, COUNT_OF(samples));
    metrics_outcomes(out, "outrider_history_saves_total", "Saves of the history.",
                     saves->writes - saves->failures, saves->failures);
}
