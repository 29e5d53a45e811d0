/* The inside of the hub: events.c (requests, subscribers, turns), events_live.c (changes to live subscribers),
 * events_leader.c (who leads), events_state.c (whether the view is certain, servers that are gone), events_gzip.c (who takes gzip),
 * events_batch.c and events_feed.c (catching up). */
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
struct gzip;
struct timer;

enum {
    EVENTS_BATCHES_MAX = 32,      /* so many at most are pinned by slow subscribers */
    EVENTS_PORTION_BYTES = 32768, /* for one subscriber at a time while it catches up */
    EVENTS_PORTION_BLOBS = 240,
    EVENTS_TURN_BYTES = 131072,        /* for all that catch up, in one turn of the loop */
    EVENTS_LIVE_BYTES = 65536,         /* live subscribers catch up with a larger difference */
    EVENTS_GZIP_PORTION_BYTES = 16384, /* the same of those that take gzip, before compression */
    EVENTS_GZIP_LIVE_BYTES = 32768,    /* for all their channels together */
    EVENTS_GZIP_CHANNELS_MAX = 32,     /* each has a compressor */
    EVENTS_PORTIONS_MAX = 32,          /* compressed ones are kept */
    EVENTS_OFFLINE_BYTES = 65536,      /* of events of servers that are gone, in one turn */
    EVENTS_COMMENT_MS = 15000,
    EVENTS_STALLED_MS = 15000, /* without a byte read, while it catches up: dropped */
    EVENTS_LOOK_MS = 5000      /* how often that is looked at */
};

enum events_kind {
    EVENTS_FLEET,    /* init, synced, update, remove; filters */
    EVENTS_DISCOVERY /* serviceJoined, serviceLeft, serviceHealthChanged from now on */
};

/* How events are written. */
enum events_form { EVENTS_SSE, EVENTS_SOCKET, EVENTS_FORMS };

/* One event in the forms that some channel wants; NULL: none does. */
struct events_message {
    struct blob *forms[EVENTS_FORMS];
};

/* What a batch has instead of the changes after a revision: every record as it was (`is` alone); changes after a
 * revision that is not known, so that they are not shared. */
enum { EVENTS_INIT = -1, EVENTS_PENDING = -2 };

/* Changes of complete revisions in their order, shared by all subscribers that need them. */
struct events_batch {
    struct events *events;
    struct events_batch *next, *prev;
    size_t references;
    int64_t from;     /* the changes after this revision, or one of EVENTS_... */
    int64_t revision; /* the last one delivered with it */
    uint64_t cluster;
    uint64_t end; /* of the change log when it was made: what comes after it */
    size_t count;
    struct view_change items[]; /* with references */
};

/* What compresses for a channel. */
struct events_packer {
    struct gzip *gzip;
    bool starts_over; /* the next message refers to nothing before it: not all have got the same */
};

/* A compressed portion, for those of the channel that read the batch from the same place. */
struct events_portion {
    const struct events_batch *batch; /* as the channel only compared; NULL: empty */
    const struct events_channel *channel;
    size_t index, next; /* of the items of the batch: the first, and the first behind it */
    size_t records;     /* of an init: sent with all up to here */
    size_t bytes;       /* before compression */
    struct blob *blob;
};

/* All subscribers of one kind and form with one filter, and either of gzip or not. */
struct events_channel {
    struct events *events;
    struct events_channel *next, *prev;
    enum events_kind kind;
    enum events_form form;
    struct filter *filter; /* NULL: everything passes */
    uint64_t hash;
    struct buf text;              /* of the filter */
    struct events_packer *packer; /* NULL: its subscribers get text */
    struct events_subscriber *live;
    size_t members;
};

struct events_subscriber {
    struct events_channel *channel;
    struct events_subscriber **list; /* live of the channel; ready, packing or blocked of the hub */
    struct events_subscriber *next, *prev;
    struct http_push *push;
    struct events_carrier *carrier; /* of the push; NULL: it is the subscriber's own */
    struct events_batch *batch;     /* NULL: live */
    size_t index;                   /* of the next item to send */
    size_t sent_records;            /* of an init */
    uint64_t sent_bytes;            /* of the push, when it was looked at last; while blocked, as the next */
    int64_t progress_ms;            /* when that had grown, by clock_mono_ms; at first when it was blocked */
};

