/* A watch. watch.c has its beginning and end and what it delivers, watch_range.c the questions about one range:
 *
 *     open -> which store? -> OPENING each range -> (PROBING one that is empty) -> all of them known: OPENED
 *
 *     POLLING -answer-> what differs from what is known? --something--> (PROVING what is missing) -> CHANGED -.
 *        ^                  |--nothing, and it came early, or from before: READING, without waiting          |
 *        '--- PAUSED <------'<-------------------------------------------------------------------------------'
 *
 * A question is about all keys of a range, and waits until one of them changes. It goes to the endpoint that opened the watch; any
 * failure ends the watch, which is not opened again here. */
#ifndef OUTRIDER_REGISTRY_CONSUL_WATCH_INTERNAL_H
#define OUTRIDER_REGISTRY_CONSUL_WATCH_INTERNAL_H

#include "consul_internal.h"

#include "outrider/codec/consul/consul_diff.h"

struct timer;

enum range_step {
    RANGE_NEW,
    RANGE_OPENING, /* reads it for the first time */
    RANGE_PROBING, /* nothing is there: may the token read there? */
    RANGE_READY,   /* waits for the other ranges */
    RANGE_POLLING, /* waits at the server for a change */
    RANGE_READING, /* reads it without waiting */
    RANGE_PROVING, /* asks for the keys that are missing */
    RANGE_PAUSED
};

struct watch_range {
    struct consul_watch *watch;
    struct registry_range range; /* as Consul has the keys */
    struct str prefix;           /* of all in the range */
    bool slash;                  /* the client's keys begin with one */
    enum range_step step;
    struct consul_ask ask;
    struct consul_listing known;
    struct consul_kvs now; /* that differs from it */
    int64_t now_index;
    struct consul_changes changes;
    bool consistent; /* a stale answer was too old */
    struct timer *pause;
    int64_t sent_mono;   /* when it was asked */
    int64_t interval_ms; /* between two questions at least */
    bool is_cheap;       /* the last listing was short, and told something */
};

struct consul_watch {
    struct consul_watch *next;
    struct consul *consul;
    struct registry_watch request;
    struct buf keys; /* what the request's ranges point to */
    struct watch_range ranges[REGISTRY_RANGES_MAX];
    struct consul_ask identity;
    struct timer *due; /* until it is open */
    struct buf trail;
    bool opened, over;
    int64_t revision; /* of OPENED */
    struct deferred release;
};

/* ---- watch.c ---- */

/* The watch ends; nothing of it may be used afterwards in this call but `over`. `why` NULL: it is in the trail. */
void consul_watch_fail(struct consul_watch *watch, enum registry_failure failure, const char *why);

/* The same: what is known of the range cannot be gone on from. */
void consul_watch_read_anew(struct consul_watch *watch, const char *why);

/* A range has been read for the first time. */
void consul_watch_ready(struct consul_watch *watch);

/* Delivers the changes of the range, and what is new becomes what is known. The client may close the watch. */
void consul_watch_deliver(struct watch_range *range);

/* ---- watch_range.c ---- */

void consul_range_init(struct watch_range *range, struct consul_watch *watch, struct registry_range wanted);
void consul_range_fini(struct watch_range *range);

/* Ends what is under way. */
void consul_range_stop(struct watch_range *range);

void consul_range_open(struct watch_range *range);
void consul_range_poll(struct watch_range *range);

#endif
