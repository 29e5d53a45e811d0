/* The fleet of the view as waves see it. */
#ifndef OUTRIDER_CORE_WAVE_WAVE_FLEET_H
#define OUTRIDER_CORE_WAVE_WAVE_FLEET_H

#include "outrider/core/wave/wave_step.h"

struct seats;
struct view;
struct view_entry;

/* The place of a server, TYPE/ID: its key without the prefix. Borrowed of the entry. */
struct str wave_place_of(const struct view_entry *entry);

/* Every server of `view`, in the order of the places, with what `seats` (NULL: nothing) has reserved; `held` where the record is
 * draining. Texts are borrowed from the view until its next step. `ret_count` is how many; the caller frees the list. */
struct wave_seen *wave_fleet_read(const struct view *view, const struct seats *seats, size_t *ret_count);

#endif
