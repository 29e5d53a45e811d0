/* The server as a machine: its life, what it reported, the holds on it, and from these its effective status
 * and its record (docs/design/protocol.md, "Life" and "Effective status").
 *
 *            first report, attach, passed probe
 *     NONE ───────────────────────────────────> ALIVE <──────────────┐ next report, attach, passed probe
 *                                                 │                  │
 *               MAINPID exited, last attached     │                  │
 *               connection or its process ended   ├──────────────> CRASHED   status error
 *                                                 │
 *               the same, or a probe failing,     └──────────────> LEFT      status shutting_down
 *               after it reported shutting_down, or
 *               during an operator's drain
 *
 * What it reported ends with the life; the operator's hold stays. server_step() alone changes the machine.
 * Strings in events are borrowed for the step, `config` until the next reload. */
#ifndef OUTRIDER_CORE_SERVER_SERVER_H
#define OUTRIDER_CORE_SERVER_SERVER_H

#include "outrider/base/error.h"
#include "outrider/base/queue.h"
#include "outrider/core/config/config.h"
#include "outrider/core/instant.h"
#include "outrider/core/probe/verdict.h"
#include "outrider/core/server/hold.h"
#include "outrider/core/server/record.h"
#include "outrider/core/server/status_message.h"

struct server;

enum life { LIFE_NONE, LIFE_ALIVE, LIFE_CRASHED, LIFE_LEFT };

/* "none", "alive", "crashed", "left". */
const char *life_name(enum life life);

enum server_event_type {
    SERVER_ON_TICK,    /* time may have passed */
    SERVER_ON_MESSAGE, /* the server reported `message`, which server_accepts() has accepted */
    /* A connection attached in life number `life` closed; `by_us`: the agent closed it for its bad input,
     * which says nothing about the server. `exited`: it is open, but the process that connected has exited. */
    SERVER_ON_DETACH,
    SERVER_ON_EXIT,    /* the process `pid` exited */
    SERVER_ON_VERDICT, /* probe `index` has `verdict`, because `text` */
    SERVER_ON_LEARNED, /* a try of probe `index` has passed and brought `facts` and nothing else */
    SERVER_ON_HOLD,    /* set hold `kind`: `reason`, `by`, `deadline_ms`, `expires_ms` */
    SERVER_ON_UNHOLD,  /* lift hold `kind` */
    SERVER_ON_UNFLAP,  /* an operator ends the damping of a flapping server */
    SERVER_ON_RESTORE, /* the operator's `hold` from before the restart, by its wall times */
    SERVER_ON_CONTROL, /* the control key has `hold`, by its wall times; not set: it lifts the ops hold */
    SERVER_ON_CONTROL_READ, /* the control key was read, or cannot be: nothing need wait for it */
    SERVER_ON_STOPPING,     /* the agent stops: shutting_down from now on */
    /* The address to publish is `text`; NULL: none, because `reason`, or because the interface `absent` does not exist.
     * `unsure`: that is not known, and neither is whether `absent` is a name; what was published as this name stays. */
    SERVER_ON_HOST,
    /* There is no record from before the restart. `message` and `passed` as below where the lease is;
     * `control_unread`: not ready before the control key was read. */
    SERVER_ON_FRESH,
    /* The record from before the restart is still there, as `record`. `message`: what was reported before,
     * NULL: nothing that still counts; `unproven`: its process may have ended, so it counts for a short time and as far
     * as the server says it again; `passed`: a probe had passed. */
    SERVER_ON_ADOPTED,
    /* A long gap ended (core/server/gap.h). Passing verdicts count no more; until every probe has one,
     * nothing is offered that needs one to be true; then the record is offered again, or STANDS. */
    SERVER_ON_GAP,
    /* `config` replaces the configuration; its probe i was number `probe_map[i]` before, or -1: it is new. */
    SERVER_ON_RELOAD
};

struct server_event {
    enum server_event_type type;
    struct instant now;
    const struct status_message *message;
    uint64_t life;
    bool by_us, exited;
    pid_t pid;
    unsigned index;
    enum verdict verdict;
    const struct probe_facts *facts;
    const char *text, *reason, *by, *absent;
    enum hold_kind kind;
    int64_t deadline_ms, expires_ms;
    const struct record *record;
    const struct hold *hold;
    bool passed, control_unread, unsure, unproven;
    const struct config *config;
    const int *probe_map; /* SERVER_PROBES_MAX numbers */
};

enum server_effect_type {
    SERVER_DO_PUBLISH, /* the record changed: offer server_record(); `urgent`: at once */
    SERVER_DO_STANDS,  /* what was offered last is true: every probe has a verdict since the restart or gap */
    SERVER_DO_WITHDRAW,       /* withdraw the record until the next publish, because `text` */
    SERVER_DO_WATCH_PID,      /* watch process `pid` instead of any other */
    SERVER_DO_UNWATCH_PID,    /* watch none */
    SERVER_DO_TERMINATE,      /* ask process `pid`, which is watched, to end */
    SERVER_DO_PROBE_NOW,      /* the server made contact: probe it at once */
    SERVER_DO_RESET_PROBES,   /* a life began or ended: verdicts are unknown again */
    SERVER_DO_PROBE_PORTS,    /* the reported ports changed: probes follow server_ports() */
    SERVER_DO_UPDATE_CONTROL, /* the ops hold was changed here: write it to the control key */
    SERVER_DO_EMIT_DRAIN,     /* drain event: `on`, `deadline_ms` left (NEVER_MS: none), reason `text` */
    SERVER_DO_SAVE, /* what a restart needs changed; `urgent`: save before the answer to the operator */
    SERVER_DO_LOOK_UP_HOST, /* find the address to publish and answer with SERVER_ON_HOST */
    SERVER_DO_LOG_STATUS,   /* the status changed `from` -> `to`, because `text` */
    SERVER_DO_DRAIN_OVER    /* the drain of hold `kind` ended with `outcome` */
};

