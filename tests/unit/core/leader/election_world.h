/* A candidate under test, and what its latest step did. */
#ifndef ELECTION_WORLD_H
#define ELECTION_WORLD_H

#include "outrider/core/leader/election.h"

enum { TTL_MS = 30000, MARGIN_MS = 3000, MINE = 40 };

#define PREFIX "/c/leader/world/"

struct election_world {
    struct election election;
    struct queue effects;
    struct instant now;
    /* Of the latest step, in the order in which they came: */
    struct election_effect did[16];
    unsigned count;
    struct registry_request asked; /* the last one; id 0: none */
    struct registry_watch watched; /* likewise */
    char key[128], before[128];    /* of the last request; of QUEUED */
    unsigned lists;                /* in all */
};

int election_world_set_up(void **state);
int election_world_tear_down(void **state);

/* Starts again on a registry that can `can`. */
void election_world_begin(struct election_world *w, uint32_t can);

/* One event at `now`; what it did is kept until the next one. */
void election_world_step(struct election_world *w, enum election_event_type type);
void election_world_reply(struct election_world *w, struct registry_reply reply);
void election_world_fail(struct election_world *w, enum registry_failure failure);
void election_world_watch(struct election_world *w, struct registry_watch_event event);

/* All three clocks run on; the second also steps a tick. */
void election_world_pass(struct election_world *w, int64_t ms);
void election_world_advance(struct election_world *w, int64_t ms);

/* Whether it leads, and with the token MINE. */
bool election_world_leads(const struct election_world *w);

/* The effect of this type of the latest step; NULL: there was none. */
const struct election_effect *election_world_did(const struct election_world *w,
                                                 enum election_effect_type type);

/* Whether the key that was asked for is its own. */
bool election_world_asked_own(const struct election_world *w);

/* Brings a new one to these states; the key stands at MINE. The one before it is under lease 7, at revision 30. */
void election_world_place(struct election_world *w);
void election_world_queue(struct election_world *w);
void election_world_lead(struct election_world *w);

/* A key of the range: that of the candidate under `lease`, or of the candidate itself, where 0. */
struct registry_item election_world_item(struct election_world *w, uint64_t lease, int64_t create);

/* The answer to a listing: these keys, of `count` in the range. */
void election_world_listed(struct election_world *w, const struct registry_item *items, size_t size,
                           int64_t count);

/* The watch opened, and the key that was then read stands. */
void election_world_opened(struct election_world *w, int64_t create, uint64_t lease);

/* The watch reports that the key was deleted at this revision. */
void election_world_gone(struct election_world *w, const char *key, int64_t revision);

/* The keepalive that is due is sent, and answered. */
void election_world_renew(struct election_world *w);

#define TEST(name) cmocka_unit_test_setup_teardown(name, election_world_set_up, election_world_tear_down)

#endif
