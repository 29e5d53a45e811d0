/* The parts of core/history: history.c (events, servers), history_feed.c (transitions), history_minutes.c (players, totals),
 * history_restore.c (from disk), history_save.c (rounds), history_read.c. */
#ifndef OUTRIDER_CORE_HISTORY_HISTORY_INTERNAL_H
#define OUTRIDER_CORE_HISTORY_HISTORY_INTERNAL_H

#include "outrider/core/history/history_read.h"

/* A wall clock that is set back by no more than this leaves the minutes alone. */
enum { HISTORY_MINUTE_MS = 60000, HISTORY_BACK_MINUTES = 5 };

/* One place of the feed. NULL: the transition made room. */
struct history_place {
    uint64_t seq;
    struct history_transition *transition;
};

/* What is to be shown next; NULL: nothing more. What goes away moves it on. */
struct history_round {
    uint32_t number;
    int64_t minute;
    struct history_server *server;
    struct history_type *type;
};

/* The count of a minute, some servers at a step. What goes moves `server` on; what comes meanwhile is counted, too. */
struct history_count {
    bool running;
    int64_t minute;
    struct history_server *server; /* the next; NULL: all are counted */
};

/* Servers that one step counts: 5,000 of them in ten turns of the loop. */
enum { HISTORY_COUNT_SLICE = 512 };

struct history {
    struct history_settings settings; /* defaults filled in */
    struct history_facts facts;
    struct history_server *servers; /* a uthash table */
    struct history_server *gone;    /* the oldest */
    struct history_type *types;     /* a uthash table */
    size_t type_count;
    struct history_place *feed; /* in the order of seq, from `feed_first` on */
    size_t feed_first, feed_count, feed_capacity, holes;
    uint64_t next_seq;
    size_t gone_bytes; /* of the records of those that are gone */
    bool begun;        /* it has been in sync, or was kept: what comes from now on came */
    bool dirty;
    int64_t saved_minute;
    struct history_round round;
    struct history_count count;

    /* The step in progress. */
    struct instant now;
    struct queue *effects;
};

/* history_feed.c: appends a transition of `server` with three texts: reason, by, holds. `made` has the other members. */
void history_add(struct history *history, struct history_server *server,
                 const struct history_transition *made, const struct str texts[3]);

/* history_feed.c: appends one that has its seq to those of its server alone; history_link() then makes the feed of those of all, and
 * says whether each has another seq. */
struct history_transition *history_append(struct history *history, struct history_server *server,
                                          const struct history_transition *made, const struct str texts[3]);
bool history_link(struct history *history);

/* history_feed.c: the oldest transition of a server goes; all of them. */
void history_drop_first(struct history *history, struct history_server *server);
void history_drop_all(struct history *history, struct history_server *server);

/* history_feed.c: the oldest of all go until the bytes fit. */
void history_fit(struct history *history);

/* history_feed.c: the place of the first transition of the feed whose seq is not below `seq`; feed_count: there is none. */
size_t history_place_of(const struct history *history, uint64_t seq);

/* history.c: a server without anything; and its end. Its place in the tables is the caller's. */
struct history_server *history_server_new(struct history *history, struct str name, size_t type_size);
void history_forget(struct history *history, struct history_server *server);

/* history.c: puts a server to those that are gone; the oldest of them make room. */
void history_bury(struct history *history, struct history_server *server, int64_t wall);
void history_fit_gone(struct history *history);

/* history_minutes.c: a type, made where there is none; NULL: there are too many. */
struct history_type *history_type_get(struct history *history, struct str name);
void history_type_free(struct history *history, struct history_type *type);

/* history_minutes.c: records the minute that has begun, if one has, or goes on with that. Until all servers are counted nothing of it
 * can be asked for. */
void history_minute(struct history *history);

/* history_minutes.c: the view is not certain any more: what was counted of the minute is none. */
void history_minute_break(struct history *history);

/* history_minutes.c: appends a minute to a type. */
void history_type_add(struct history_type *type, const struct history_totals *totals);

#endif