struct server_effect {
    enum server_effect_type type;
    bool urgent, on;
    pid_t pid;
    int64_t deadline_ms;
    struct str text;
    enum status from, to;
    enum hold_kind kind;
    enum drain_outcome outcome;
};

/* One change of the status, as in `outrider status` and /api/agent. */
struct server_transition {
    int64_t wall_ms;
    enum status from, to;
    char cause[160];
};

enum { SERVER_TRANSITIONS_MAX = 100, SERVER_PROBES_MAX = 64 };

/* A server that has reported nothing, to be published as `id` (copied). Nothing is offered before
 * SERVER_ON_HOST and one of SERVER_ON_FRESH and SERVER_ON_ADOPTED. The caller owns the result. */
struct server *server_new(const struct config *config, const char *id, const struct instant *now);

/* Accepts NULL. */
void server_free(struct server *server);

/* One event in, effects (struct server_effect) out. */
void server_step(struct server *server, const struct server_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window server_deadline(const struct server *server);

/* Why a well-formed message cannot be applied. */
struct server_refusal {
    struct str label; /* one more than fits beside those already reported; empty: none */
    bool fixed_ports; /* it has other ports than `server.ports`, which are not dynamic */
};

/* Whether `message` can be applied. To be asked before SERVER_ON_MESSAGE, because a step cannot fail. Returns 0, or -1
 * with `ret_refusal`. */
int server_accepts(const struct server *server, const struct status_message *message,
                   struct server_refusal *ret_refusal) MUST_CHECK;

/* What the server has reported in this life; it ends with the life. */
struct server_report {
    enum reported_status status;
    int64_t status_mono; /* since when this status is reported */
    int64_t status_wall; /* when it was reported last */
    char *text;          /* NULL: none */
    bool has_players, has_capacity;
    uint32_t players, capacity;
    bool counted[2];    /* players and capacity are in the text (status.extract) */
    uint32_t counts[2]; /* they count where no word has said them */
    struct record_label labels[RECORD_LABELS_MAX];
    size_t label_count;
    uint16_t ports[STATUS_PORTS_MAX];
    size_t port_count;
    int64_t watchdog_ms;  /* 0: off */
    int64_t watchdog_due; /* mono; NEVER_MS: not armed */
    bool watchdog_ran_out;
    bool watchdog_in_grace; /* more time, as the step was late; until the next heartbeat */
    bool triggered;         /* WATCHDOG=trigger */
    pid_t mainpid;          /* 0: not reported */
    uint64_t mainpid_start;
    unsigned attached; /* open connections */
    bool passed;       /* any probe passed in this life: saved for a restart */
};

/* What is shown of the server. */
struct server_facts {
    enum status status;   /* the effective one */
    const char *cause;    /* of the status; "" when there is nothing to explain */
    int64_t status_wall;  /* since when, ms */
    const char *host;     /* the address to publish; NULL: none */
    const char *withheld; /* why no record is offered; "" when one is */
    enum life life;
    uint64_t life_number;                        /* counts up */
    int64_t life_wall;                           /* since when, ms; 0: before the first */
    const struct server_report *reported;        /* what was reported last in this life */
    const struct hold *holds;                    /* HOLD_COUNT, set or not */
    const struct server_transition *transitions; /* the latest, oldest first */
    size_t transition_count;
};

struct flapping;

/* Whether it flaps; borrowed until the next step. */
const struct flapping *server_flapping(const struct server *server);

/* The present facts; what they point to is borrowed until the next step. */
struct server_facts server_facts(const struct server *server);

/* Where the value of a fact is from. The later one counts. */
enum server_source {
    SERVER_SOURCE_NONE, /* it is not known */
    SERVER_SOURCE_CONFIGURATION,
    SERVER_SOURCE_PROBE,
    SERVER_SOURCE_REPORTED
};

/* A fact of the server that counts now, and where it is from. */
struct server_value {
    enum server_source source;
    uint32_t number;   /* players, capacity */
    const char *text;  /* the others; borrowed until the next step */
    const char *probe; /* the name of the probe; borrowed until the next reload */
};

/* What is known of `fact` now. A fact of a probe counts while the probe passes; of two probes the first one. */
struct server_value server_value(const struct server *server, enum config_fact fact);

/* The record as it is offered for publishing, or NULL while there is none to offer (before the start
 * decisions, while withdrawn). Borrowed until the next step. */
const struct record *server_record(const struct server *server);

/* The ports to publish and probe, reported by the server when dynamic; borrowed. */
const uint16_t *server_ports(const struct server *server, size_t *ret_count);

/* All holds as one drain. */
struct server_drain {
    bool on;            /* any hold is set */
    const char *reason; /* of the first hold that is set; "" when it has none; borrowed until the next step */
    int64_t deadline_mono; /* the soonest of those set; NEVER_MS: none */
    int64_t left_ms;       /* until then; NEVER_MS: without end */
};

/* The drain that the present holds amount to. */
struct server_drain server_drain(const struct server *server, const struct instant *now);

/* Until when (mono ms) failing probes do not yet make an error, because the server reports initializing or no
 * probe has passed in this life (docs/design/protocol.md, "Effective status", row 2): NEVER_MS when that is
 * without end, 0 when it is not so now. */
int64_t server_grace_until(const struct server *server, const struct instant *now);

/* Fills `ret_message` with all that was reported in this life, to be restored after a restart, and `attach` where a
 * connection is attached; borrowed until the next step. Returns false when no life is under way. */
bool server_reported_message(const struct server *server, struct status_message *ret_message);

#endif
