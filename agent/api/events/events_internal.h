/* The inside of the hub: events.c (who follows, and when what is sent), events_live.c (what everyone is
 * told), events_batch.c and events_feed.c (what somebody who catches up is told), events_request.c (requests
 * and refusals). */
#ifndef OUTRIDER_API_EVENTS_EVENTS_INTERNAL_H
#define OUTRIDER_API_EVENTS_EVENTS_INTERNAL_H

#include "outrider/api/events/events.h"
#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/codec/text/sse.h"
#include "outrider/core/fleet/view_log.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/loop/loop.h"

#include <stdbool.h>

struct blob;
struct filter;
struct timer;

enum {
    EVENTS_BATCHES_MAX = 32,      /* more are not kept alive by those who read slowly */
    EVENTS_PORTION_BYTES = 32768, /* what one subscriber gets at a time while he catches up */
    EVENTS_PORTION_BLOBS = 240,
    EVENTS_TURN_BYTES = 131072, /* what all of them get before others have their turn */
    EVENTS_LIVE_BYTES = 65536,  /* a greater difference is caught up with */
    EVENTS_COMMENT_MS = 15000
};

/* Changes in the order of their revisions, complete ones, shared by all who are told them. */
struct events_batch {
    struct events *events;
    struct events_batch *next, *prev; /* newest first */
    size_t references;
    bool init;        /* every record as it was at `revision`: `is` alone */
    int64_t from;     /* else: what came after this */
    int64_t revision; /* everything up to here is told with it */
    uint64_t cluster;
    size_t count;
    struct view_change items[]; /* with references */
};

struct events_list {
    struct events_subscriber *first, *last;
};

/* All subscribers of one kind with one filter. */
struct events_channel {
    struct events *events;
    struct events_channel *next, *prev;
    enum events_kind kind;
    struct filter *filter; /* NULL: everything passes */
    uint64_t hash;
    struct buf text; /* of the filter */
    struct events_list live;
    size_t members;
};

struct events_subscriber {
    struct events_channel *channel;
    struct events_list *list; /* live of the channel; ready or blocked of the hub */
    struct events_subscriber *next, *prev;
    struct http_push *push;
    struct events_batch *batch; /* NULL: live */
    size_t index;               /* of the next item for him */
    size_t told;                /* records of an init so far */
    uint64_t seen;              /* bytes sent when the last comment was due */
    bool stalled;               /* and there was nothing new since the one before */
};

struct events {
    struct loop *loop;
    const struct view *view;
    const struct events_ops *ops;
    void *user;
    struct events_channel *channels;
    struct events_batch *batches, *oldest;
    size_t batch_count;
    struct events_list ready, blocked; /* catching up: the socket takes more, or does not */
    struct view_change *pending;       /* since the last turn, with references */
    size_t pending_count, pending_complete, pending_capacity, pending_bytes;
    struct deferred turn;
    struct timer *comments;
    size_t counted; /* as ops->count was told */
    struct blob *comment;
    struct blob *heads[2], *tails[2]; /* what stands around a record, see events_feed.c */
    struct sse_id tail_id;
    struct events_counters counters;
    size_t dropped_untold;   /* of them, those that the log has not been told of */
    const char *dropped_why; /* the last of these */
    int64_t dropped_told_ms; /* clock_mono_ms before which it is not told again */
};

/* events.c: moves him into a list, or out of his. */
void events_enter(struct events_subscriber *subscriber, struct events_list *list);

/* events.c: closes his stream, counts it and tells the log why, a static text. */
void events_drop(struct events_subscriber *subscriber, const char *why);

/* events.c: what the hub does when a push drains or ends; `user` is the subscriber. */
extern const struct http_push_calls events_push_calls;

/* events.c: makes him, whose memory is given, the channel's newest subscriber with `batch` to catch up with
 * (NULL: live). */
void events_join(struct events_subscriber *subscriber, struct events_channel *channel, struct http_push *push,
                 struct events_batch *batch);

/* events.c: the channel of that kind and filter, which is taken over. */
struct events_channel *events_channel(struct events *events, enum events_kind kind, struct filter *filter);

/* events.c: a channel that was made for somebody who did not come. */
void events_channel_release(struct events_channel *channel);

/* events.c: a comment to everybody who is live; who catches up and has taken nothing since the second to last
 * one is dropped. */
void events_comment(struct events *events);

/* events.c: something is to be done at the end of the turn. */
void events_wake(struct events *events);

/* events_live.c: sends what is pending to everybody who is live. */
void events_flush(struct events *events);

/* events_live.c: gives the first `count` changes of what is pending back. */
void events_forget_pending(struct events *events, size_t count);

/* events_live.c: appends what a change is to this channel, framed; nothing if it is nothing to it. `id` may
 * be NULL. */
void events_frame(const struct events_channel *channel, const struct view_change *change,
                  const struct sse_id *id, struct buf *out);

/* events_live.c: the first of the changes from `at` on that is something to the channel; `count` without. */
size_t events_next(const struct events_channel *channel, const struct view_change *changes, size_t count,
                   size_t at);

/* events_live.c: whether the change at `at`, before the one at `next` of the same channel, is the last of its
 * revision for it. */
bool events_is_last(const struct view_change *changes, size_t count, size_t at, size_t next);

/* events_batch.c: the fleet as it is; what the log has after `revision` of `cluster` (in `ret_batch`, NULL:
 * nothing; returns -1 when that is too old or unknown); what is pending. The caller owns one reference. */
struct events_batch *events_batch_init(struct events *events);
int events_batch_log(struct events *events, int64_t revision, uint64_t cluster,
                     struct events_batch **ret_batch) MUST_CHECK;
struct events_batch *events_batch_pending(struct events *events);

/* events_batch.c: one reader more, one less; the last one frees it. NULL gives NULL. */
struct events_batch *events_batch_ref(struct events_batch *batch);
void events_batch_unref(struct events_batch *batch);

/* events_feed.c: lets him read a batch from its start; his reference is taken over. NULL: he is live. */
void events_begin(struct events_subscriber *subscriber, struct events_batch *batch);

/* events_feed.c: sends him who is ready his next portion, and when his batch is at its end finds what
 * follows. Returns the bytes. He may be gone after that. */
size_t events_feed(struct events_subscriber *subscriber);

/* events_feed.c: frees what is kept between portions. */
void events_portions_fini(struct events *events);

#endif
