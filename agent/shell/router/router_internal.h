/* The inside of shell/router: one file for each machine (its row of the table, its construction, its routes),
 * router.c (the table and the pump), router_events.c (events from outside), router_gap.c (time in which the
 * agent did not run). */
#ifndef OUTRIDER_SHELL_ROUTER_ROUTER_INTERNAL_H
#define OUTRIDER_SHELL_ROUTER_ROUTER_INTERNAL_H

#include "outrider/core/config/config.h"
#include "outrider/core/registry/registry_watch.h"
#include "outrider/core/server/gap.h"
#include "outrider/shell/router/effects.h"
#include "outrider/shell/router/router.h"

/* The rows of the table, in the order of their priority: effects of an earlier machine are routed first, and
 * an earlier machine is ticked first. What the server has become must reach the registrar before the
 * registrar acts. */
enum router_machine {
    ROUTER_SERVER,
    ROUTER_PROBES,
    ROUTER_INTENT,
    ROUTER_REGISTRAR,
    ROUTER_KEYS,
    ROUTER_SHUTDOWN,
    ROUTER_MACHINE_COUNT
};

/* One effect of any machine; the row that took it knows which. */
union router_effect {
    struct server_effect server;
    struct probe_effect probe;
    struct intent_effect intent;
    struct registrar_effect registrar;
    struct follow_effect keys;
    struct shutdown_effect shutdown;
};

/* One row: a machine, or several of one kind. */
struct router_row {
    size_t effect_size;
    struct window (*deadline)(const struct router *router);
    /* Steps what is due. A step that is not due changes nothing. */
    void (*tick)(struct router *router, const struct instant *now);
    /* Carries one effect out: an event for another machine, or a call of effects.h. Owns the references in
     * it. */
    void (*route)(struct router *router, union router_effect *effect, const struct instant *now);
};

extern const struct router_row router_row_server, router_row_probes, router_row_intent, router_row_registrar,
    router_row_keys, router_row_shutdown;

struct router {
    const struct config *config;
    struct effects *effects;
    struct restore restore;
    char *id;

    struct server *server;
    struct registrar *registrar;
    struct intent *intent;
    struct shutdown shutdown;
    struct probe probes[SERVER_PROBES_MAX];
    size_t probe_count;
    struct config_probe
        reported_probes[SERVER_PROBES_MAX]; /* of ports the server reported; they own their names */
    size_t reported_count;
    struct follow keys;
    struct gap gap;
    int64_t asleep_ms; /* boot clock ahead of mono at the last tick */
    int64_t phase_ms;  /* of the probes: agents that started together must not probe in the same ms */

    struct queue queues[ROUTER_MACHINE_COUNT]; /* effects that wait to be routed */
    bool pumping;
};

/* router.c: routes effects until none waits. Does nothing when called from within an effect. */
void router_pump(struct router *router, const struct instant *now);

/* router_gap.c: to be called first on every event from outside, so that the machines learn of a gap before
 * they learn of the event. */
void router_enter(struct router *router, const struct instant *now);

/* One event for one machine, by value, so that a call can be written as one expression. The effects are
 * queued. */
void router_step_server(struct router *router, struct server_event event);
void router_step_intent(struct router *router, struct intent_event event);
void router_step_registrar(struct router *router, struct registrar_event event);
void router_step_keys(struct router *router, struct follow_event event);
void router_step_shutdown(struct router *router, struct shutdown_event event);

/* router_server.c: there is no record from before the restart. */
void router_fresh(struct router *router, const struct instant *now);

/* router_probes.c: one event for every probe. */
void router_step_probes(struct router *router, enum probe_event_type type, const struct instant *now);

/* Builds the probes of the configuration. `map` (SERVER_PROBES_MAX numbers) has for each the old probe that
 * it continues, or -1; NULL: all are new. */
void router_build_probes(struct router *router, const int *map, const struct instant *now);

/* Rebuilds the probes for the ports that the server reported. */
void router_follow_ports(struct router *router, const struct instant *now);

/* For each probe of `next`, the number of the same definition now, or -1. */
void router_map_probes(const struct router *router, const struct config *next,
                       int map[static SERVER_PROBES_MAX]);

/* Drops the probes of reported ports. */
void router_free_reported(struct router *router);

/* router_intent.c: the machine for the control key of `id`; what is known from before a restart; the
 * operator's hold as it is now. */
struct intent *router_new_intent(const struct config *config, const char *id, uint64_t seed);
void router_start_intent(struct router *router, const struct instant *now);
void router_update_intent(struct router *router, const struct instant *now);

/* An answer to a request of the intent; a change of the control key; the control key may have changed unseen.
 */
void router_control_replied(struct router *router, const struct registry_reply *reply,
                            const struct instant *now);
void router_control_changed(struct router *router, const struct registry_change *change,
                            const struct instant *now);
void router_control_read_back(struct router *router, const struct instant *now);

/* router_registrar.c: the machine for the record of `id`. */
struct registrar *router_new_registrar(const struct config *config, const char *id, uint64_t seed);

/* router_keys.c: the watch of both keys of `id`. */
void router_init_keys(struct router *router, const char *id, uint64_t seed);

/* Steps the follower of both keys after a reply to any machine: a success shows that the registry answers.
 * `cluster` is the one that answered before. */
void router_note_reply(struct router *router, const struct registry_reply *reply, uint64_t cluster,
                       const struct instant *now);

/* router_shutdown.c: copies the settings of the configuration. */
void router_load_shutdown(struct router *router);

/* Steps the shutdown if it waits for shutting_down to be published, and it is. Returns whether it did. */
bool router_check_published(struct router *router, const struct instant *now);

#endif
