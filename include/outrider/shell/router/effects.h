/* The effects of the router. The agent carries them out on io; scenarios, fuzzers and the simulator link
 * functions of their own instead. None calls back into the router, but effects_look_up_host() may: results
 * are later events. */
#ifndef OUTRIDER_SHELL_ROUTER_EFFECTS_H
#define OUTRIDER_SHELL_ROUTER_EFFECTS_H

#include "outrider/core/config/config.h"
#include "outrider/core/control/intent.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/registry/follow.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/core/server/hold.h"
#include "outrider/core/server/record.h"

#include <sys/types.h>

/* Of the agent, or of a test. */
struct effects;

/* The machines that ask the registry. Each is a client of its own: its request ids mean nothing to the
 * others. */
enum router_client { ROUTER_CLIENT_REGISTRAR, ROUTER_CLIENT_INTENT, ROUTER_CLIENT_KEYS, ROUTER_CLIENT_COUNT };

/* Begins try `try_id` of the probe at `index`, defined by `probe` (borrowed); a try of the same index that
 * still runs is cancelled. The answer is router_tried(). */
void effects_try(struct effects *effects, unsigned index, uint64_t try_id, const struct config_probe *probe);

/* Cancels every try, before the probes get new numbers. */
void effects_cancel_tries(struct effects *effects);

/* Submits a registry request of `client`. The reply is router_replied() with the same client. */
void effects_request(struct effects *effects, enum router_client client,
                     const struct registry_request *request);

/* Opens a watch of the registry for ROUTER_CLIENT_KEYS. Its events are router_watched(). */
void effects_watch(struct effects *effects, const struct registry_watch *watch);

/* Closes watch `id`: no event comes any more. */
void effects_unwatch(struct effects *effects, uint64_t id);

/* Watches process `pid` instead of any other; 0: none. Its end, also one before the call, is
 * SERVER_ON_EXIT. */
void effects_watch_pid(struct effects *effects, pid_t pid);

/* Sends TERM to the process that is watched, which is `pid`. */
void effects_terminate(struct effects *effects, pid_t pid);

/* Finds the address to publish. The answer is SERVER_ON_HOST, and may come from within: it is queued. */
void effects_look_up_host(struct effects *effects);

/* Sends the drain event to watching connections: a drain began or changed (`on`), or ended. `left_ms`
 * NEVER_MS: no deadline. */
void effects_emit_drain(struct effects *effects, bool on, int64_t left_ms, struct str reason);

/* A claim of the message with `ticket` ended with `outcome`: that of reservation `id`. `why` it is not known (REGISTRAR_CLAIM_AWAY). May
 * come from within the report of the message. */
void effects_claimed(struct effects *effects, uint64_t ticket, enum registrar_claim_outcome outcome,
                     struct str id, struct str why);

/* When what a restart needs (router_save) is written to state_dir. */
enum effects_save {
    EFFECTS_SAVE_SOON,         /* within a second */
    EFFECTS_SAVE_BEFORE_WRITE, /* a put follows: now where a save is due and the last one is a second old */
    EFFECTS_SAVE_BEFORE_GRANT, /* a grant follows: now. Not synced, as a lease does not outlast the boot */
    EFFECTS_SAVE_NOW           /* now, synced to the disk */
};

/* Keeps what a restart needs. Nothing fails here: a state_dir that cannot be written is logged once. */
void effects_save(struct effects *effects, enum effects_save when);

/* Logs and counts a change of the status. */
void effects_status_moved(struct effects *effects, enum status from, enum status to, struct str cause);

/* Logs a note: of the registrar, of the intent, of the watch of the own keys. */
void effects_note(struct effects *effects, enum registrar_note note, struct str text);
void effects_intent_note(struct effects *effects, enum intent_note note, struct str text);
void effects_watch_note(struct effects *effects, enum follow_note note, struct str text);

/* Logs that the drain of a hold ended. */
void effects_drain_over(struct effects *effects, enum hold_kind kind, enum drain_outcome outcome);

/* The process ends with `code` once the loop turn is over. */
void effects_exit(struct effects *effects, int code);

#endif
