/* Watches of a registry under test, and what each delivered. */
#ifndef OUTRIDER_TESTS_CONTRACT_WATCHER_H
#define OUTRIDER_TESTS_CONTRACT_WATCHER_H

#include "subject.h"

#include "outrider/base/attr.h"
#include "outrider/core/registry/registry_request.h"

struct watcher {
    struct subject *subject;
    struct registry_client *client;
    bool calling, opened, ended, closed, coalesced;
    struct registry_watch_event opening, ending; /* without what they borrow */
    struct buf error;                            /* of the end */
    int64_t told;                                /* revision of the last event */
    int64_t newest;                              /* of all changes */
    size_t changes, batches;
    struct buf text; /* one line for each change: "+key=value@revision", "-key@revision" */
    bool quiet;      /* no text: only counts */
    void (*on_event)(struct watcher *watcher); /* after each, if there is one */
};

/* Starts to watch `ranges` from `from_revision` on; waits for nothing. `watcher` is zeroed but for `quiet`
 * and `on_event`, and lives as long as the subject. */
void watcher_start(struct watcher *watcher, struct subject *subject, const struct registry_range *ranges,
                   size_t range_count, int64_t from_revision);

/* The same on everything under `prefix`, and waits until it is open. */
void watcher_open(struct watcher *watcher, struct subject *subject, struct str prefix, int64_t from_revision);

/* Wait until it is open; has delivered `changes` changes in all; has ended. */
void watcher_wait_opened(struct watcher *watcher);
void watcher_wait_changes(struct watcher *watcher, size_t changes);
void watcher_wait_ended(struct watcher *watcher);

/* Closes it. */
void watcher_close(struct watcher *watcher);

/* Frees what it holds, when the subject is closed. */
void watcher_fini(struct watcher *watcher);

/* Everything that begins with `prefix`; `end` is written to. */
struct registry_range range_under(struct str prefix, char end[static 128]);

#endif
