/* Observers: the agent's wiring of the view (shell/router/fleet_router.h) on the model of etcd, and readers
 * that follow it. Their random numbers are their own, so that a world is the same with and without them.
 *
 * observers.c (a process: start, death, faults), observers_net.c (its requests and its watch),
 * observers_history.c (the content of the registry at each revision), observers_check.c (readers, and
 * invariants). */
#ifndef OUTRIDER_TESTS_SIM_OBSERVERS_H
#define OUTRIDER_TESTS_SIM_OBSERVERS_H

#include "sim.h"

#include "outrider/core/fleet/view_log.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/shell/router/fleet_router.h"

enum { OBSERVERS_MAX = 2, RECORDS_MAX = 16, HISTORY_MAX = 512, ASKED_MAX = 4, OBSERVER_CHECK_MS = 5000 };
enum { OBSERVER_TIMEOUT_MS = 1500, PULSE_MS = 1000 };

/* ---- what the registry had ---- */

struct history_key {
    bool there;
    struct blob *value;
    struct view_entry *entry; /* `value`, decoded; NULL: no record */
    int64_t mod_revision, create_revision;
};

struct history_event {
    int64_t revision, at;
    unsigned key;
    struct history_key now;
};

struct history {
    uint64_t cluster;
    int64_t base_revision, compacted;
    struct history_key base[RECORDS_MAX];
    struct history_event events[HISTORY_MAX];
    size_t count;
    uint64_t dropped; /* events that are in `base` */
};

struct content {
    const struct history_key *keys[RECORDS_MAX];
};

/* ---- one observer ---- */

enum observer_event { OBSERVER_TICK, OBSERVER_PULSE, OBSERVER_ARRIVE, OBSERVER_REPLY, OBSERVER_STREAM };

/* A request in flight. */
struct asked {
    struct registry_request request; /* id 0: free */
    char key[64];
    int64_t sent_at;
    struct registry_reply reply;
    struct history_key items[RECORDS_MAX];
    unsigned names[RECORDS_MAX];
    size_t count;
    bool unanswered;
};

enum flow_state { FLOW_NONE, FLOW_ENDS, FLOW_OPENS, FLOW_OPEN };

struct flow {
    enum flow_state state;
    uint64_t id;
    enum registry_failure failure;
    int64_t from_revision;
    uint64_t next; /* the next event to deliver, counted from the first */
    bool planned, stalls;
};

/* A reader that knows the fleet by differences alone. */
struct reader {
    struct view_entry *has[RECORDS_MAX];
};

/* A reader that disconnects and resumes. */
struct comer {
    struct reader reader;
    bool away;
    int64_t revision;
    uint64_t cluster, listings;
    uint32_t life;
};

struct fleet {
    struct observer *observer;
};

struct observer {
    struct world *world;
    unsigned index;
    enum view_mode mode;
    struct fleet fleet;
    struct fleet_router router;
    struct view *view; /* the router's */
    uint32_t life;
    int64_t started_at, armed_at, wanted_until;
    struct asked asked[ASKED_MAX];
    struct flow flow;
    enum link link;
    int64_t link_until, cut_since; /* cut_since -1: it reaches etcd */
    bool slow_retry;
    int64_t tat; /* of its requests */
    struct reader follower;
    struct comer comer;
    int64_t expected_revision, stepped_at;
    unsigned steps;      /* at this moment */
    unsigned expected;   /* changes delivered whose revision is not complete */
    bool loading, known; /* from disk; at least once in this life */
    bool watched;        /* what it delivers now comes from its watch */
    bool forgetful;      /* its log of changes is short */
    int64_t wanted_since, found_at;
    /* what it has on disk */
    struct view_entry *kept[RECORDS_MAX];
    size_t kept_count;
    struct view_kept kept_view;
    bool has_kept;
};

struct observers {
    struct random random;
    struct history history;
    struct view_items decoded;
    unsigned count, keys;
    char names[RECORDS_MAX][32];
    struct observer all[OBSERVERS_MAX];
};

uint64_t observers_below(struct world *world, uint64_t below);
bool observers_chance(struct world *world, unsigned per_mille);
void observer_at(struct observer *observer, int64_t at, enum observer_event what, uint64_t id);
/* One step, and what must hold after it. */
void observer_step(struct observer *observer, struct view_event *event);
void observer_stepped(struct observer *observer);
struct instant observer_now(const struct observer *observer);

/* observers_net.c */
enum link observer_link(const struct observer *observer);
void observer_ask(struct observer *observer, const struct registry_request *request);
void observer_arrive(struct observer *observer, uint64_t id);
void observer_reply(struct observer *observer, uint64_t id);
void observer_watch(struct observer *observer, const struct registry_watch *watch);
void observer_stream(struct observer *observer, uint64_t id);
void observer_cut(struct observer *observer, enum registry_failure failure);
void observer_changed(struct observer *observer);
/* Whether a watch delivers the revisions of other keys, too. */
bool observers_deliver_all_revisions(const struct world *world);
/* Its process ended; another store answers. */
void observer_forget(struct observer *observer);
void observer_wiped(struct observer *observer);

/* observers_history.c */
/* Whether the cluster changed since the last call. */
bool history_renewed(struct world *world);
void history_add(struct world *world, unsigned key);
void history_compact(struct world *world, int64_t revision);
/* What came after `revision` was never. */
void history_undo(struct world *world, int64_t revision);
/* Whether a key changed in or after `revision`. */
bool history_changed_from(const struct history *history, int64_t revision);
void history_at(const struct history *history, int64_t revision, struct content *ret_content);
void history_fini(struct history *history);
/* What a key holds, for as long as it is needed. */
void history_ref(const struct history_key *key);
void history_unref(const struct history_key *key);
/* The first event of a later revision, counted from the first. */
uint64_t history_after(const struct history *history, int64_t revision);

/* observers_check.c */
void reader_take(struct observer *observer, const struct view_effect *effect);
void reader_revision(struct observer *observer, int64_t revision);
void reader_clear(struct reader *reader);
void check_view(struct observer *observer);
/* `request`: NULL for a watch. */
void check_observer_request(struct observer *observer, const struct registry_request *request);
void check_pulse(struct observer *observer);
void comer_turn(struct observer *observer);

#endif
