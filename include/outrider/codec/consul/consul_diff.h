/* What changed between two listings of a range: Consul tells no change, only what there is. */
#ifndef OUTRIDER_CODEC_CONSUL_CONSUL_DIFF_H
#define OUTRIDER_CODEC_CONSUL_CONSUL_DIFF_H

#include "outrider/codec/consul/consul_response.h"

struct consul_known {
    struct str key;
    int64_t mod, create;
};

/* A listing without its values. {0}: nothing is known, not even that there is nothing. */
struct consul_listing {
    struct consul_known *list;
    size_t count;
    struct buf keys;
    int64_t index; /* of the answer that told it */
};

/* Frees what it owns and zeroes it. */
void consul_listing_fini(struct consul_listing *listing);

/* Replaces `listing` by what `kvs` has between `key` and `end` (as in a registry_range, as Consul has them). */
void consul_listing_keep(struct consul_listing *listing, const struct consul_kvs *kvs,
                         struct registry_range range, int64_t index);

struct consul_changes {
    struct registry_change
        *list; /* in the order of their revisions; keys and values are borrowed from both listings */
    size_t count, capacity;
    size_t deleted;
    /* A key is as it cannot be if the store only went on: it was set back, or is another one. */
    bool set_back;
};

/* Frees what it owns and zeroes it. */
void consul_changes_fini(struct consul_changes *changes);

/* Appends what differs from `before` in `now`, within `range`, told at `index`. A key that was deleted and made again since is
 * both; one that is missing was deleted at `index`. Changes up to revision `known` are left out. */
void consul_diff(const struct consul_listing *before, const struct consul_kvs *now,
                 struct registry_range range, int64_t index, int64_t known, struct consul_changes *changes);

/* Puts the changes of several ranges into the order of their revisions. */
void consul_changes_sort(struct consul_changes *changes);

#endif
