/* The inside of shell/router: one file for each machine (its row of the table, its routes), router.c (the
 * table, the pump, life), router_events.c (events from outside, and time in which the agent did not run). */
#ifndef OUTRIDER_SHELL_ROUTER_ROUTER_INTERNAL_H
#define OUTRIDER_SHELL_ROUTER_ROUTER_INTERNAL_H

#include "outrider/core/config/config.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/shell/router/router.h"

/* One effect of any machine; the row that took it knows which. */
union router_effect {
    struct server_effect server;
    struct probe_effect probe;
    struct intent_effect intent;
    struct registrar_effect registrar;
    struct follow_effect keys;
    struct shutdown_effect shutdown;
};

/* One row of the table: a machine, or several of one kind. */
struct router_row {
    size_t effect_size;
    struct window (*deadline)(const struct router *router);
    /* Steps what is due. A step that is not due changes nothing. */
    void (*tick)(struct router *router);
    /* Carries one effect out: an event for another machine, or a call of effects.h. Owns the references in
     * it. */
    void (*route)(struct router *router, union router_effect *effect);
};

extern const struct router_row router_row_server, router_row_probes, router_row_intent, router_row_registrar,
    router_row_keys, router_row_shutdown;

/* router.c: routes effects until none waits. Does nothing when called from within an effect. */
void router_pump(struct router *router);

/* router_events.c: to be called first on every event from outside, so that the machines learn of a gap before
 * they learn of the event. Every step until the next one is at `now`. */
void router_enter(struct router *router, const struct instant *now);

/* One event for one machine, by value, so that a call can be written as one expression; its `now` is filled
 * in. The effects are queued. */
void router_step_server(struct router *router, struct server_event event);
void router_step_intent(struct router *router, struct intent_event event);
void router_step_registrar(struct router *router, struct registrar_event event);
void router_step_keys(struct router *router, struct follow_event event);
void router_step_shutdown(struct router *router, struct shutdown_event event);

/* router_registrar.c: what a record of `status` promises. */
enum registrar_promise router_promise(enum status status);

/* router_seats.c: puts what `effect` claims into `ret_txn`, which writes the record, too. The values of its actions are freed with
 * router_claim_fini(). */
void router_claim_txn(const struct router *router, const struct registrar_effect *effect,
                      struct registry_txn *ret_txn);
void router_claim_fini(struct registry_txn *txn);

/* router_seats.c: hands the registrar a reply that may show the seats key: of a read of that key, or of such a transaction, which is
 * shown to it as a put. */
void router_claim_replied(struct router *router, const struct registry_reply *reply);

/* router_seats.c: the claims of a message that is about to be reported. */
void router_claim(struct router *router, const struct status_message *message);

/* router_server.c: there is no record from before the restart. */
void router_fresh(struct router *router);

/* router_probes.c: one event for every probe. */
void router_step_probes(struct router *router, enum probe_event_type type);

/* Builds the probes of the configuration. `map` (SERVER_PROBES_MAX numbers) has for each the old probe that
 * it continues, or -1; NULL: all are new. */
void router_build_probes(struct router *router, const int *map);

/* Rebuilds the probes for the ports that the server reported. */
void router_follow_ports(struct router *router);

/* For each probe of `next`, the number of the same definition now, or -1. */
void router_map_probes(const struct router *router, const struct config *next,
                       int map[static SERVER_PROBES_MAX]);

/* Drops the probes of reported ports. */
void router_free_reported(struct router *router);

/* router_intent.c: the control key changed; it may have changed unseen. */
void router_control_changed(struct router *router, const struct registry_change *change);
void router_control_read_back(struct router *router);

/* router_shutdown.c: copies the settings of the configuration. */
void router_load_shutdown(struct router *router);

/* Steps the shutdown if it waits for shutting_down to be published, and it is. Returns whether it did. */
bool router_check_published(struct router *router);

#endif
