/* The inside of core/server: server.c (the step), server_life.c (lives and reports), server_effective.c (the
 * status table), server_record.c (what is published), server_adopt.c (after a restart or a gap),
 * server_recall.c (reports of before a restart whose process may be gone), server_learned.c (what probes learn),
 * server_idle.c (a server without players),
 * server_view.c (what others see). */
#ifndef OUTRIDER_CORE_SERVER_SERVER_INTERNAL_H
#define OUTRIDER_CORE_SERVER_SERVER_INTERNAL_H

#include "outrider/core/config/config.h"
#include "outrider/core/config/extract.h"
#include "outrider/core/server/flapping.h"
#include "outrider/core/server/server.h"

/* What the latest passed try of a probe said of the server, as far as it may; owns its texts, NULL: unknown. */
struct learned {
    bool has_players, has_capacity;
    uint32_t players, capacity;
    char *texts[CONFIG_FACT_COUNT]; /* by fact: map, version, name */
};

struct server_probe {
    enum verdict verdict;
    int64_t verdict_mono; /* since when */
    bool passed;          /* in this life */
    char evidence[128];
    struct learned *learned; /* NULL: nothing */
};

/* What was reported before a restart and not again since, by a server of which nothing shows that it is the same. */
struct server_recalled {
    unsigned fields;             /* of server_recall.c, a bit each */
    enum reported_status status; /* the word of before, until there is one again */
    char *labels[RECORD_LABELS_MAX];
    size_t label_count;
    int64_t due; /* mono: forgotten then; NEVER_MS: nothing is recalled */
};

struct server {
    const struct config *config;
    char *id;

    enum life life;
    uint64_t life_number;
    int64_t life_mono, life_wall;
    char life_cause[160];
    struct server_report reported; /* owns its strings */
    struct server_recalled recalled;

    struct server_probe probes[SERVER_PROBES_MAX];
    int64_t empty_since; /* mono: since when players are known to be 0; NEVER_MS: they are not */
    struct hold holds[HOLD_COUNT];
    bool had_players;           /* in this life */
    bool idle_over;             /* it is not needed any more: shutting_down */
    bool idle_told;             /* its process was asked to end */
    struct extract *extract[2]; /* of players and of capacity out of the reported text; NULL: none */

    bool stopping;
    char *host;
    bool host_known;       /* a look-up has found out whether there is one */
    bool host_unsure;      /* the latest look-up has not */
    char host_reason[200]; /* why there is none, as shown */
    int64_t host_retry;    /* mono: when it is repeated, see server_host_due() */
    int64_t stepped;       /* mono of the latest step */
    /* UNDECIDED: not known yet whether a record from before the restart is still there. SETTLING: it is, or a
     * gap ended, and not every probe has a verdict since. */
    enum { START_UNDECIDED, START_FRESH, START_SETTLING, START_DONE } start;
    bool after_gap;          /* SETTLING after a gap, not after a restart */
    bool adopted_ready;      /* the adopted record was ready or draining */
    bool unconfirmed;        /* the registrar waits for an offer, or for STANDS */
    unsigned settling_holds; /* the holds when SETTLING began, a bit each: a change is written at once */
    unsigned applied_holds;  /* its own holds that the server has set or lifted since the start, a bit each */
    int64_t contact_mono;    /* when grace began */
    bool control_unread;     /* the control key was not read yet: an operator may be draining this server */

    struct flapping flapping;
    enum status status;
    char cause[160];
    int64_t status_mono, status_wall;
    bool withdrawn;        /* deregister_after passed */
    struct record offered; /* what was last offered for publishing; id NULL: nothing yet */
    int64_t updated_wall;  /* of the latest record that was offered or taken over; 0: none */
    bool offering;
    char withheld[256];
    bool drain_emitted; /* the event as it was emitted last */
    int64_t emitted_deadline;
    char emitted_reason[HOLD_REASON_MAX + 1];

    struct server_transition *transitions;
    size_t transition_count;
};

