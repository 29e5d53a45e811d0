/* The inside of core/server, shared by its parts: server.c (the step), server_life.c (life and words),
 * server_effective.c (the status table), server_record.c (what is published), server_adopt.c (after a
 * restart). */
#ifndef OUTRIDER_CORE_SERVER_SERVER_INTERNAL_H
#define OUTRIDER_CORE_SERVER_SERVER_INTERNAL_H

#include "outrider/core/config/config.h"
#include "outrider/core/server/server.h"

struct server_probe {
    enum verdict verdict;
    int64_t verdict_mono; /* since when */
    bool passed;          /* in this life */
    char evidence[128];
};

/* Everything that ends with a life. Owns its strings. */
struct reported_in_life {
    enum reported_status reported;
    int64_t reported_mono; /* when the present run of this status word began */
    int64_t reported_wall;
    char *text;
    bool has_players, has_capacity;
    uint32_t players, capacity;
    int64_t zero_players_since; /* mono; NEVER_MS unless players are known to be 0 */
    struct record_label labels[RECORD_LABELS_MAX];
    size_t label_count;
    uint16_t ports[STATUS_PORTS_MAX];
    size_t port_count;
    int64_t watchdog_ms;
    int64_t watchdog_due; /* mono; NEVER_MS: not armed */
    bool watchdog_ran_out;
    bool watchdog_in_grace; /* once late by our own fault, until fed again */
    bool triggered;         /* WATCHDOG=trigger */
    pid_t mainpid;
    uint64_t mainpid_start;
    unsigned attached;
    bool passed; /* any probe passed in this life */
};

struct server {
    const struct config *config;
    char *id;

    enum life life;
    uint64_t life_number;
    int64_t life_mono, life_wall;
    char life_cause[160];
    struct reported_in_life now;

    struct server_probe probes[SERVER_PROBES_MAX];
    struct hold holds[HOLD_COUNT];

    bool stopping;
    char *host;
    bool host_known; /* a look-up has answered */
    char host_reason[160];
    int64_t host_retry; /* mono: while there is no host */
    int64_t stepped;    /* mono of the latest step */
    enum { START_UNDECIDED, START_FRESH, START_SETTLING, START_DONE } start;
    unsigned
        applied_holds;  /* one bit for each hold of its own that the server has spoken of since the start */
    bool adopted_ready; /* the adopted record was ready or draining */
    bool unconfirmed;   /* the registrar waits for an offer, or for word that the last one stands */
    bool after_gap;     /* the settling is of a gap, not of a restart */
    unsigned
        settling_holds;   /* one bit for each hold at adoption: only a change of them is written meanwhile */
    int64_t contact_mono; /* when grace began */
    bool control_unread;  /* an operator may be draining us: nobody has looked yet */

    enum status status;
    char cause[160];
    int64_t status_mono, status_wall;
    bool withdrawn;        /* deregister_after passed */
    struct record offered; /* what was last offered for publishing; id NULL: nothing yet */
    bool offering;
    char withheld[200];
    bool drain_told;
    int64_t told_deadline;
    char told_reason[HOLD_REASON_MAX + 1];

    struct server_transition *transitions;
    size_t transition_count, transition_first;
};

/* server_life.c */
void server_begin_life(struct server *server, const struct instant *now, bool by_probe,
                       struct queue *effects);
void server_end_life(struct server *server, const struct instant *now, const char *how,
                     struct queue *effects);
void server_apply_message(struct server *server, const struct status_message *message,
                          const struct instant *now, struct queue *effects);
void server_restore_message(struct server *server, const struct status_message *message,
                            const struct instant *now, struct queue *effects);
void server_clear_reported(struct server *server);

/* server_adopt.c: the record of before the restart goes on; time passed without us. */
void server_fresh(struct server *server, const struct server_event *event, struct queue *effects);
void server_adopt(struct server *server, const struct server_event *event, struct queue *effects);
void server_gap(struct server *server);
/* The holds that are set, one bit each. */
unsigned server_holds(const struct server *server);

/* server_effective.c: the status by docs/design/protocol.md, "Effective status"; writes the cause. */
enum status server_effective(const struct server *server, const struct instant *now, char cause[static 160]);
size_t server_probe_total(const struct server *server);
/* Since when (mono) every probe fails; NEVER_MS when one does not, or there is none. */
int64_t server_failing_since(const struct server *server);

/* Since when (mono) every probe fails and nothing else shows that the server lives, neither its process nor
 * an attached connection; NEVER_MS when that is not so. */
int64_t server_silent_since(const struct server *server);

/* server_record.c: builds the record of the present state; the caller finishes it with record_fini. */
void server_compose(const struct server *server, struct record *ret_record);
/* Offers, withdraws or leaves alone, by what changed. */
void server_publish(struct server *server, const struct instant *now, struct queue *effects);

/* Asks the shell for one thing that needs no further words. */
struct server_effect *server_effect(struct queue *effects, enum server_effect_type type);

#endif
