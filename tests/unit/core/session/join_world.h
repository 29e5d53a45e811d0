/* One join under test, told one event at a time. What it asks for comes back as text: "release 1 at world/a, touch of s2". Seats are
 * numbered in the order in which they are asked for. */
#ifndef OUTRIDER_TESTS_JOIN_WORLD_H
#define OUTRIDER_TESTS_JOIN_WORLD_H

#include "outrider/base/buf.h"
#include "outrider/core/session/join.h"

enum { SEATS = 8 };

struct join_world {
    struct join join;
    struct queue effects;
    struct instant now;
    char seats[SEATS][ULID_LENGTH + 1]; /* in the order in which they were asked for */
    size_t seat_count;
    struct buf text;
};

/* Both for cmocka: `*state` is the world, with a new join. */
int join_world_set_up(void **state);
int join_world_tear_down(void **state);

/* Another join, not started yet. */
void begin_with(struct join_world *world, bool leave, int64_t ttl_ms);
void begin(struct join_world *world);

/* What the step asks for, borrowed until the next one. */
const char *step(struct join_world *world, struct join_event event);
const char *tell(struct join_world *world, enum join_event_type type);
const char *found(struct join_world *world, const char *session, const char *server,
                  enum join_standing standing);
const char *allocated(struct join_world *world, const char *server);
const char *fails(struct join_world *world, enum join_trouble trouble);

/* A player without a session: the join waits for its seat; has one at world/a, and waits for the store. */
void to_allocate(struct join_world *world);
void to_store(struct join_world *world);

/* The next deadline is met; time passes. */
const char *wait(struct join_world *world);
const char *after(struct join_world *world, int64_t ms);

#endif
