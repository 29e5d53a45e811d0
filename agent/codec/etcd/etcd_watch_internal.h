/* What the sources of codec/etcd_watch share: etcd_watch.c reads, etcd_watch_tell.c tells. */
#ifndef OUTRIDER_CODEC_ETCD_ETCD_WATCH_INTERNAL_H
#define OUTRIDER_CODEC_ETCD_ETCD_WATCH_INTERNAL_H

#include "outrider/codec/etcd/etcd_watch.h"

#include "etcd_codec_internal.h"
#include "etcd_watch_held_internal.h"

struct watched {
    char *key, *end; /* what `range` points to */
    struct registry_range range;
    bool created;
    int64_t known; /* every revision up to it was told or is held whole */
    int64_t told;  /* every revision up to it was told */
    size_t whole;  /* of the held, from the first: those of whole revisions */
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
    struct watched *telling; /* what the caller was handed the whole of */
    int64_t reported;        /* revision of the last event */
    int64_t created_at;      /* newest revision at which a range was created */
    struct buf frame;
    struct etcd_status status; /* what the line being read says of itself */
    int64_t compact_revision;
};

/* Each writes an event and returns true; tell_changed and tell_progress return false when there is nothing of
 * the kind. What the last event pointed to is forgotten by tell_released. */
bool etcd_watch_emit_opened(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event);
bool etcd_watch_emit_changed(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event);
bool etcd_watch_emit_progress(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event);

/* ENDED by what `status` says; by a failure in our words; by something that is not etcd's. */
bool etcd_watch_emit_ended(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event);
bool etcd_watch_emit_failure(struct etcd_watch_decoder *decoder, const char *why,
                             struct etcd_watch_event *ret_event);
bool etcd_watch_emit_unexpected(struct etcd_watch_decoder *decoder, const char *what,
                                struct etcd_watch_event *ret_event);

/* The caller has had his look at the last event. */
void etcd_watch_emit_released(struct etcd_watch_decoder *decoder);

/* Events of `watched` were read. `whole`: no more of the last revision is to come. */
void etcd_watch_settle(struct watched *watched, bool whole);

#endif
