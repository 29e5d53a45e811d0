/* A change of reservations, which the registry makes as one transaction, and what it answered. Plain data between the machines
 * that decide (amend.h, core/placement/allocate.h) and the codec.
 *
 * An entry of a server's list and the key of its id change together. So a list has an entry only where the key of its id names
 * this server, or is gone: a change that takes an entry out may delete the key of its id. */
#ifndef OUTRIDER_CORE_SEATS_CHANGE_H
#define OUTRIDER_CORE_SEATS_CHANGE_H

#include "outrider/core/registry/registry_request.h"
#include "outrider/core/seats/reservation.h"

/* Ids whose keys one change deletes: a transaction has room for so many beside what else it writes. */
enum { SEATS_DROPS_MAX = 12 };

enum seats_id_action { SEATS_ID_KEEP, SEATS_ID_WRITE, SEATS_ID_REMOVE };

/* The list of one server. */
struct seats_list {
    char server[RESERVATION_SERVER_MAX + 1]; /* its id; "": none */
    struct reservations list;                /* from now on; empty: the key is deleted */
    int64_t revision;                        /* mod revision that the key has before; 0: there is none */
};

struct seats_change {
    bool reads; /* compares and changes nothing: reads `of`, unless it is "", and the id */
    struct seats_list of;
    struct seats_list former;        /* another server's, which changes with it; "" or that of `of`: none */
    int64_t record_revision;         /* that the record of the server has; 0: not compared */
    char id[RESERVATION_ID_MAX + 1]; /* "": none */
    enum seats_id_action id_action;
    int64_t id_revision; /* that the key of the id has before, unless it is kept; 0: there is none */
    struct reservation_place place;                        /* what is written to it */
    char dropped[SEATS_DROPS_MAX][RESERVATION_ID_MAX + 1]; /* further ids whose keys are deleted */
    size_t dropped_count;
};

/* A key as it is: of a list, of a record, of an id. */
struct seats_key {
    bool read;        /* the answer shows it */
    bool found;       /* there is such a key */
    bool foreign;     /* it has something else than it should */
    int64_t revision; /* mod revision; 0: not found */
};

/* The answer. Not made: the keys as they are. */
struct seats_reply {
    enum registry_failure failure;
    struct str error; /* for people, "" when ok; borrowed */
    bool made;        /* the change is made, or for one that reads: the keys were read */
    int64_t revision; /* of the registry */
    struct seats_key seats, record, id;
    struct reservations list;       /* of `seats`; its decoder ends it */
    struct reservation_place place; /* of `id` */
};

/* Frees what the change holds; it is {0} afterwards. */
void seats_change_fini(struct seats_change *change);

/* Takes lapsed entries out of `of`, as many as there is room for in `dropped`. */
void seats_change_drop_lapsed(struct seats_change *change, int64_t now_wall);

/* Writes as much of `text` into `to`, an array of `size`, as fits there; no character of UTF-8 is cut in two. */
void seats_text(char *to, size_t size, struct str text);

#endif
