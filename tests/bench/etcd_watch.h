/* An etcd watch, as any client of the fleet holds one. */
#ifndef OUTRIDER_BENCH_ETCD_WATCH_H
#define OUTRIDER_BENCH_ETCD_WATCH_H

#include "etcd_wire.h"

#include <stdbool.h>
#include <stdint.h>

struct json_t;

struct etcd_event {
    int64_t at_us; /* when its bytes had been read */
    int64_t revision;
    bool deleted;
    struct buf key, value; /* decoded; both stay valid until the next event */
};

struct etcd_watch {
    struct etcd_wire wire;
    struct buf line;       /* the part of a line that has come, without the framing of its chunks */
    size_t chunk_left;     /* bytes of the present chunk to come, with its line end */
    int64_t at_us;         /* of the last read */
    struct json_t *events; /* of the last line; owned */
    struct json_t *message;
    size_t next;
    struct etcd_event event;
};

/* Watches `key`, or with `prefix` all keys that begin with it, from now on; returns when etcd has said that
 * it does. */
void etcd_watch_open(struct etcd_watch *watch, const char *endpoint, const char *key, bool prefix);

/* The next event, waited for at most `timeout_ms` from its last byte; NULL when none came. Borrowed until the
 * next call. */
const struct etcd_event *etcd_watch_next(struct etcd_watch *watch, int timeout_ms);

/* The next event of `key` (NULL: any) whose value contains `text` (NULL: a deletion); others are dropped.
 * Ends the process after `timeout_ms` without one, saying what was waited for. */
const struct etcd_event *etcd_watch_until(struct etcd_watch *watch, const char *key, const char *text,
                                          int timeout_ms);

#endif
