/* What the sources of the watch decoder share: etcd_watch.c reads lines, etcd_watch_emit.c makes events. */
#ifndef OUTRIDER_CODEC_ETCD_ETCD_WATCH_INTERNAL_H
#define OUTRIDER_CODEC_ETCD_ETCD_WATCH_INTERNAL_H

#include "outrider/codec/etcd/etcd_watch.h"

#include "etcd_codec_internal.h"
#include "etcd_watch_held_internal.h"

struct watched {
    char *key, *end; /* what `range` points to */
    struct registry_range range;
    bool created;
    int64_t known;     /* every revision up to it was delivered or is held whole */
    int64_t delivered; /* every revision up to it was delivered */
    size_t whole;      /* of the held, from the first: those of whole revisions */
    struct etcd_watch_held held;
};

struct etcd_watch_decoder {
    uint64_t id;
    int64_t from_revision;
    struct watched watched[REGISTRY_RANGES_MAX];
    size_t count;
    int http_status;
    struct buf input;
    size_t start, searched; /* in input: the line being read, and how far it has no end */
    bool finished, opened, over;
    struct watched *delivering; /* whose changes the last event points to */
    int64_t reported;           /* revision of the last event */
    int64_t created_at;         /* newest revision at which a range was created */
    struct buf frame;
    struct etcd_status status; /* what the line being read says of itself */
    int64_t compact_revision;
};

/* Each writes an event and returns true; changed and progress return false when there is nothing of the kind. */
bool etcd_watch_emit_opened(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event);
bool etcd_watch_emit_changed(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event);
bool etcd_watch_emit_progress(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event);

/* ENDED by `status`; by a failure that the decoder found; by something that is not etcd's. */
bool etcd_watch_emit_ended(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event);
bool etcd_watch_emit_failure(struct etcd_watch_decoder *decoder, const char *why,
                             struct etcd_watch_event *ret_event);
bool etcd_watch_emit_unexpected(struct etcd_watch_decoder *decoder, const char *what,
                                struct etcd_watch_event *ret_event);

/* Drops what the last event pointed to. */
void etcd_watch_emit_released(struct etcd_watch_decoder *decoder);

/* Events of `watched` were read. `whole`: no more of the last revision is to come. */
void etcd_watch_settle(struct watched *watched, bool whole);

#endif
