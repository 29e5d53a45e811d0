/* The keys of one range or two, page by page, all of one revision. Pure: key_walk_ask() says what is to be asked next, and its answer is
 * the next event.
 *
 *     ──> ASKING ──page──> ASKING … ──the last page──> DONE
 *           │ └─too large for one answer: a smaller page─┘
 *           └──not answered──> FAILED
 */
#ifndef OUTRIDER_CORE_KEYS_KEY_WALK_H
#define OUTRIDER_CORE_KEYS_KEY_WALK_H

#include "outrider/core/keys/key_scope.h"
#include "outrider/core/registry/registry_request.h"

enum key_walk_state { KEY_WALK_ASKING, KEY_WALK_DONE, KEY_WALK_FAILED };

/* Read by its owner; only the functions below write it. */
struct key_walk {
    enum key_walk_state state;
    struct buf firsts[KEY_ROOTS_MAX],
        ends[KEY_ROOTS_MAX];   /* the ranges: the first key, and the first beyond */
    size_t range, range_count; /* the one that is asked, and how many there are */
    size_t page;               /* keys in one answer; fewer after one that is too large */
    bool shrunk;               /* there was one */
    int64_t revision;          /* of the registry; 0: not known yet */
    bool pinned;               /* what is asked is of that revision */
};

/* Whether a walk may go from one state to another. */
bool key_walk_may_move(enum key_walk_state from, enum key_walk_state to);

/* Walks what begins with `prefix`, which the scope covers; empty: the whole scope. `page`: 1 to REGISTRY_LIST_MAX. `revision`: as the
 * registry was then, 0: as it is. Ended with key_walk_fini(). */
void key_walk_init(struct key_walk *walk, const struct key_scope *scope, struct str prefix, size_t page,
                   int64_t revision);
void key_walk_fini(struct key_walk *walk);

/* Begins behind the key `after`, which may be gone. */
void key_walk_skip(struct key_walk *walk, struct str after);

/* While ASKING: the next request but for its id and its timeout. Keys are borrowed of the walk. */
void key_walk_ask(const struct key_walk *walk, struct registry_request *ret_request);

/* The answer: the walk moves on behind its last key, and `reply->items` are the next keys; after a failure there are none. `can` is a set
 * of REGISTRY_CAN_*. */
void key_walk_step(struct key_walk *walk, const struct registry_reply *reply, unsigned can);

#endif
