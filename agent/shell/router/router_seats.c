/* The reservations of this server: claims of its game server, and the transaction that carries them out. */
#include "router_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/seats_json.h"
#include "outrider/core/seats/reservation.h"

#include <stdlib.h>

void router_claim(struct router *router, const struct status_message *message)
{
    const struct server_value players = server_value(router->server, CONFIG_FACT_PLAYERS);
    const bool counted = players.source == SERVER_SOURCE_PROBE && !message->has_players;
    for (size_t i = 0; i < message->claim_count; i++) {
        router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_CLAIM,
                                                               .claim = message->claims[i],
                                                               .counted = counted,
                                                               .players = players.number,
                                                               .ticket = message->claim_ticket});
    }
}

/* ---- what is sent ---- */

static bool is_changed(const struct registry_txn *txn, struct str key)
{
    size_t i = 0;
    while (i < txn->then_count && !str_eq(txn->then[i].key, key)) {
        i++;
    }
    return i < txn->then_count;
}

/* Takes an entry out, and with it the key of its id, which names this server or is gone (core/seats/change.h). Of a list that another
 * program wrote, ids may come twice; no transaction may change a key twice. */
static void take_out(const struct router *router, struct reservations *list, const struct reservation *entry,
                     struct registry_txn *txn)
{
    struct buf key = {0};
    buf_printf(&key, "%s/seat-ids/%s/%s", router->config->registry.control_prefix,
               router->config->server.type, entry->id);
    if (!is_changed(txn, buf_view(&key))) {
        registry_txn_then(
            txn, (struct registry_action){.kind = REGISTRY_REMOVE,
                                          .key = {mem_copy(buf_view(&key).data, key.size), key.size}});
    }
    reservations_remove(list, entry);
    buf_fini(&key);
}

/* Takes out what is claimed, and what has lapsed as far as there is room for it. */
static void take_out_all(const struct router *router, const struct registrar_claim_write *write,
                         struct reservations *list, struct registry_txn *txn)
{
    for (size_t i = 0; i < write->count; i++) {
        const struct reservation *entry;
        while ((entry = reservations_find(list, write->ids[i])) != NULL) {
            take_out(router, list, entry, txn);
        }
    }
    for (size_t i = list->count; i > 0 && txn->then_count < REGISTRY_TXN_MAX; i--) {
        if (!reservation_is_live(&list->items[i - 1], router->now.wall)) {
            take_out(router, list, &list->items[i - 1], txn);
        }
    }
}

void router_claim_txn(const struct router *router, const struct registrar_effect *effect,
                      struct registry_txn *ret_txn)
{
    const struct registry_request *put = &effect->request;
    struct str seats_key = buf_view(&router->seats_key);
    struct reservations list = {0};
    struct buf json = {0};
    struct error err;
    *ret_txn = (struct registry_txn){0};
    if (seats_decode(blob_view(effect->write->value), &list, &err) < 0) {
        list = (struct reservations){0}; /* what could not be read had no entry to claim */
    }
    registry_txn_if(ret_txn, (struct registry_compare){.kind = REGISTRY_IF_REVISION,
                                                       .key = put->key,
                                                       .revision = put->expect_revision});
    registry_txn_if(ret_txn, (struct registry_compare){.kind = REGISTRY_IF_REVISION,
                                                       .key = seats_key,
                                                       .revision = effect->write->revision});
    registry_txn_then(ret_txn, (struct registry_action){.kind = REGISTRY_WRITE,
                                                        .key = put->key,
                                                        .value = blob_ref(put->value),
                                                        .lease = put->lease});
    size_t seats = ret_txn->then_count;
    registry_txn_then(ret_txn, (struct registry_action){.kind = REGISTRY_REMOVE, .key = seats_key});
    take_out_all(router, effect->write, &list, ret_txn);
    if (list.count > 0) {
        seats_encode(&list, &json);
        ret_txn->then[seats].kind = REGISTRY_WRITE;
        ret_txn->then[seats].value = blob_new(buf_view(&json));
    }
    registry_txn_otherwise(ret_txn, (struct registry_action){.kind = REGISTRY_READ, .key = put->key});
    registry_txn_otherwise(ret_txn, (struct registry_action){.kind = REGISTRY_READ, .key = seats_key});
    reservations_fini(&list);
    buf_fini(&json);
}

void router_claim_fini(struct registry_txn *txn)
{
    for (size_t i = 0; i < txn->then_count; i++) {
        blob_unref(txn->then[i].value);
        if (i > 1) {
            free((void *)(uintptr_t)txn->then[i].key.data);
        }
    }
}

/* ---- what is answered ---- */

static void step(struct router *router, const struct registry_reply *reply, const struct registry_kv *kv)
{
    struct reservations list = {0};
    struct error err;
    bool readable = kv->found && seats_decode(kv->value, &list, &err) == 0;
    struct str *live = mem_zalloc((list.count + 1) * sizeof(live[0]));
    struct registrar_seats seats = {.revision = kv->found ? kv->mod_revision : 0, .live = live};
    for (size_t i = 0; readable && i < list.count; i++) {
        if (reservation_is_live(&list.items[i], router->now.wall)) {
            live[seats.live_count++] = str_of(list.items[i].id);
        }
    }
    seats.value = kv->found ? blob_new(kv->value) : NULL;
    router_step_registrar(
        router, (struct registrar_event){.type = REGISTRAR_ON_REPLY, .reply = reply, .seats = &seats});
    blob_unref(seats.value);
    free(live);
    reservations_fini(&list);
}

void router_claim_replied(struct router *router, const struct registry_reply *reply)
{
    struct registry_reply shown = *reply;
    if (reply->op == REGISTRY_TXN) {
        shown.op = REGISTRY_PUT;
        if (reply->failure == REGISTRY_OK && !reply->succeeded && reply->item_count == 2) {
            shown.kv = reply->items[0].kv;
            step(router, &shown, &reply->items[1].kv);
            return;
        }
    } else if (reply->op == REGISTRY_GET && reply->id == registrar_facts(router->registrar).seats_request) {
        step(router, &shown, &reply->kv);
        return;
    }
    router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_REPLY, .reply = &shown});
}
