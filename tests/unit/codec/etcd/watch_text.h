/* What a watch decoder makes of bytes, as text to compare: a line for each event. */
#ifndef OUTRIDER_TESTS_UNIT_CODEC_WATCH_TEXT_H
#define OUTRIDER_TESTS_UNIT_CODEC_WATCH_TEXT_H

#include "outrider/base/buf.h"
#include "outrider/codec/etcd/etcd_watch.h"

#define CLUSTER34 "2869789905813296339"
#define HDR(rev)                                                                                             \
    "{\"result\":{\"header\":{\"cluster_id\":\"" CLUSTER34 "\",\"member_id\":\"7287767319371570540\","       \
    "\"revision\":\"" rev "\",\"raft_term\":\"2\"}"
/* w/a, w/b, w/x, w/y; z/b */
#define A "dy9h"
#define B "dy9i"
#define X "dy94"
#define Y "dy95"
#define ZB "ei9i"
#define PUT(key, created, rev, version, value)                                                               \
    "{\"kv\":{\"key\":\"" key "\",\"create_revision\":\"" created "\",\"mod_revision\":\"" rev               \
    "\",\"version\":\"" version "\",\"value\":\"" value "\"}}"
#define DEL(key, rev) "{\"type\":\"DELETE\",\"kv\":{\"key\":\"" key "\",\"mod_revision\":\"" rev "\"}}"
#define CREATED(rev) HDR(rev) ",\"watch_id\":\"1\",\"created\":true}}\n"
#define CREATED2(rev) HDR(rev) ",\"watch_id\":\"2\",\"created\":true}}\n"
#define EVENTS(rev, list) HDR(rev) ",\"watch_id\":\"1\",\"events\":[" list "]}}\n"
#define EVENTS2(rev, list) HDR(rev) ",\"watch_id\":\"2\",\"events\":[" list "]}}\n"
#define FRAGMENT(rev, list) HDR(rev) ",\"watch_id\":\"1\",\"fragment\":true,\"events\":[" list "]}}\n"
#define OPENED(rev) "opened " rev " of " CLUSTER34 "\n"

/* Watches with id 3: of what begins with w/; of that and z/b. */
extern const struct registry_watch under_w, two;

/* The same from `revision` on. */
struct registry_watch from(struct registry_watch watch, int64_t revision);

/* Appends the events of the decoder. */
void drain(struct etcd_watch_decoder *decoder, struct buf *out);

/* What the bytes say, fed in pieces of `cut`; ended in good order, or still open. */
void decode(const struct registry_watch *watch, int status, struct str bytes, size_t cut, bool finish,
            struct buf *out);

/* Decodes in pieces of several sizes, each time with the same result. */
void expect_text(const struct registry_watch *watch, int status, const char *bytes, bool finish,
                 const char *expected);

/* The stream stays open. */
static inline void expect(const struct registry_watch *watch, const char *bytes, const char *expected)
{
    expect_text(watch, 200, bytes, false, expected);
}

/* It ended in good order. */
static inline void expect_at_end(const struct registry_watch *watch, int status, const char *bytes,
                                 const char *expected)
{
    expect_text(watch, status, bytes, true, expected);
}

#endif
