/* What can be asked of a view between two steps. Nothing here changes it; what it returns is borrowed until
 * the next step. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_READ_H
#define OUTRIDER_CORE_FLEET_VIEW_READ_H

#include "outrider/base/attr.h"
#include "outrider/base/hash.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_skip.h"
#include "outrider/core/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view;
struct view_log;
struct view_mark;
struct view_tombstone;

/* A type that at least one server has; the next one is `hh.next`. */
struct view_type {
    struct str name;
    size_t total, servers[VIEW_STATUS_COUNT]; /* how many in all, and of each status */
    UT_hash_handle hh;                        /* by name */
};

/* A key under the prefix that is no record, and the reason: both of untrusted bytes, and cut where they are long. */
struct view_unreadable_key {
    struct str key, why;
    enum view_skip skip;
};

enum { VIEW_NAMES_MAX = 32 };

struct view_facts {
    struct str prefix; /* as it was set */
    const char *state; /* what it is doing now: "off", "waiting", "listing", "opening", "watching" */
    bool following;    /* it is not off */
    /* There was a full listing at a known revision, or a kept view. Otherwise an empty fleet would be a guess, and
     * requests get 503. */
    bool known;
    /* The view was off and is being read for a request that waits: what is held is old, and either a listing or a
     * failure comes soon. */
    bool waking;
    bool synced;            /* what is held is what the registry has */
    int64_t true_wall;      /* when that was last certain, ms since 1970; 0: never */
    int64_t revision;       /* of the last listing or change */
    int64_t given_before;   /* up to it revisions were given before, of other records; 0: none */
    uint64_t cluster;       /* that these revisions are of; 0: unknown */
    uint64_t trust;         /* as it was set */
    const char *last_error; /* the failure of the present outage; "" when there is none */

    struct view_entry *const *entries; /* the records in the order of their keys */
    size_t count, json_bytes;          /* how many, and the bytes of their JSON in all */
    const size_t *servers;             /* VIEW_STATUS_COUNT: how many have each status */
    const size_t *signatures;          /* VIEW_SIGNATURE_COUNT: how many have a signature worth what */
    const struct view_type *types;     /* in the order of their names */
    size_t tombstone_count;
    size_t unreadable; /* keys under the prefix that are no records: all, and those kept by name */
    const struct view_unreadable_key *names;
    size_t name_count;          /* up to VIEW_NAMES_MAX */
    const size_t *skipped;      /* VIEW_SKIP_COUNT: how many of the unreadable keys for which reason */
    const struct view_log *log; /* the changes */

    uint64_t listings, stalls, opens; /* listings applied, watches found silent, watches opened */
};

/* What holds since the last step. */
const struct view_facts *view_facts(const struct view *view);

/* What a revision in an ETag or in the id of an event goes with: the cluster, and which keys are trusted. What a reader has of other
 * ones may be no record of this view. */
uint64_t view_stamp(const struct view *view);

/* For how many ms it has not been certain that what is held is what the registry has (0: it is). For a view that is
 * not known -1. */
int64_t view_age(const struct view *view, const struct instant *now);

/* The record of a server, NULL when there is none; and by id alone: `ret_count` is the number of types
 * that share it, and the record returned is of one of them. */
const struct view_entry *view_find(const struct view *view, struct str type, struct str id);
const struct view_entry *view_find_id(const struct view *view, struct str id, size_t *ret_count);

/* Servers that went without shutting_down, the oldest first: the one after `after`, which is a tombstone of this
 * view; NULL before the first, and returned after the last. */
const struct view_tombstone *view_tombstone_next(const struct view *view, const struct view_tombstone *after);

/* The marks of signed records, likewise. */
const struct view_mark *view_mark_next(const struct view *view, const struct view_mark *after);

/* Finds what a subscriber missed since `revision` of `cluster`: returns 0 and a cursor for view_log_next(), or -1
 * when that is too old, of another cluster or unknown, so that it needs a snapshot. */
int view_resume(const struct view *view, int64_t revision, uint64_t cluster, uint64_t *ret_cursor) MUST_CHECK;

#endif
