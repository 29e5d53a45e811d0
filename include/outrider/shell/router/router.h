/* The router: owns the machines of one agent and wires them. Events come in here, each machine's effects
 * become another machine's event or go out through shell/effects.h. No step runs inside another: effects wait
 * in queues until the step that made them has returned. */
#ifndef OUTRIDER_SHELL_ROUTER_ROUTER_H
#define OUTRIDER_SHELL_ROUTER_ROUTER_H

#include "outrider/core/control/intent.h"
#include "outrider/core/probe/probe.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/registry/keywatch.h"
#include "outrider/core/server/server.h"
#include "outrider/core/server/shutdown.h"

struct buf;
struct config;
struct effects;
struct router;

/* What is known from before a restart. */
struct router_restore {
    struct registry_lease lease; /* none: no lease that could still live */
    int64_t ttl_ms;
    bool passed;                          /* a probe had passed */
    const struct status_message *message; /* believed when the lease still lives; NULL: none, or no witness */
    const struct hold *ops;               /* the operator's hold; NULL: none */
    int64_t control_revision;             /* of the control key as last seen; 0: never, or it was absent */
    bool control_pending;                 /* the hold, or that there is none, had not reached it yet */
    int64_t control_sent_wall;            /* as intent_sent() was */
};

/* Appends the key of the record of server `id`: <prefix>/<type>/<id> (docs/design/protocol.md, "Record"). */
void router_record_key(const struct config *config, const char *id, struct buf *out);

/* Appends the control key of server `id`: <control_prefix>/control/<type>/<id>. */
void router_control_key(const struct config *config, const char *id, struct buf *out);

/* Creates the machines. `config`, `effects` and what `past` points to (words until the first registry answer)
 * are borrowed. `seed` feeds lease ids, jitter and the probes' phase. The caller owns the result. */
struct router *router_new(const struct config *config, const char *id, const struct router_restore *restore,
                          uint64_t seed, struct effects *effects, const struct instant *now);

/* Starts them: probes at once, the registrar as soon as there is a record. To be called once; effects begin
 * here. */
void router_start(struct router *router, const struct instant *now);

/* Accepts NULL. */
void router_free(struct router *router);

/* When router_tick must be called although nothing happens. */
struct window router_deadline(const struct router *router);

/* Time may have passed. */
void router_tick(struct router *router, const struct instant *now);

/* The server said `words` (server_accepts() was asked first). */
void router_status_message(struct router *router, const struct status_message *message,
                           const struct instant *now);

/* A connection attached in life `life` has closed; `by_us`: because of its bad input. */
void router_detached(struct router *router, uint64_t life, bool by_us, const struct instant *now);

/* The watched process is gone. */
void router_exited(struct router *router, pid_t pid, const struct instant *now);

/* A try ended. `detail` is borrowed. */
void router_tried(struct router *router, unsigned index, uint64_t try_id, enum probe_outcome outcome,
                  const char *detail, int64_t duration_us, const struct instant *now);

/* The registry answered. `reply` is borrowed. */
void router_replied(struct router *router, const struct registry_reply *reply, const struct instant *now);

/* The watch told something. `event` is borrowed. */
void router_watched(struct router *router, const struct registry_watch_event *event,
                    const struct instant *now);

/* The address to publish, or NULL and why there is none. May be called from within effects_look_up_host(). */
void router_host(struct router *router, const char *host, const char *reason, const struct instant *now);

/* An operator drains or undrains; spans in ms, 0: none. */
void router_drain(struct router *router, const char *reason, const char *by, int64_t deadline_ms,
                  int64_t expires_ms, const struct instant *now);
void router_undrain(struct router *router, const struct instant *now);

/* TERM, INT or QUIT (SHUTDOWN_ON_...); `may_hand_over` as in core/shutdown.h. */
void router_stop(struct router *router, enum shutdown_event_type how, bool may_hand_over,
                 const struct instant *now);

/* A new configuration, valid until the next one; probes whose definition is unchanged keep their state. */
void router_reload(struct router *router, const struct config *config, const struct instant *now);

/* The machines, for accessors; borrowed. */
const struct server *router_server(const struct router *router);
const struct registrar *router_registrar(const struct router *router);
const struct intent *router_intent(const struct router *router);
const struct shutdown *router_shutdown(const struct router *router);
const struct keywatch *router_keywatch(const struct router *router);

/* The probes as they run: their number, the machine and the definition of each; borrowed. */
size_t router_probe_count(const struct router *router);
const struct probe *router_probe(const struct router *router, size_t index);
const struct config_probe *router_probe_config(const struct router *router, size_t index);

#endif
