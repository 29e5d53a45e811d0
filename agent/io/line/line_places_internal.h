/* Which connection makes room for another when all places are taken, so that neither a process nor a user can take the place
 * of everybody else (docs/design/protocol.md, "Status sockets"). Pure: who is connected, and the time, are given. */
#ifndef OUTRIDER_IO_LINE_LINE_PLACES_INTERNAL_H
#define OUTRIDER_IO_LINE_LINE_PLACES_INTERNAL_H

#include "outrider/base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A process or a user with connections. */
struct holder {
    uint64_t id;
    size_t count;
    UT_hash_handle hh;
};

/* One connection. */
struct place {
    struct holder *process, *user;
    bool held;        /* the owner of the socket relies on it */
    int64_t since_ms; /* when it came */
    uint64_t active;  /* larger: more recently */
};

struct places {
    size_t max;
    struct holder *processes, *users;
    bool has_server;
    uint64_t server_process, server_user; /* for whom places are kept */
};

/* A process may have a sixteenth of the places before its connections are the first to go, and at least two; a user three
 * quarters. */
enum { PLACES_OF_PROCESS = 16, PLACES_OF_PROCESS_MIN = 2, PLACES_OF_USER_4 = 3 };

/* In this time a connection that has just come says what it wants. */
enum { PLACES_FRESH_MS = 1000 };

/* Counts a connection of `process` and `user`, any numbers that identify them. */
void places_enter(struct places *places, struct place *place, uint64_t process, uint64_t user);

/* The end of the connection. */
void places_leave(struct places *places, struct place *place);

/* Whether the connection may make room for another at all. */
bool places_may_go(const struct places *places, const struct place *place);

/* Whether `a` goes before `b`. */
bool places_goes_before(const struct places *places, const struct place *a, const struct place *b,
                        int64_t now_ms);

#endif
