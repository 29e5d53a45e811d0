/* A registry in Redis: what its script answers and tells (agent/registry/redis/registry.lua). Keys, values and texts are
 * borrowed from what is read. Every function returns 0, or -1 where it is nothing of that kind: the namespace is used by something
 * else, or another program writes to it. */
#ifndef OUTRIDER_CODEC_REDIS_REDIS_LOG_H
#define OUTRIDER_CODEC_REDIS_REDIS_LOG_H

#include "outrider/core/registry/registry_request.h"

struct redis_reply;

/* What every answer of the script begins with. */
enum { REDIS_LOG_HEAD = 3 };

struct redis_log_head {
    uint64_t cluster, epoch; /* which store, and which history of it; never 0 */
    int64_t revision;        /* at least 1 */
};

/* The first three items of an array: id, epoch, revision. */
int redis_log_head_read(const struct redis_reply *reply, struct redis_log_head *ret_head) MUST_CHECK;

/* "MOD CREATE LEASE\nVALUE"; empty: there is no such key, and `found` is false. */
int redis_log_packed_read(struct str packed, struct registry_kv *ret_kv) MUST_CHECK;

enum redis_log_kind { REDIS_LOG_CHANGE, REDIS_LOG_EPOCH };

struct redis_log_entry {
    enum redis_log_kind kind; /* an epoch has a revision, and nothing else */
    bool more;                /* more of this revision follow */
    int64_t revision;         /* of an epoch that a message tells, 0 */
    int64_t previous;         /* that the key was at before; 0: there was none */
    struct registry_change change;
};

/* An entry of the stream: [REVISION-PART, [o p k KEY p PREVIOUS c CREATE l LEASE v VALUE]], or [REVISION-0, [o e]]. */
int redis_log_entry_read(const struct redis_reply *entry, struct redis_log_entry *ret_entry) MUST_CHECK;

/* A message on the channel of `key`: "REVISION-PART KIND PREVIOUS CREATE LEASE\nVALUE"; on that of all, "e". */
int redis_log_message_read(struct str key, struct str text, struct redis_log_entry *ret_entry) MUST_CHECK;

#endif
