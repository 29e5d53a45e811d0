/* Lists of reservations, for tests. */
#ifndef OUTRIDER_TESTS_ADD_RESERVATION_H
#define OUTRIDER_TESTS_ADD_RESERVATION_H

#include "outrider/core/seats/reservation.h"

#include <stdio.h>

/* One more, until that wall clock time in ms. The list must have room for it. */
static inline void add_reservation(struct reservations *list, const char *id, uint32_t seats, int64_t until)
{
    struct reservation *entry = reservations_add(list);
    assert_non_null(entry);
    snprintf(entry->id, sizeof(entry->id), "%s", id);
    entry->seats = seats;
    entry->until_wall = until;
}

#endif