/* server_life.c: begins a life; ends it, by `how`; applies a message; restores the message of before a
 * restart, where nothing newer was reported; forgets what was reported. */
void server_begin_life(struct server *server, const struct instant *now, bool by_probe,
                       struct queue *effects);
void server_end_life(struct server *server, const struct instant *now, const char *how,
                     struct queue *effects);
void server_apply_message(struct server *server, const struct status_message *message,
                          const struct instant *now, struct queue *effects);
void server_restore_message(struct server *server, const struct status_message *message,
                            const struct instant *now, struct queue *effects);
void server_clear_reported(struct server *server);
bool server_has_label(const struct server *server, struct str name);
void server_remove_label(struct server *server, struct str name);
void server_forget_ports(struct server *server, struct queue *effects);

/* server_recall.c: what of `message`, from before a restart, may be restored although its process is not known to live,
 * and marks it; false: nothing, what is said now contradicts it. Said again by `message`, it is no longer marked. What is
 * still marked is forgotten when its time is over, or the life ends. */
bool server_recall(struct server *server, const struct status_message *message, const struct instant *now,
                   struct status_message *ret_older);
void server_recall_confirm(struct server *server, const struct status_message *message,
                           struct queue *effects);
void server_recall_end(struct server *server, const struct instant *now, struct queue *effects);
void server_recall_clear(struct server *server);

/* server_learned.c: takes over what a passed try said; forgets it; notices since when there are no players. */
void server_learn(struct server *server, const struct server_event *event);
void server_unlearn(struct server_probe *probe);
void server_notice_empty(struct server *server, int64_t now);

/* server_idle.c: begins or ends that the server is idle; when (mono) it is; why, in words; a life ended. */
void server_notice_idle(struct server *server, const struct instant *now, struct queue *effects);
int64_t server_idle_due(const struct server *server);
void server_say_idle(const struct server *server, char out[static 80]);
void server_idle_clear(struct server *server);

/* server_learned.c: makes the patterns of the configuration; takes the counts out of the reported text. */
void server_load_extract(struct server *server);
void server_read_text(struct server *server);
/* Whether each reported port gets a probe. */
bool server_probes_reported_ports(const struct config *config);

/* server.c: until when (mono) what is so `since` then must last to end the drain of `hold`; NEVER_MS when it is
 * not so (`since` NEVER_MS). */
int64_t server_settled_at(const struct server *server, const struct hold *hold, int64_t since);

/* server.c: when (mono) the address is looked up again by itself; NEVER_MS while it is known. */
int64_t server_host_due(const struct server *server);

/* server_adopt.c: no record from before the restart is there; one is; a gap ended. */
void server_fresh(struct server *server, const struct server_event *event, struct queue *effects);
void server_adopt(struct server *server, const struct server_event *event, struct queue *effects);
void server_gap(struct server *server);
/* The holds that are set, one bit each. */
unsigned server_holds(const struct server *server);

/* server_effective.c: the status by docs/design/protocol.md, "Effective status"; writes the cause. */
enum status server_effective(const struct server *server, char cause[static 160]);
/* The same without the row of flapping. */
enum status server_undamped(const struct server *server, char cause[static 160]);
size_t server_probe_total(const struct server *server);
/* Whether every probe passes or fails. */
bool server_has_verdicts(const struct server *server);
/* Since when (mono) every probe fails; NEVER_MS when one does not, or there is none. */
int64_t server_failing_since(const struct server *server);

/* Since when (mono) every probe fails, with neither a watched process nor an attached connection to show that
 * the server runs; NEVER_MS when that is not so. */
int64_t server_silent_since(const struct server *server);

/* server_record.c: offers or withdraws the record where the present state differs from what was offered. */
void server_publish(struct server *server, const struct instant *now, struct queue *effects);

/* Appends an effect; the caller fills in what the type needs. */
struct server_effect *server_effect(struct queue *effects, enum server_effect_type type);

#endif
