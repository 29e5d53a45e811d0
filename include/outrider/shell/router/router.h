/* The router owns the machines of one server and wires them. Events from outside come in here; an effect of a
 * machine becomes an event of another one, or leaves through effects.h. No step runs inside another: effects
 * wait in queues until the step that made them has returned. */
#ifndef OUTRIDER_SHELL_ROUTER_ROUTER_H
#define OUTRIDER_SHELL_ROUTER_ROUTER_H

#include "outrider/base/buf.h"
#include "outrider/codec/state/restore.h"
#include "outrider/core/control/intent.h"
#include "outrider/core/probe/probe.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/registry/follow.h"
#include "outrider/core/server/gap.h"
#include "outrider/core/server/server.h"
#include "outrider/core/server/shutdown.h"
#include "outrider/shell/router/effects.h"

struct sign_key;

/* In the order of their priority: effects of an earlier machine are routed first, and an earlier machine is
 * ticked first. What the server has become must reach the registrar before the registrar acts. */
enum router_machine {
    ROUTER_SERVER,
    ROUTER_PROBES,
    ROUTER_INTENT,
    ROUTER_REGISTRAR,
    ROUTER_KEYS,
    ROUTER_SHUTDOWN,
    ROUTER_MACHINE_COUNT
};

/* Its members are its own, except those of the first group, which may be read between two calls. */
struct router {
    struct server *server;
    struct registrar *registrar;
    struct intent *intent;
    struct shutdown shutdown;
    struct follow keys;                       /* the watch of the record's key and of the control key */
    struct probe *probes;                     /* `probe_count` of them */
    const struct config_probe *probe_configs; /* one for each: of the configuration, or `reported_probes` */
    size_t probe_count;

    const struct config *config;
    struct effects *effects;
    const struct sign_key *signer; /* signs the record; NULL: it is not signed */
    bool resign;                   /* the record that was taken over has another signature, or none */
    struct restore restore;
    char *id;
    struct buf record_key, control_key, seats_key;
    struct config_probe *reported_probes; /* of ports the server reported; they own their names */
    size_t reported_count;
    struct instant now;  /* of the event from outside that is being routed */
    struct instant seen; /* the latest event from outside, for gap_step() */
    int64_t asleep_ms;   /* boot clock ahead of mono at the last tick */
    int64_t phase_ms;    /* of the probes: agents that started together must not probe in the same ms */
    struct queue queues[ROUTER_MACHINE_COUNT]; /* effects that wait to be routed */
    bool pumping;
};

/* Appends the key of the record of server `id`: <prefix>/<type>/<id> (docs/design/protocol.md, "Record"). */
void router_record_key(const struct config *config, const char *id, struct buf *out);

/* Appends the control key of server `id`: <control_prefix>/control/<type>/<id>. */
void router_control_key(const struct config *config, const char *id, struct buf *out);

/* Appends the key of the reservations of server `id`: <control_prefix>/seats/<type>/<id>. */
void router_seats_key(const struct config *config, const char *id, struct buf *out);

/* Creates the machines of server `id` (copied). `config`, `effects` and the message of `restore` are borrowed
 * for the life of the router. `seed` feeds lease ids, jitter and the phase of the probes. `can` says what the
 * registry can, a set of REGISTRY_CAN_*. The caller owns the result. */
struct router *router_new(const struct config *config, const char *id, const struct restore *restore,
                          uint64_t seed, uint32_t can, struct effects *effects, const struct instant *now);

/* Has records signed by `signer`, borrowed for the life of the router; NULL: they are not. Before router_start(). */
void router_sign_with(struct router *router, const struct sign_key *signer);

/* Starts the machines: probes at once, the registrar as soon as there is a record. To be called once. The
 * first effects come from within. */
void router_start(struct router *router, const struct instant *now);

/* Appends the content of a state file, from which restore_decide() can continue after a restart. `boot_id` is
 * of the present boot, "": unknown. */
void router_save(const struct router *router, const char *boot_id, struct buf *out);

/* Accepts NULL. */
void router_free(struct router *router);

/* When router_tick() must be called although nothing happens. */
struct window router_deadline(const struct router *router);

/* Time may have passed. */
void router_tick(struct router *router, const struct instant *now);

/* An event of the server from outside, at `event->now`: SERVER_ON_MESSAGE, DETACH, EXIT, or the HOLD and
 * UNHOLD of an operator (HOLD_OPS). Also SERVER_ON_HOST, the answer to effects_look_up_host(), from within
 * which it may come: then it is queued. */
void router_server_event(struct router *router, const struct server_event *event);

/* A connection to the status socket closed that was not attached: the server may have ended, and its probes try soon.
 * After DETACH and EXIT they do so, too. */
void router_hint(struct router *router, const struct instant *now);

/* Try `try_id` of the probe at `index` ended. `result` is borrowed for the call. */
void router_tried(struct router *router, unsigned index, uint64_t try_id, const struct probe_result *result,
                  const struct instant *now);

/* The registry replied to a request of `client`. `reply` is borrowed. */
void router_replied(struct router *router, enum router_client client, const struct registry_reply *reply,
                    const struct instant *now);

/* The watch of the registry had an event. `event` is borrowed. */
void router_watched(struct router *router, const struct registry_watch_event *event,
                    const struct instant *now);

/* TERM, INT or QUIT (SHUTDOWN_ON_...). `state_kept`: state_dir has all that router_save() writes now. */
void router_stop(struct router *router, enum shutdown_event_type how, bool state_kept,
                 const struct instant *now);

/* A new configuration, borrowed until the next one; probes whose definition is unchanged keep their state. */
void router_reload(struct router *router, const struct config *config, const struct instant *now);

/* What the value of a control key means. */
void router_read_control(bool found, struct str bytes, struct intent_value *ret_value);

#endif
