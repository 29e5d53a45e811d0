/* Hooks: how their runs ended. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/core/hook/hook.h"

#include <stdio.h>

void metrics_write_hooks(struct buf *out, const struct api_view *view)
{
    static const char name[] = "outrider_hook_runs_total";
    if (view->hook_count == 0) {
        return;
    }
    prometheus_family(
        out, name, PROMETHEUS_COUNTER,
        "Runs of each hook, by its place in the configuration from 0 and how they ended; replaced: "
        "never begun, as a newer event came before.");
    for (size_t i = 0; i < view->hook_count; i++) {
        char number[24];
        snprintf(number, sizeof(number), "%zu", i);
        for (enum hook_result result = 0; result < HOOK_RESULT_COUNT; result++) {
            struct prometheus_label labels[] = {LABEL("hook", number),
                                                LABEL("result", hook_result_name(result))};
            prometheus_int(out, name, labels, 2, (int64_t)view->hooks[i].runs[result]);
        }
    }
}
