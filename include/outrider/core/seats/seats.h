/* The reservations of all servers, as the registry has them, and how many seats of each server they take now.
 *
 * An entry lapses by itself at its time. The machine reads no clock: what is asked is as of the last step. */
#ifndef OUTRIDER_CORE_SEATS_SEATS_H
#define OUTRIDER_CORE_SEATS_SEATS_H

#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/seats/reservation.h"

struct seats;

/* The reservations of one server, as of the last step. */
struct seats_server {
    struct str place; /* "TYPE/SERVER", as the key ends */
    struct reservations list;
    bool foreign;      /* the key has something else, and the list is empty */
    int64_t revision;  /* mod revision of the key */
    uint32_t reserved; /* seats of live reservations */
};

enum seats_event_type {
    SEATS_ON_TICK, /* time may have passed */
    SEATS_ON_CHANGED /* the key of `place` is as `list` and `revision` say; with neither list nor `foreign` it is gone */
};

/* What is pointed to is borrowed for the step. */
struct seats_event {
    enum seats_event_type type;
    struct instant now;
    struct str place;
    const struct reservations *list; /* copied */
    bool foreign;
    int64_t revision;
};

/* The seats that a server has reserved are others now: `place` has `reserved`. Lives until the queue is taken empty. */
struct seats_effect {
    struct str place;
    uint32_t reserved;
};

struct seats_facts {
    size_t servers; /* keys held */
    size_t foreign; /* of them those that are no list of reservations */
    size_t live;    /* reservations, and the seats of all of them */
    uint64_t reserved;
    size_t keyed;    /* reservations, live or not, that were placed by a key */
    uint64_t lapsed; /* reservations that lapsed while they were held, so far */
};

/* Knows of no reservation. The caller owns it. */
struct seats *seats_new(void);

/* Accepts NULL. */
void seats_free(struct seats *seats);

/* One event in, effects (struct seats_effect) out. */
void seats_step(struct seats *seats, const struct seats_event *event, struct queue *effects);

/* When a step is needed although nothing happens: the next reservation lapses. */
struct window seats_deadline(const struct seats *seats);

/* The reservations of "TYPE/SERVER", borrowed until the next step; NULL: it has no key. */
const struct seats_server *seats_find(const struct seats *seats, struct str place);

/* The same of a type and an id. */
const struct seats_server *seats_of(const struct seats *seats, struct str type, struct str id);

/* The server of a type that has a live reservation of the placement key with the hash `key`; NULL: none has. Of several the first by
 * name, on every agent alike. Borrowed until the next step. */
const struct seats_server *seats_keyed(const struct seats *seats, struct str type, uint64_t key,
                                       int64_t now_wall);

/* Any server of those held, and the one after it, in no order; NULL: none. Borrowed until the next step. */
const struct seats_server *seats_first(const struct seats *seats);
const struct seats_server *seats_next(const struct seats_server *server);

/* Borrowed as long as the machine. */
const struct seats_facts *seats_facts(const struct seats *seats);

#endif
