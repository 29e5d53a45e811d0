/* The server as a machine: its life, what it reported, the holds on it, and from these its effective status
 * and its record (docs/design/protocol.md, "Life" and "Effective status").
 *
 *            first report, attach, passed probe
 *     NONE ───────────────────────────────────> ALIVE <──────────────┐ next report, attach, passed probe
 *                                                 │                  │
 *               MAINPID exited, last attached     │                  │
 *               connection closed                 ├──────────────> CRASHED   status error
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
#include "outrider/core/instant.h"
#include "outrider/core/probe/verdict.h"
#include "outrider/core/server/hold.h"
#include "outrider/core/server/record.h"
#include "outrider/core/server/status_message.h"

struct config;
struct server;

enum life { LIFE_NONE, LIFE_ALIVE, LIFE_CRASHED, LIFE_LEFT };

/* "none", "alive", "crashed", "left". */
const char *life_name(enum life life);

enum server_event_type {
    SERVER_ON_TICK,    /* time may have passed */
    SERVER_ON_MESSAGE, /* the server reported `message`, which server_accepts() has accepted */
    /* A connection attached in life number `life` closed; `by_us`: the agent closed it for its bad input,
     * which says nothing about the server. */
    SERVER_ON_DETACH,
    SERVER_ON_EXIT,    /* the process `pid` exited */
    SERVER_ON_VERDICT, /* probe `index` has `verdict`, because `text` */
    SERVER_ON_HOLD,    /* set hold `kind`: `reason`, `by`, `deadline_ms`, `expires_ms` */
    SERVER_ON_UNHOLD,  /* lift hold `kind` */
    SERVER_ON_RESTORE, /* the operator's `hold` from before the restart, by its wall times */
    SERVER_ON_CONTROL, /* the control key has `hold`, by its wall times; not set: it lifts the ops hold */
    SERVER_ON_CONTROL_READ, /* the control key was read, or cannot be: nothing need wait for it */
    SERVER_ON_STOPPING,     /* the agent stops: shutting_down from now on */
    SERVER_ON_HOST,         /* the address to publish is `text`; NULL: none, because `reason` */
    /* There is no record from before the restart. `message` and `passed` as below where the lease is;
     * `control_unread`: not ready before the control key was read. */
    SERVER_ON_FRESH,
    /* The record from before the restart is still there, as `record`. `message`: what was reported before,
     * NULL: nothing that still counts; `passed`: a probe had passed. */
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
    bool by_us;
    pid_t pid;
    unsigned index;
    enum verdict verdict;
    const char *text, *reason, *by;
    enum hold_kind kind;
    int64_t deadline_ms, expires_ms;
    const struct record *record;
    const struct hold *hold;
    bool passed, control_unread;
    const struct config *config;
    const int *probe_map; /* SERVER_PROBES_MAX numbers */
};

enum server_effect_type {
    SERVER_DO_PUBLISH, /* the record changed: offer server_record(); `urgent`: at once */
    SERVER_DO_STANDS,  /* what was offered last is true: every probe has a verdict since the restart or gap */
    SERVER_DO_WITHDRAW,       /* withdraw the record until the next publish, because `text` */
    SERVER_DO_WATCH_PID,      /* watch process `pid` instead of any other */
    SERVER_DO_UNWATCH_PID,    /* watch none */
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

/* Whether `message` fits beside what is already reported, which limits the number of labels. To be asked
 * before SERVER_ON_MESSAGE, because a step cannot fail. On -1 `ret_label` names the label that does not fit.
 */
int server_accepts(const struct server *server, const struct status_message *message,
                   struct str *ret_label) MUST_CHECK;

/* The effective status, its cause ("" when there is nothing to explain), and since when (wall ms). */
enum status server_status(const struct server *server);
const char *server_cause(const struct server *server);
int64_t server_status_since(const struct server *server);

/* The record as it is offered for publishing, or NULL while there is none to offer (before the start
 * decisions, while withdrawn). Borrowed until the next step. */
const struct record *server_record(const struct server *server);

/* Why no record is offered, "" when one is. */
const char *server_withheld(const struct server *server);

/* The life: which, its number (it counts up), and since when (wall ms, 0 before the first). */
enum life server_life(const struct server *server);
uint64_t server_life_number(const struct server *server);
int64_t server_life_since(const struct server *server);

/* What was reported last in this life. The text is NULL when there is none; `ret_players` is only written
 * when true. */
enum reported_status server_reported_status(const struct server *server);
int64_t server_reported_wall(const struct server *server);
const char *server_text(const struct server *server);
bool server_players(const struct server *server, uint32_t *ret_players);
pid_t server_mainpid(const struct server *server);
unsigned server_attached(const struct server *server);

/* Whether any probe passed in this life: saved for a restart. */
bool server_has_passed(const struct server *server);

/* The ports to publish and probe, reported by the server when dynamic; borrowed. */
const uint16_t *server_ports(const struct server *server, size_t *ret_count);

/* One hold, set or not; borrowed. */
const struct hold *server_hold(const struct server *server, enum hold_kind kind);

/* Whether any hold is set, and the span until the soonest deadline of those set (NEVER_MS: none). */
bool server_draining(const struct server *server, const struct instant *now, int64_t *ret_deadline_ms);

/* The reason of the first hold that is set, "" when none is or it has none; borrowed until the next step. */
const char *server_drain_reason(const struct server *server);

/* The watchdog: its timeout (0: off) and when it runs out in mono ms (NEVER_MS: not armed). */
int64_t server_watchdog(const struct server *server, int64_t *ret_due_mono);

/* Until when (mono ms) failing probes do not yet make an error, because the server reports initializing or no
 * probe has passed in this life (docs/design/protocol.md, "Effective status", row 2): NEVER_MS when that is
 * without end, 0 when it is not so now. */
int64_t server_grace_until(const struct server *server, const struct instant *now);

/* The latest transitions, oldest first: number of them, and the one at `index`. */
size_t server_transition_count(const struct server *server);
const struct server_transition *server_transition(const struct server *server, size_t index);

/* Fills `ret_message` with all that was reported in this life, to be restored after a restart; borrowed until
 * the next step. Returns false when no life is under way. */
bool server_reported_message(const struct server *server, struct status_message *ret_message);

#endif
