/* The registrar: the record at its key in the registry. */
#include "router_internal.h"

#include "outrider/codec/record/record_json.h"
#include "outrider/codec/record/record_sign.h"

enum registrar_promise router_promise(enum status status)
{
    return status == STATUS_READY      ? REGISTRAR_PROMISE_READY
           : status == STATUS_DRAINING ? REGISTRAR_PROMISE_HELD
                                       : REGISTRAR_PROMISE_DOWN;
}

/* What the server's status promises. What it reported before the restart is not restored before its record is read, so
 * until then a server whose process lives is not taken for down unless it is in error. */
static enum registrar_promise present_promise(const struct router *router)
{
    enum status status = server_facts(router->server).status;
    bool unrestored =
        router->restore.message != NULL && !router->restore.unproven && status == STATUS_INITIALIZING;
    return unrestored ? REGISTRAR_PROMISE_HELD : router_promise(status);
}

void router_step_registrar(struct router *router, struct registrar_event event)
{
    event.now = router->now;
    event.promise = event.type == REGISTRAR_ON_OFFER ? event.promise : present_promise(router);
    registrar_step(router->registrar, &event, &router->queues[ROUTER_REGISTRAR]);
}

static struct window deadline(const struct router *router)
{
    return registrar_deadline(router->registrar);
}

static void tick(struct router *router)
{
    router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_TICK});
}

static void adopt(struct router *router, struct str value)
{
    struct record record;
    struct error err;
    if (record_decode(value, &record, &err) < 0) {
        /* The value is no record that could be continued: a new one is written over it. */
        router_fresh(router);
        if (server_record(router->server) == NULL) {
            /* There is no new one to write: without this the registrar would keep the value as its own
             * record. */
            router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_WITHDRAW});
        }
        return;
    }
    router->resign =
        router->signer != NULL && !record_is_signed(router->signer, buf_view(&router->record_key), value);
    if (router->resign && record.updated_wall > router->now.wall) {
        /* Anybody may have written it. Signed, a time far ahead would be gone on from for ever. */
        record.updated_wall = router->now.wall;
    }
    router_step_server(router, (struct server_event){.type = SERVER_ON_ADOPTED,
                                                     .record = &record,
                                                     .message = router->restore.message,
                                                     .unproven = router->restore.unproven,
                                                     .passed = router->restore.passed});
    record_fini(&record);
}

static void request(struct router *router, const struct registrar_effect *effect)
{
    const struct registry_request *request = &effect->request;
    bool record = str_eq(request->key, buf_view(&router->record_key));
    if (record && request->op == REGISTRY_GET && registrar_facts(router->registrar).settled) {
        router_control_read_back(router); /* what made one key doubtful made the other doubtful */
    }
    if (effect->write != NULL) {
        struct registry_txn txn;
        router_claim_txn(router, effect, &txn);
        struct registry_request whole = *request;
        whole.op = REGISTRY_TXN;
        whole.value = NULL;
        whole.txn = &txn;
        effects_request(router->effects, ROUTER_CLIENT_REGISTRAR, &whole);
        router_claim_fini(&txn);
    } else {
        effects_request(router->effects, ROUTER_CLIENT_REGISTRAR, request);
    }
    blob_unref(request->value);
}

static void route(struct router *router, union router_effect *any)
{
    const struct registrar_effect *effect = &any->registrar;
    switch (effect->type) {
    case REGISTRAR_DO_REQUEST: request(router, effect); break;
    case REGISTRAR_DO_CLAIMED:
        effects_claimed(router->effects, effect->ticket, effect->outcome, effect->text, effect->why);
        break;
    case REGISTRAR_DO_SAVE:
        effects_save(router->effects, effect->urgent ? EFFECTS_SAVE_BEFORE_GRANT : EFFECTS_SAVE_SOON);
        break;
    case REGISTRAR_DO_SAVE_DUE: effects_save(router->effects, EFFECTS_SAVE_BEFORE_WRITE); break;
    case REGISTRAR_DO_LOOK_UP_HOST: effects_look_up_host(router->effects); break;
    case REGISTRAR_DO_FRESH: router_fresh(router); break;
    case REGISTRAR_DO_ADOPTED: adopt(router, effect->text); break;
    case REGISTRAR_DO_READ_BACK: router_control_read_back(router); break;
    case REGISTRAR_DO_GONE:
        router_step_shutdown(router, (struct shutdown_event){.type = SHUTDOWN_ON_GONE});
        break;
    case REGISTRAR_DO_NOTE: effects_note(router->effects, effect->note, effect->text); break;
    }
}

const struct router_row router_row_registrar = {
    .effect_size = sizeof(struct registrar_effect), .deadline = deadline, .tick = tick, .route = route};
