/* Watches of keys and their events. A watch has one OPENED, any number of CHANGED and one ENDED, or ENDED alone; never
 * from within the call that opened it; nothing after it was closed. A watch that ended is not opened again by the
 * registry: its client decides when. */
#ifndef OUTRIDER_CORE_REGISTRY_REGISTRY_WATCH_H
#define OUTRIDER_CORE_REGISTRY_REGISTRY_WATCH_H

#include "outrider/base/str.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REGISTRY_RANGES_MAX = 4 };

struct registry_range {
    struct str key;
    struct str end; /* first key beyond; empty: `key` alone */
};

struct registry_watch {
    uint64_t id; /* echoed by every event; never 0 */
    struct registry_range ranges[REGISTRY_RANGES_MAX];
    size_t range_count;
    int64_t from_revision; /* first revision wanted; 0: what changes after OPENED */
    int64_t timeout_ms;    /* OPENED within this time, or ENDED */
};

struct registry_change {
    bool deleted;
    struct str key, value; /* deleted: no value */
    int64_t mod_revision, create_revision;
    struct registry_lease lease;
};

enum registry_watch_event_type {
    /* `revision` is the store's. What changes after it is delivered; with from_revision also what changed since then. */
    REGISTRY_WATCH_OPENED,
    /* `changes`, in order of revision and all of each revision that are in one range; several ranges may take
     * turns. None: only `revision` is new. */
    REGISTRY_WATCH_CHANGED,
    REGISTRY_WATCH_ENDED /* because `failure` and `error` */
};

/* Strings and changes are borrowed for the duration of the call that hands the event over. */
struct registry_watch_event {
    uint64_t id;
    enum registry_watch_event_type type;
    int64_t revision; /* opened; changed: every range is delivered up to it, which with several ranges may
                         be behind these changes */
    uint64_t cluster; /* opened: cluster id, 0 if unknown */
    uint64_t epoch;   /* opened: as in a reply */
    const struct registry_change *changes;
    size_t change_count;
    bool coalesced; /* changed: changes between these may be missing, each key is as it is at `revision` */
    enum registry_failure failure; /* ended; OK: the server ended it in good order */
    bool read_anew; /* ended: the changes from `from_revision` on cannot be delivered; list the keys again */
    int64_t oldest; /* ended with read_anew: the oldest revision a watch can begin at; 0: unknown */
    struct str error; /* ended: for people; empty when ok */
    struct str endpoint;
};

#endif
