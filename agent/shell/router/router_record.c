/* Between the server's record and the registry's bytes. */
#include "router_internal.h"

#include "outrider/base/buf.h"
#include "outrider/codec/record/record_json.h"

void router_step_server(struct router *router, struct server_event event)
{
    server_step(router->server, &event, &router->server_effects);
}

static enum registrar_claim claim_of(enum status status)
{
    return status == STATUS_READY      ? REGISTRAR_CLAIM_READY
           : status == STATUS_DRAINING ? REGISTRAR_CLAIM_HELD
                                       : REGISTRAR_CLAIM_DOWN;
}

void router_offer(struct router *router, bool urgent, const struct instant *now)
{
    struct buf json = {0};
    const struct record *record = server_record(router->server);
    record_encode(record, &json);
    struct blob *value = blob_new(buf_view(&json));
    buf_fini(&json);
    struct registrar_event event = {.type = REGISTRAR_ON_OFFER,
                                    .now = *now,
                                    .value = value,
                                    .urgent = urgent,
                                    .claim = claim_of(record->status)};
    registrar_step(router->registrar, &event, &router->registrar_effects);
    blob_unref(value);
}

void router_fresh(struct router *router, const struct instant *now)
{
    /* Contract 4: the words are believed only where the lease is taken over. */
    bool ours = registrar_lease_state(router->registrar) == LEASE_HELD;
    router_step_server(router, (struct server_event){.type = SERVER_ON_FRESH,
                                                     .now = *now,
                                                     .message = ours ? router->restore.message : NULL,
                                                     .passed = ours && router->restore.passed,
                                                     .control_unread = !intent_settled(router->intent)});
}

void router_adopt(struct router *router, struct str value, const struct instant *now)
{
    struct record record;
    struct error err;
    if (record_decode(value, &record, &err) < 0) {
        /* Whatever it is, it is not a record that we could continue: write a new one over it. */
        router_fresh(router, now);
        if (server_record(router->server) == NULL) {
            /* Nothing to write over it: it must go, or it would be kept as if it were ours. */
            struct registrar_event event = {.type = REGISTRAR_ON_WITHDRAW, .now = *now};
            registrar_step(router->registrar, &event, &router->registrar_effects);
        }
        return;
    }
    router_step_server(router, (struct server_event){.type = SERVER_ON_ADOPTED,
                                                     .now = *now,
                                                     .record = &record,
                                                     .message = router->restore.message,
                                                     .passed = router->restore.passed});
    record_fini(&record);
}
