/* The router owns the machines of one server and wires them. Events from outside come in here; an effect of a
 * machine becomes an event of another one, or leaves through effects.h. No step runs inside another: effects
 * wait in queues until the step that made them has returned. */
#ifndef OUTRIDER_SHELL_ROUTER_ROUTER_H
#define OUTRIDER_SHELL_ROUTER_ROUTER_H

#include "outrider/codec/state/restore.h"
#include "outrider/core/control/intent.h"
#include "outrider/core/probe/probe.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/registry/follow.h"
#include "outrider/core/server/server.h"
#include "outrider/core/server/shutdown.h"
#include "outrider/shell/router/effects.h"

struct buf;
struct config;
struct router;

/* Appends the key of the record of server `id`: <prefix>/<type>/<id> (docs/design/protocol.md, "Record"). */
void router_record_key(const struct config *config, const char *id, struct buf *out);

/* Appends the control key of server `id`: <control_prefix>/control/<type>/<id>. */
void router_control_key(const struct config *config, const char *id, struct buf *out);

/* Creates the machines of server `id` (copied). `config`, `effects` and the message of `restore` are borrowed
 * for the life of the router. `seed` feeds lease ids, jitter and the phase of the probes. The caller owns the
 * result. */
struct router *router_new(const struct config *config, const char *id, const struct restore *restore,
                          uint64_t seed, struct effects *effects, const struct instant *now);

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

/* The server reported `message`, which server_accepts() has accepted. */
void router_status_message(struct router *router, const struct status_message *message,
                           const struct instant *now);

/* A connection attached in life number `life` has closed; `by_us`: the agent closed it for its bad input. */
void router_detached(struct router *router, uint64_t life, bool by_us, const struct instant *now);

/* The watched process `pid` has exited. */
void router_exited(struct router *router, pid_t pid, const struct instant *now);

/* Try `try_id` of the probe at `index` ended. `result` is borrowed for the call. */
void router_tried(struct router *router, unsigned index, uint64_t try_id, const struct probe_result *result,
                  const struct instant *now);

/* The registry replied to a request of `client`. `reply` is borrowed. */
void router_replied(struct router *router, enum router_client client, const struct registry_reply *reply,
                    const struct instant *now);

/* The watch of the registry had an event. `event` is borrowed. */
void router_watched(struct router *router, const struct registry_watch_event *event,
                    const struct instant *now);

/* The address to publish, or NULL and the reason why there is none. May be called from within
 * effects_look_up_host(). */
void router_host(struct router *router, const char *host, const char *reason, const struct instant *now);

/* An operator sets or lifts the ops hold; spans in ms, 0: none. */
void router_drain(struct router *router, const char *reason, const char *by, int64_t deadline_ms,
                  int64_t expires_ms, const struct instant *now);
void router_undrain(struct router *router, const struct instant *now);

/* TERM, INT or QUIT (SHUTDOWN_ON_...). `state_kept`: state_dir has all that router_save() writes now. */
void router_stop(struct router *router, enum shutdown_event_type how, bool state_kept,
                 const struct instant *now);

/* A new configuration, borrowed until the next one; probes whose definition is unchanged keep their state. */
void router_reload(struct router *router, const struct config *config, const struct instant *now);

/* The machines, for their accessors; borrowed. */
const struct server *router_server(const struct router *router);
const struct registrar *router_registrar(const struct router *router);
const struct intent *router_intent(const struct router *router);
const struct shutdown *router_shutdown(const struct router *router);
const struct follow *router_keys(const struct router *router);

/* The probes that run: their number, and of each the machine and the definition; borrowed. */
size_t router_probe_count(const struct router *router);
const struct probe *router_probe(const struct router *router, size_t index);
const struct config_probe *router_probe_config(const struct router *router, size_t index);

/* What the value of a control key means. */
void router_read_control(bool found, struct str bytes, struct intent_value *ret_value);

#endif
