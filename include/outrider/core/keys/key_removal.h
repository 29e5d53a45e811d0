/* All keys that begin with a prefix removed, as they were when they were counted. Pure: key_removal_ask() says what is to be asked next,
 * and its answer is the next event.
 *
 *     ──> COUNTING ──all counted, as planned──> LISTING ──some keys──> REMOVING
 *            │                                    │  ^                    │
 *            │                                    │  └───removed, more────┤
 *            └──preview, or another plan──> ENDED <──none, failed, changed┘
 *
 * The keys are walked twice, so that none of them is kept: counted at one revision, and listed again at the same one to be removed. Each
 * is removed only while it is as it was counted. */
#ifndef OUTRIDER_CORE_KEYS_KEY_REMOVAL_H
#define OUTRIDER_CORE_KEYS_KEY_REMOVAL_H

#include "outrider/core/keys/key_walk.h"

/* Keys in one removal, and in one of its transactions, which the registry carries out whole. */
enum { KEY_REMOVAL_MAX = 100000, KEY_REMOVAL_BATCH = REGISTRY_TXN_MAX };

enum { KEY_PLAN_SIZE = 40 };

enum key_removal_state { KEY_REMOVAL_COUNTING, KEY_REMOVAL_LISTING, KEY_REMOVAL_REMOVING, KEY_REMOVAL_ENDED };

enum key_removal_result {
    KEY_REMOVAL_COUNTED,  /* a preview: nothing was removed */
    KEY_REMOVAL_REMOVED,  /* all of them */
    KEY_REMOVAL_REPLACED, /* the plan is another one than was previewed: nothing was removed */
    KEY_REMOVAL_CHANGED,  /* a key changed meanwhile: only `removed` were removed */
    KEY_REMOVAL_TOO_MANY, /* more than KEY_REMOVAL_MAX: nothing was removed */
    KEY_REMOVAL_FAILED    /* `removed` were removed, and after REGISTRY_UNKNOWN maybe one batch more */
};

/* Read by its owner; only the functions below write it. */
struct key_removal {
    enum key_removal_state state;
    enum key_removal_result result; /* ENDED */
    const struct key_scope *scope;
    struct buf prefix;
    char expected[KEY_PLAN_SIZE]; /* the plan that was previewed; "": a preview */
    struct key_walk walk;
    uint64_t hash;
    size_t count, removed;
    size_t batch;             /* REMOVING: keys of the transaction under way */
    char plan[KEY_PLAN_SIZE]; /* once all are counted: names them and their revisions */
    struct registry_txn *txn;
};

/* Whether a removal may go from one state to another. */
bool key_removal_may_move(enum key_removal_state from, enum key_removal_state to);

/* Removes what begins with `prefix`, which the scope, borrowed, covers, if the plan is `expected`; empty: only counts. Ended with
 * key_removal_fini(). */
void key_removal_init(struct key_removal *removal, const struct key_scope *scope, struct str prefix,
                      struct str expected);
void key_removal_fini(struct key_removal *removal);

/* Until ENDED: the next request but for its id and its timeout. Keys are borrowed of the removal and, while REMOVING, of the reply
 * before: it is to be submitted before that is over. */
void key_removal_ask(const struct key_removal *removal, struct registry_request *ret_request);

/* The answer. `can` is a set of REGISTRY_CAN_*. */
void key_removal_step(struct key_removal *removal, const struct registry_reply *reply, unsigned can);

#endif
