/* Changes of one range that were read and not yet delivered, in order of revision. */
#ifndef OUTRIDER_CODEC_ETCD_ETCD_WATCH_HELD_INTERNAL_H
#define OUTRIDER_CODEC_ETCD_ETCD_WATCH_HELD_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/codec/json/json_scan.h"
#include "outrider/core/registry/registry_request.h"

/* {0} is empty. */
struct etcd_watch_held {
    /* Of keys and values only the sizes, until they are shown: the bytes move while they grow. */
    struct registry_change *list;
    size_t count, capacity;
    struct buf bytes; /* of each its key, then its value */
};

/* Frees what it holds and empties it. */
void etcd_watch_held_fini(struct etcd_watch_held *held);

/* Reads the next value of `scan`, an event of a watch of `range`, and keeps it unless its revision is `known` or older.
 * Returns -1 (and nothing is kept) when it is not an event of etcd's: of another shape, a key outside of the range, a
 * revision below that of the one before. */
int etcd_watch_held_add(struct etcd_watch_held *held, struct json_scan *scan,
                        const struct registry_range *range, int64_t known) MUST_CHECK;

/* How many of them, from the first, are of `revision` or older. */
size_t etcd_watch_held_until(const struct etcd_watch_held *held, int64_t revision);

/* The revision of the last, 0 without one. */
int64_t etcd_watch_held_newest(const struct etcd_watch_held *held);

/* The first `count` of them, borrowed until the next call. */
const struct registry_change *etcd_watch_held_show(struct etcd_watch_held *held, size_t count);

/* Forgets the first `count` of them. */
void etcd_watch_held_drop(struct etcd_watch_held *held, size_t count);

/* Bytes of memory they take. */
size_t etcd_watch_held_size(const struct etcd_watch_held *held);

#endif