/* A server that is gone. */
struct events_offline {
    struct events_message message;
    struct view_entry *entry; /* a reference; NULL: not known */
};

/* The bytes of an event around its record; NULL: not needed yet. */
struct events_envelope {
    struct blob *head, *tail;
    struct sse_id id;
};

struct events {
    struct loop *loop;
    const struct view *view;
    const struct events_ops *ops;
    void *user;
    struct events_channel *channels;
    struct events_batch *batches; /* the newest first */
    size_t batch_count;
    struct events_subscriber *ready, *blocked; /* catching up: the socket takes more, or does not */
    struct events_subscriber *packing;         /* as ready, of those that take gzip */
    struct timer *packs;                       /* armed while there is such a one */
    struct gzip *alone;                        /* of what one alone gets; NULL: not needed */
    size_t gzip_channels;
    struct events_portion portions[EVENTS_PORTIONS_MAX];
    size_t next_portion;         /* to be replaced */
    struct view_change *pending; /* since the last turn, with references */
    size_t pending_count, pending_complete, pending_capacity, pending_bytes;
    struct deferred turn;
    struct timer *comments;
    struct timer *stalls; /* armed while a subscriber is blocked */
    size_t counted;       /* the last passed to ops->count */
    struct blob *comment;
    struct events_message leaders;       /* an event for each scope, in the forms that were needed */
    struct blob *brace;                  /* what ends an event of a WebSocket */
    struct events_envelope envelopes[3]; /* of init, of update, and of update with an id */
    struct events_offline *offline;      /* to be told at the end of the turn */
    size_t offline_count, offline_capacity, offline_bytes, offline_left_out;
    uint64_t state_hash; /* of the state that was told last, its age aside */
    struct events_counters counters;
    size_t dropped_unlogged;      /* of counters.dropped */
    const char *dropped_reason;   /* of the last of these */
    int64_t dropped_log_after_ms; /* by clock_mono_ms */
};

/* events.c: moves a subscriber to the end of `list`; NULL: only out of its present one. */
void events_enter(struct events_subscriber *subscriber, struct events_subscriber **list);

/* events.c: closes the stream, counts and logs it with the static text `reason`. */
void events_drop(struct events_subscriber *subscriber, const char *reason);

/* events.c: sends a comment to each live subscriber. */
void events_comment(struct events *events);

/* events.c: the subscriber waits, in `blocked`, until its socket takes more. */
void events_block(struct events_subscriber *subscriber);

/* events.c: drops those that are blocked and have taken nothing for EVENTS_STALLED_MS: such a one pins its batch, and
 * its backlog never grows so large that it is closed for that. */
void events_drop_stalled(struct events *events, int64_t now_ms);

/* events.c: runs the hub at the end of the turn. */
void events_wake(struct events *events);

/* events_form.c: appends one event; as sse_event(), and `data` is JSON. */
void events_write(enum events_form form, struct buf *out, struct str name, struct str data,
                  const struct sse_id *id);

/* events_form.c: an event in each form that a channel has. Its blobs are the caller's, for events_message_fini(). */
struct events_message events_message(const struct events *events, struct str name, struct str data);
void events_message_fini(struct events_message *message);

/* events_form.c: sends the event to the live subscribers of a channel, where it is in its form. */
void events_send(const struct events_channel *channel, const struct events_message *message);

/* events_form.c: what shows a subscriber of a WebSocket that it is still connected. */
struct blob *events_alive(void);

/* events_gzip.c: makes a new channel one of gzip, and frees what that needs; nothing of another channel. */
void events_packer_open(struct events_channel *channel);
void events_packer_close(struct events_channel *channel);

/* events_gzip.c: forgets the compressed portions of a batch. */
void events_forget_portions(struct events *events, const struct events_batch *batch);

