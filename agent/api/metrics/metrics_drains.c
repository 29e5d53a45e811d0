/* Operations on waves of servers. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/core/registry/mirror.h"
#include "outrider/core/wave/wave.h"

void metrics_write_drains(struct buf *out, const struct api_view *view)
{
    const struct api_waves *waves = &view->waves;
    static const char drains[] = "outrider_drains", holds[] = "outrider_drain_holds_total";
    if (!waves->present) {
        return;
    }
    prometheus_family(out, drains, PROMETHEUS_GAUGE, "Drains of many servers, by state.");
    for (enum wave_state state = 0; state < WAVE_STATE_COUNT; state++) {
        struct prometheus_label labels[] = {LABEL("state", wave_state_name(state))};
        int64_t count = 0;
        for (size_t i = 0; i < waves->count; i++) {
            count += waves->list[i]->state == state ? 1 : 0;
        }
        prometheus_int(out, drains, labels, 1, count);
    }
    prometheus_family(out, "outrider_drains_driving", PROMETHEUS_GAUGE,
                      "1 while this agent drives the drains.");
    prometheus_int(out, "outrider_drains_driving", NULL, 0, waves->leads ? 1 : 0);
    prometheus_family(out, "outrider_drains_unreadable", PROMETHEUS_GAUGE,
                      "Keys below drains/ that are no drains.");
    prometheus_int(out, "outrider_drains_unreadable", NULL, 0, (int64_t)waves->unreadable);
    prometheus_family(out, holds, PROMETHEUS_COUNTER, "Holds of drains that this agent put and lifted.");
    prometheus_int(out, holds, (struct prometheus_label[]){LABEL("action", "put")}, 1, (int64_t)waves->held);
    prometheus_int(out, holds, (struct prometheus_label[]){LABEL("action", "lift")}, 1,
                   (int64_t)waves->lifted);
    prometheus_family(out, "outrider_drain_steps_refused_total", PROMETHEUS_COUNTER,
                      "Steps of drains that were not made since something had changed.");
    prometheus_int(out, "outrider_drain_steps_refused_total", NULL, 0, (int64_t)waves->refused);
}
