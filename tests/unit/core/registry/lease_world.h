/* A lease under test, and what its latest step did. */
#ifndef LEASE_WORLD_H
#define LEASE_WORLD_H

#include "outrider/core/registry/lease.h"

enum { TTL_MS = 10000, GRANTED_MS = 12000 };

struct lease_world {
    struct lease lease;
    struct random random;
    uint64_t last_id;
    struct queue effects;
    struct instant now;
    unsigned shortened; /* of all steps */
    /* Of the latest step: */
    struct registry_request asked; /* id 0: none */
    unsigned moves, saves, renewed, answered, failed, clusters;
    enum lease_state from, to;
    enum lease_cause cause;
    struct registry_lease moved_id;
    bool saved_urgently, saved_before_request;
};

/* A lease in state NONE, asked for with TTL_MS. */
void lease_world_begin(struct lease_world *w);
void lease_world_finish(struct lease_world *w);

/* One event at `now`; what it did is kept until the next one. */
void lease_world_step(struct lease_world *w, struct lease_event event);
void lease_world_goal(struct lease_world *w, enum lease_goal goal);
void lease_world_event(struct lease_world *w, enum lease_event_type type);

/* The answer to the request in flight: as given, granted for GRANTED_MS, or with a failure. */
void lease_world_reply(struct lease_world *w, struct registry_reply reply);
void lease_world_reply_ok(struct lease_world *w);
void lease_world_reply_failure(struct lease_world *w, enum registry_failure failure);

/* All three clocks run on; the second to the latest moment of the deadline, and steps a tick there. */
void lease_world_advance(struct lease_world *w, int64_t ms);
void lease_world_advance_to_deadline(struct lease_world *w);

/* Brings a new lease into the state HELD, RECOVERING or SUSPECT. */
void lease_world_hold(struct lease_world *w);
void lease_world_recover(struct lease_world *w);
void lease_world_suspect(struct lease_world *w);

/* The latest step made exactly this transition. */
void lease_world_assert_moved(const struct lease_world *w, enum lease_state from, enum lease_state to,
                              enum lease_cause cause);

/* Set-up and tear-down of a test: `*state` is a lease in state NONE, or HELD. */
int lease_world_set_up(void **state);
int lease_world_set_up_held(void **state);
int lease_world_tear_down(void **state);

#define FRESH(test) cmocka_unit_test_setup_teardown(test, lease_world_set_up, lease_world_tear_down)
#define HELD(test) cmocka_unit_test_setup_teardown(test, lease_world_set_up_held, lease_world_tear_down)

#endif
