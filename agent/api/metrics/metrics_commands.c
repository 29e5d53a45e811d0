/* Commands to the own server. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/core/command/inbox.h"

void metrics_write_commands(struct buf *out, const struct api_view *view)
{
    const struct inbox *inbox = view->inbox;
    if (inbox == NULL) {
        return;
    }
    const struct inbox_counters *counters = &inbox->counters;
    const struct {
        const char *outcome;
        uint64_t count;
    } rows[] = {
        {"delivered", counters->delivered}, {"ok", counters->ok},           {"error", counters->error},
        {"expired", counters->expired},     {"refused", counters->refused}, {"foreign", counters->foreign},
        {"lost", counters->lost},
    };
    prometheus_family(out, "outrider_commands_total", PROMETHEUS_COUNTER,
                      "Commands to the server by what became of them; foreign: a key of the inbox that is no "
                      "command; lost: a result that could not be written.");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        prometheus_int(out, "outrider_commands_total", &LABEL("outcome", rows[i].outcome), 1,
                       (int64_t)rows[i].count);
    }
    const struct sample samples[] = {
        GAUGE("outrider_commands_waiting", "Commands that have no result in the registry yet.",
              (int64_t)inbox->count),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}
