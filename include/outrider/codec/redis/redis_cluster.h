/* Which node of a cluster has a key: slots, and the map that the nodes tell. */
#ifndef OUTRIDER_CODEC_REDIS_REDIS_CLUSTER_H
#define OUTRIDER_CODEC_REDIS_REDIS_CLUSTER_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stddef.h>
#include <stdint.h>

struct error;
struct redis_reply;

enum { REDIS_SLOTS = 16384 };

/* The slot of `key`: of what stands between its first '{' and the next '}', where that is something. */
uint16_t redis_slot(struct str key);

/* The slots from `first` to `last` belong to the master at `host`, borrowed from the reply; empty: the server that was asked. */
struct redis_slots {
    uint16_t first, last;
    struct str host;
    uint16_t port;
};

/* Reads one range, an item of the reply to CLUSTER SLOTS. Returns 0, or -1 with ERROR_PROTOCOL. */
int redis_slots_read(const struct redis_reply *range, struct error *err,
                     struct redis_slots *ret_slots) MUST_CHECK;

#endif
