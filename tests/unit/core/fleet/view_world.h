/* A view, a registry with all its history, and a subscriber that has only what the view's effects say. Nothing is
 * answered or delivered unless the test does it. A value's first letter is its status (i r d s e, or u for an
 * unknown one); a value that begins with '!' is no record. */
#ifndef OUTRIDER_TESTS_VIEW_WORLD_H
#define OUTRIDER_TESTS_VIEW_WORLD_H

#include "outrider/core/fleet/view.h"
#include "outrider/core/fleet/view_log.h"
#include "outrider/core/fleet/view_read.h"

enum { WORLD_EVENTS_MAX = 4096, WORLD_KEYS_MAX = 64 };

/* One change in the history of the registry. */
struct world_event {
    int64_t revision, created;
    bool deleted;
    char key[64], value[32];
};

struct world_key {
    char key[64], value[32];
    int64_t modified, created;
};

/* What the keys were at a revision, sorted. */
struct world_keys {
    struct world_key keys[WORLD_KEYS_MAX];
    size_t count;
};

struct world {
    struct view *view;
    struct view_settings settings;
    struct queue effects;
    struct instant now;

    struct world_event *events;
    size_t event_count;
    int64_t revision, compacted;
    uint64_t cluster;

    struct registry_request asked; /* id 0: nothing */
    char asked_key[80];
    struct registry_watch watch; /* id 0: none */
    bool opened;
    size_t told; /* events of the history that the stream delivered */

    struct world_keys reader; /* the subscriber: only from CHANGED effects */
    unsigned synced, stale, saves, requests, watches, unwatches, changes, revisions, notes[16];
    char note[700];
    bool last_clean;
    bool strict; /* at every REVISION the subscriber must have what the registry had */
};

/* Makes a world with a view that has not started. Zero settings get test values. */
void world_begin(struct world *world, const struct view_settings *settings);

/* Makes one whose view has started: one that always watches and lists two keys a page, or one of `mode` that
 * saves, idles and forgets tombstones by the clock. */
void world_start(struct world *world);
void world_start_mode(struct world *world, enum view_mode mode);

/* Writes `keys` (NULL at the end), settles, and fails unless the view is synced and equal. */
void world_fill(struct world *world, const char *const *keys);

/* Two records of one type, for world_fill. */
extern const char *const world_two[];

/* Ends it. */
void world_end(struct world *world);

/* Where a key is among `keys`, or would be; changes them as an event says. */
size_t world_find_key(const struct world_keys *keys, const char *key, bool *ret_found);
void world_set_key(struct world_keys *keys, const struct world_event *event);

/* What the registry's keys were at a revision. */
void world_at(const struct world *world, int64_t revision, struct world_keys *ret_keys);

/* Writes or deletes (`value` NULL) a key, in a revision of its own or in the last one. */
void world_put(struct world *world, const char *key, const char *value);
void world_put_same(struct world *world, const char *key, const char *value);

/* The registry is another one at the same address, without keys. */
void world_wipe(struct world *world, uint64_t cluster, int64_t revision);

/* Steps the view with an event, or with one of that type, at the present time. */
void world_event(struct world *world, struct view_event event);
void world_step(struct world *world, enum view_event_type type);

/* Moves the clock, stopping at every deadline on the way. */
void world_pass(struct world *world, int64_t ms);

/* Answers the request in flight as the registry would, or as failed. */
void world_answer(struct world *world);
void world_refuse(struct world *world, enum registry_failure failure, bool revision_gone);

/* The reply to the request in flight is too large. */
void world_refuse_size(struct world *world);

/* The watch: opens (or ends, where its revision is compacted), delivers up to `count` further events, reports
 * progress up to `revision`, ends. */
void world_open(struct world *world);
void world_tell(struct world *world, size_t count);
void world_progress(struct world *world, int64_t revision);
void world_cut(struct world *world, enum registry_failure failure);

/* The watch ends; before the next one the view asks whether this is still the registry it knows, which is answered. */
void world_cut_and_check(struct world *world, enum registry_failure failure);

/* Answers, opens and delivers until nothing is left to do, without time passing. */
void world_settle(struct world *world);

/* Lets time pass while the registry answers and delivers what it has every second. */
void world_live(struct world *world, int64_t ms);

/* Fails unless view, subscriber and registry have the same records. */
void world_check_equal(const struct world *world);

/* Settles; fails unless the view is synced then, and all have the same records. */
void world_check_synced(struct world *world);

/* Whether a key and value are a record. */
bool world_is_record(const char *key, const char *value);

/* Set-up and tear-down of a test: `*state` is a world as world_start makes it, or one synced with two records. */
int world_set_up(void **state);
int world_set_up_synced(void **state);
int world_tear_down(void **state);

#define STARTED(test) cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)
#define SYNCED(test) cmocka_unit_test_setup_teardown(test, world_set_up_synced, world_tear_down)

#endif
