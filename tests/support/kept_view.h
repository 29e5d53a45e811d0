/* A view of the fleet as it is after a restart, for tests of what is asked of one. */
#ifndef OUTRIDER_TESTS_KEPT_VIEW_H
#define OUTRIDER_TESTS_KEPT_VIEW_H

#include "outrider/core/fleet/view.h"

/* A new view that has just read `kept` from its file. Freed with view_free(). */
static inline struct view *kept_view(const struct view_settings *settings, const struct view_kept *kept,
                                     const struct instant *now)
{
    struct view *view = view_new(settings);
    struct queue effects;
    queue_init(&effects, sizeof(struct view_effect));
    view_step(view, &(struct view_event){.type = VIEW_ON_LOAD, .now = *now, .kept = kept}, &effects);
    for (struct view_effect effect; queue_take(&effects, &effect);) {
        view_effect_fini(&effect);
    }
    queue_fini(&effects);
    return view;
}

#endif
