/* The inside of shell/router: router.c (the wiring), router_events.c (what comes in),
 * router_record.c (between record and bytes), router_intent.c (the control key), router_probes.c (which probes
 * run), router_watch.c (what comes unasked). */
#ifndef OUTRIDER_SHELL_ROUTER_ROUTER_INTERNAL_H
#define OUTRIDER_SHELL_ROUTER_ROUTER_INTERNAL_H

#include "outrider/core/config/config.h"
#include "outrider/core/registry/registry_watch.h"
#include "outrider/shell/router/effects.h"
#include "outrider/shell/router/router.h"

struct router {
    const struct config *config;
    struct effects *effects;
    struct router_restore restore;

    struct server *server;
    struct registrar *registrar;
    struct intent *intent;
    struct shutdown shutdown;
    struct probe probes[SERVER_PROBES_MAX];
    size_t probe_count;
    struct config_probe
        reported_probes[SERVER_PROBES_MAX]; /* of ports the server said; they own their names */
    size_t reported_count;
    struct keywatch keywatch;
    struct instant seen; /* the latest step */
    int64_t asleep_ms;   /* boot clock ahead of mono at the last tick */
    int64_t phase_ms;    /* of this agent's probes: a thousand started together must not beat together */

    struct queue server_effects, registrar_effects, intent_effects, shutdown_effects, probe_effects;
    struct queue keywatch_effects;
    bool pumping;
};

/* router.c: routes effects until there are none; does nothing when called from within an effect. */
void router_pump(struct router *router, const struct instant *now);

/* router.c: one event of the shutdown. */
void router_step_shutdown(struct router *router, enum shutdown_event_type type, bool visible,
                          const struct instant *now);

/* router_intent.c: the machine for the control key of `id`; one event for it; what is known from before a restart; the
 * ops hold as it is here now; an answer to a request of its own. */
struct intent *router_new_intent(const struct config *config, const char *id, uint64_t seed);
void router_step_intent(struct router *router, struct intent_event event);
void router_start_intent(struct router *router, const struct instant *now);
void router_update_intent(struct router *router, const struct instant *now);
void router_control_replied(struct router *router, const struct registry_reply *reply,
                            const struct instant *now);

/* The watch tells of the control key; or it may have changed unseen. */
void router_control_changed(struct router *router, const struct registry_change *change,
                            const struct instant *now);
void router_control_read_back(struct router *router, const struct instant *now);

/* Takes `effect` out of its queue's hands: what it asks for is done. */
void router_route_intent(struct router *router, struct intent_effect *effect, const struct instant *now);

/* router.c: one event for every probe. */
void router_step_probes(struct router *router, enum probe_event_type type, const struct instant *now);

/* router_watch.c: every event from the world begins with router_enter, so that time which passed without us counts
 * before it does. */
void router_enter(struct router *router, const struct instant *now);
void router_init_watch(struct router *router, const char *id, uint64_t seed);
void router_step_keywatch(struct router *router, struct keywatch_event event);
void router_route_keywatch(struct router *router, const struct keywatch_effect *effect,
                           const struct instant *now);
/* A request was answered; `cluster` is the one known before. */
void router_follow_registry(struct router *router, const struct registry_reply *reply, uint64_t cluster,
                            const struct instant *now);

/* router_record.c: one server event (by value, so that a call can be written in one go); the present record
 * to the registrar; no record found, or the record found, back to the server. */
void router_step_server(struct router *router, struct server_event event);
void router_offer(struct router *router, bool urgent, const struct instant *now);
void router_fresh(struct router *router, const struct instant *now);
void router_adopt(struct router *router, struct str value, const struct instant *now);

/* router_probes.c: builds the probes of the configuration; `map` (SERVER_PROBES_MAX numbers, or NULL) tells
 * which old probe each continues, -1 for none. */
void router_build_probes(struct router *router, const int *map, const struct instant *now);

/* Follows the ports that the server said. */
void router_follow_ports(struct router *router, const struct instant *now);

/* For each probe of `next`, the number of the same definition in `now`, or -1. */
void router_map_probes(const struct router *router, const struct config *next,
                       int map[static SERVER_PROBES_MAX]);

void router_free_reported(struct router *router);

#endif
