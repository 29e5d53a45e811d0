/* A watch as etcd's JSON gateway streams it: the request to bytes, and the bytes that come back, in whatever
 * pieces, to events. "Gateway" is docs/design/etcd-gateway.md. */
#ifndef OUTRIDER_CODEC_ETCD_ETCD_WATCH_H
#define OUTRIDER_CODEC_ETCD_ETCD_WATCH_H

#include "outrider/base/buf.h"
#include "outrider/base/str.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>

enum {
    /* One line. Asked for fragments, etcd sends at most 2 MiB and one event in a message; the smallest events
     * grow to five times that as JSON, the largest value (1.5 MiB) to 2 MiB. */
    ETCD_WATCH_LINE_MAX = 12 * 1024 * 1024,
    /* What is held because it cannot be delivered yet: a revision of which more is to come, or what comes before
     * the watch has begun on every range. A transaction is at most 1.5 MiB; deletions have no values. */
    ETCD_WATCH_HELD_MAX = 64 * 1024 * 1024
};

struct etcd_watch_decoder;

struct etcd_watch_event {
    struct registry_watch_event event; /* its endpoint is empty: the decoder knows of none */
    bool elsewhere;                    /* ended: another endpoint may do better */
    bool token_refused;                /* ended: a login may help, likewise */
};

/* Appends the body of `watch`: one create_request for each range, one after the other, with watch_id 1, 2,
 * ... Asks for fragments and progress notifications (gateway, "Watch"). */
void etcd_watch_encode(const struct registry_watch *watch, struct buf *out);

/* A decoder of the answer to `watch`, which it borrows with its keys. The caller owns it. */
struct etcd_watch_decoder *etcd_watch_decoder_new(const struct registry_watch *watch);

/* Accepts NULL. */
void etcd_watch_decoder_free(struct etcd_watch_decoder *decoder);

/* The HTTP status, before the first byte; 200 if never called. With another the body is an error. */
void etcd_watch_decoder_head(struct etcd_watch_decoder *decoder, int status);

/* The next bytes of the body, copied. To be followed by etcd_watch_decoder_next until there is nothing more:
 * only then are the limits kept. */
void etcd_watch_decoder_feed(struct etcd_watch_decoder *decoder, struct str bytes);

/* The body ended in good order: what is left is a line (gateway, "Watch lines": the last one may lack its
 * LF). */
void etcd_watch_decoder_finish(struct etcd_watch_decoder *decoder);

/* The next event of the bytes so far; false: none yet, or for ever after ENDED. What the
 * event points to is borrowed until the next call. Total on any input, and the same whatever the cuts: what
 * is not etcd's, or over a limit, is ENDED with a text.
 *
 * - OPENED comes when every range was created. Its revision is the newest that any of them was created at, so
 *   a client that reads at it misses nothing on any range; without from_revision nothing up to it is delivered.
 * - CHANGED has the changes of one range, whole revisions only, each revision once (gateway, "Known bugs":
 *   some servers repeat themselves). Its revision is the oldest up to which every range is delivered, and so with
 *   several ranges may be behind these changes. A header's revision counts only in a progress
 *   notification, which etcd sends to watchers that are up to date and in order with their events: elsewhere
 *   it is ahead of what was sent (gateway, "Watch lines").
 * - ENDED: a compacted from_revision is REGISTRY_RETRY with read_anew. */
bool etcd_watch_decoder_next(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event);

#endif
