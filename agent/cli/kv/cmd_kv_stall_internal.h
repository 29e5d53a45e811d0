/* Whether a watch that tells nothing has nothing to tell (docs/design/etcd-gateway.md, "Silent watches"):
 * etcd is asked beside it. */
#ifndef OUTRIDER_CLI_KV_CMD_KV_STALL_INTERNAL_H
#define OUTRIDER_CLI_KV_CMD_KV_STALL_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/core/registry/registry_watch.h"

#include <stdbool.h>
#include <stdint.h>

struct kv;
struct registry_client;
struct timer;

/* Called from the loop: the watch is to be opened anew, because of `why`; with `set_back` there is no sense
 * in it, as what was told is no longer so. */
typedef void kv_stall_fn(struct str why, bool set_back, void *user);

/* Looks into the range of a watch now and then, while it is open:
 *
 *     has the store's revision moved beyond what was told? --> and still is at the next look -->
 *     the newest key, and how many there are --> as was told? --> all is well
 *                                                |--> not yet, and nothing is told for LAG_MS: stalled
 *
 * A key that was written unseen is newer than all that was told, one that was deleted unseen is one too many.
 * What was written and deleted again between two looks is neither: it is told with the next change that
 * shows.
 *
 * A watch that opens at an older revision than etcd was heard to have is one of a member that is behind, or
 * etcd was set back: what is asked beside it all members answer, and that tells. */
struct kv_stall {
    struct kv *kv;
    struct registry_client *client;
    kv_stall_fn *fn;
    void *user;
    struct registry_range range; /* with an end, also where it is one key */
    struct buf end;
    struct timer *timer;
    int64_t interval_ms;
    int64_t told;          /* everything up to this revision */
    int64_t keys;          /* as many as there were when they were counted; -1: not counted */
    int64_t since;         /* told since then: so many more */
    int64_t expected;      /* the store's revision at the last look, where it was beyond `told` */
    int64_t lag_told;      /* as told when it was first found too little; -1: it was not */
    int64_t seen;          /* the newest revision that etcd was heard to have */
    uint64_t epoch, asked; /* of the watch; of the watch that the last question was for */
    bool open, asking, counting, uncountable;
    bool behind; /* the watch opened before `seen`, and it is not known yet why */
};

/* `kv` and `fn` are borrowed until kv_stall_fini; keys and ranges of `range`, too. */
void kv_stall_init(struct kv_stall *stall, struct kv *kv, const struct registry_range *range, kv_stall_fn *fn,
                   void *user);

/* The watch is open at the store's `revision`, and tells what comes after `told`. */
void kv_stall_opened(struct kv_stall *stall, int64_t told, int64_t revision);

/* It has told something. */
void kv_stall_told(struct kv_stall *stall, const struct registry_watch_event *event);

/* It is not open any more. */
void kv_stall_closed(struct kv_stall *stall);

/* Accepts a zeroed one. */
void kv_stall_fini(struct kv_stall *stall);

#endif