/* events_gzip.c: sends a message to all live subscribers of a channel: each of them gets all of these, in this order. */
void events_send_all(const struct events_channel *channel, struct blob *message);

/* events_gzip.c: sends messages to one subscriber alone. */
void events_send_one(struct events_subscriber *subscriber, struct blob *const *messages, size_t count);

/* events_gzip.c: what a subscriber is to get next, where another one has got it a moment ago; NULL: it is to be made. */
const struct events_portion *events_portion_find(const struct events_subscriber *subscriber);

/* events_gzip.c: compresses and sends a portion, and keeps it. `portion` has everything but the blob. */
void events_portion_send(struct events_subscriber *subscriber, struct events_portion portion,
                         struct blob *const *messages, size_t count);

/* events_gzip.c: a turn of those that are in `packing`, for the timer. */
void events_on_packing(void *user);

/* events_gzip.c: a subscriber that catches up takes more. */
void events_go_on(struct events_subscriber *subscriber);

/* events_leader.c: tells a subscriber that has gone live who leads, if it asked for that. */
void events_tell_leaders(struct events_subscriber *subscriber);

/* events_state.c: tells live subscribers that ask for it of servers that are gone, and of the state of the view if it has
 * changed. */
void events_tell(struct events *events);

/* events_state.c: tells a subscriber that has gone live of the state, if it asked for that. */
void events_tell_state(struct events_subscriber *subscriber);

/* events_state.c: sends `bye`; a comment with the time, whose reference is the caller's; drops what was not told. */
void events_say_bye(struct events *events, const char *why);
struct blob *events_clock_comment(void);
void events_forget_offline(struct events *events);

/* events_live.c: sends the pending changes to live subscribers. */
void events_flush(struct events *events);

/* events_live.c: frees the first `count` pending changes. */
void events_forget_pending(struct events *events, size_t count);

/* events_live.c: appends the event that a change is to this channel, if it is one. `id` may be NULL. */
void events_frame(const struct events_channel *channel, const struct view_change *change,
                  const struct sse_id *id, struct buf *out);

/* events_live.c: appends the event of a record as the API shows it, with the id of `id` if that is not NULL. */
void events_frame_record(enum events_form form, struct buf *out, struct str name,
                         const struct view_entry *entry, const struct sse_id *id);

/* events_live.c: the first change from `at` on that is an event to the channel; `count` without one. */
size_t events_next(const struct events_channel *channel, const struct view_change *changes, size_t count,
                   size_t at);

/* events_live.c: whether the change at `at` is the last of its revision for a channel whose next one is at
 * `next`. */
bool events_is_last(const struct view_change *changes, size_t count, size_t at, size_t next);

/* events_batch.c: a batch of the fleet as it is; of the log after `revision` of `cluster`, and after the batch `done`, whose
 * reference is taken over (in `ret_batch`, NULL: no changes; returns -1 when the log does not reach back that far); of the
 * pending changes. The caller owns one reference. */
struct events_batch *events_batch_init(struct events *events);
int events_batch_log(struct events *events, int64_t revision, uint64_t cluster,
                     struct events_batch **ret_batch) MUST_CHECK;
int events_batch_rest(struct events *events, struct events_batch *done,
                      struct events_batch **ret_batch) MUST_CHECK;
struct events_batch *events_batch_pending(struct events *events);

/* events_batch.c: takes and gives back a reference; the last one frees. NULL gives NULL. */
struct events_batch *events_batch_ref(struct events_batch *batch);
void events_batch_unref(struct events_batch *batch);

/* events_feed.c: starts a batch, whose reference is taken over. NULL: the subscriber goes live. */
void events_begin(struct events_subscriber *subscriber, struct events_batch *batch);

/* events_feed.c: sends a ready subscriber its next portion, and at the end of its batch finds what follows.
 * Returns the bytes. The subscriber may have been freed. */
size_t events_feed(struct events_subscriber *subscriber);

/* events_feed.c: frees the envelopes. */
void events_envelopes_fini(struct events *events);

#endif
