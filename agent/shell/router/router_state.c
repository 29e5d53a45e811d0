/* What a restart needs: written to state_dir by the agent, read back by restore_decide(). */
#include "router_internal.h"

#include "outrider/base/buf.h"
#include "outrider/codec/state/state_file.h"

static struct saved_hold save_hold(const struct router *router)
{
    const struct hold *ops = &server_facts(router->server).holds[HOLD_OPS];
    struct intent_facts facts = intent_facts(router->intent);
    return (struct saved_hold){.set = ops->set,
                               .reason = ops->reason,
                               .by = ops->by,
                               .since_wall = ops->since_wall,
                               .deadline_wall = ops->deadline_wall,
                               .expires_wall = ops->expires_wall,
                               .revision = facts.seen,
                               .pending = facts.pending,
                               .sent_wall = facts.sent_wall};
}

void router_save(const struct router *router, const char *boot_id, struct buf *out)
{
    struct buf key = {0};
    router_record_key(router->config, router->id, &key);
    struct registrar_facts facts = registrar_facts(router->registrar);
    struct saved_state state = {.id = router->id,
                                .key = buf_text(&key),
                                .boot_id = boot_id,
                                .lease = facts.lease,
                                .ttl_ms = facts.ttl_ms,
                                .ops = save_hold(router),
                                .probe_has_passed = server_facts(router->server).reported->passed};
    state.has_message = server_reported_message(router->server, &state.message);
    if (facts.key_state == KEY_UNKNOWN) {
        restore_keep_unconfirmed(&router->restore, &state);
    }
    state_file_encode(&state, out);
    buf_fini(&key);
}
