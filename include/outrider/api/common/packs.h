/* Bodies of answers that are compressed: slice by slice in turns of the loop, so that nothing else waits for 1 ms, and once for all
 * requests that ask for the same bytes. One is compressed at a time, in the order in which they came.
 *
 *               api_packs_begin        the last slice
 *     (none) ───────────────> PACKING ───────────────> PACKED
 *                                │
 *                                └──> (freed)  no request waits for it, no list keeps it
 *
 * A request that waits has a complete plain reply, which it gets where it cannot wait. */
#ifndef OUTRIDER_API_COMMON_PACKS_H
#define OUTRIDER_API_COMMON_PACKS_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api_pack;
struct api_packs;
struct api_reply;
struct blob;
struct http_exchange;
struct loop;

enum {
    API_PACK_BYTES_MIN = 1400, /* what fits into one packet is sent as it is */
    API_PACKS_MAX = 16,        /* under way */
    API_PACKS_WAITING_MAX = 1024
};

/* Since the start; `running` and `waiting` are now. */
struct api_packs_counters {
    size_t running, waiting;
    uint64_t packed;  /* compressed to the end */
    uint64_t plain;   /* answered with the plain body, because too much was under way */
    int64_t pause_us; /* the longest time that one turn compressed */
};

/* None. `loop` is borrowed. The caller owns the result. Never NULL. */
struct api_packs *api_packs_new(struct loop *loop);

/* Requests that wait are answered with their plain bodies. Packs that others refer to must have been given back. Accepts NULL. */
void api_packs_free(struct api_packs *packs);

/* Compresses `plain`, which is referenced until then. The caller owns one reference. NULL: API_PACKS_MAX are under way. */
struct api_pack *api_packs_begin(struct api_packs *packs, struct blob *plain);

/* One more reference; returns it. NULL gives NULL. */
struct api_pack *api_pack_ref(struct api_pack *pack);

/* Gives one reference back; with the last one the compression ends. Accepts NULL. */
void api_pack_unref(struct api_pack *pack);

/* The compressed bytes, borrowed; NULL: they are under way. */
struct blob *api_pack_done(const struct api_pack *pack);

/* Takes over the complete plain reply, which has a pack that is under way, and the exchange, and answers once that is done. False, with
 * nothing taken, when API_PACKS_WAITING_MAX wait: it is to be sent as it is. */
bool api_packs_wait(struct api_packs *packs, struct http_exchange *exchange,
                    struct api_reply *reply) MUST_CHECK;

/* The exchange has ended without its reply, which is dropped where it waits here. */
void api_packs_gone(struct api_packs *packs, const struct http_exchange *exchange);

/* Borrowed. */
const struct api_packs_counters *api_packs_counters(const struct api_packs *packs);

#endif
