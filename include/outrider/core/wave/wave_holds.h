/* An operation that the registry has lost, made of the holds that are left of it: agents put theirs again (docs/design/protocol.md,
 * "Waves"). */
#ifndef OUTRIDER_CORE_WAVE_WAVE_HOLDS_H
#define OUTRIDER_CORE_WAVE_WAVE_HOLDS_H

#include "outrider/core/wave/wave_step.h"

/* Makes `ret_wave`, not yet initialised, the operation `id` with every server whose control key has a hold of it (the first
 * WAVE_SERVERS_MAX), all DRAINING, in the state CANCELLED: nothing more is held, and it can be undone. The caller ends it with wave_fini().
 * Returns false, with nothing made, where no hold is of it or `id` is none. */
bool wave_of_holds(struct str id, const struct wave_control *controls, size_t count, int64_t now_wall,
                   struct wave *ret_wave);

#endif
