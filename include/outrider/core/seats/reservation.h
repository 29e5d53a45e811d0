/* The reservations of one server, as its key CONTROL_PREFIX/seats/TYPE/ID has them (docs/design/protocol.md, "Reservations").
 * Plain data: the list, and what follows from it at a moment. */
#ifndef OUTRIDER_CORE_SEATS_RESERVATION_H
#define OUTRIDER_CORE_SEATS_RESERVATION_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In bytes: ID_MAX, BY_MAX, SERVER_MAX. RESERVATIONS_MAX: entries of one server. SKEW: by how much the clocks of two agents may differ. */
enum { RESERVATION_ID_MAX = 64, RESERVATION_BY_MAX = 64, RESERVATION_SERVER_MAX = 128 };
enum { RESERVATION_SEATS_MAX = 1000000, RESERVATIONS_MAX = 1000 };
enum { RESERVATION_TTL_MIN_MS = 1000, RESERVATION_TTL_MAX_MS = 3600000, RESERVATION_SKEW_MS = 2000 };

struct reservation {
    char id[RESERVATION_ID_MAX + 1]; /* unique in its type */
    char by[RESERVATION_BY_MAX + 1]; /* the agent that made it; may be empty */
    uint32_t seats;                  /* at least 1 */
    int64_t until_wall;              /* UTC in ms, by the clock of the agent that wrote it */
    uint64_t key;                    /* XXH3 of the key of its placement; 0: it had none */
};

/* Where the reservation of an id is, as its key CONTROL_PREFIX/seat-ids/TYPE/ID says. */
struct reservation_place {
    char server[RESERVATION_SERVER_MAX + 1]; /* its id */
    uint32_t seats;
    int64_t until_wall;
};

/* {0}: none. Owns its items; what is pointed to is valid until the list changes. */
struct reservations {
    struct reservation *items;
    size_t count, capacity;
};

/* Whether `id` can name a reservation: 1 to RESERVATION_ID_MAX letters, digits, '.', '_', '-', ':' and '~', the first a letter
 * or a digit. Such an id is one segment of a key and of a path, and one word of a status line. */
bool reservation_is_id(struct str id);

/* Whether its seats are taken at `now_wall`: for RESERVATION_SKEW_MS more than was meant, as the clock may be ahead of the
 * writer's. */
bool reservation_is_live(const struct reservation *reservation, int64_t now_wall);

/* Frees the items; the list is empty afterwards. Accepts NULL. */
void reservations_fini(struct reservations *list);

/* Replaces what `list` has by a copy of `from`, which is another list. */
void reservations_copy(struct reservations *list, const struct reservations *from);

/* The entry `id`, live or not; NULL: none. */
struct reservation *reservations_find(const struct reservations *list, struct str id);

/* Appends an entry of zeros, for the caller to fill in; NULL: there are RESERVATIONS_MAX already. */
struct reservation *reservations_add(struct reservations *list);

/* Takes an entry out; the order of the others stays. */
void reservations_remove(struct reservations *list, const struct reservation *reservation);

/* How many seats the live ones have; UINT32_MAX where that is not enough. */
uint32_t reservations_seats(const struct reservations *list, int64_t now_wall);

/* The wall time at which the next live one lapses; INT64_MAX: none is live. */
int64_t reservations_next_lapse(const struct reservations *list, int64_t now_wall);

#endif
