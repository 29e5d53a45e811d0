/* When another living lease holds our key: nothing is written, the holder is named, and its end is waited
 * for. */
#include "registrar_internal.h"

#include <inttypes.h>

void registrar_on_conflict(struct registrar *registrar, const struct registry_kv *kv,
                           const struct instant *now, struct queue *effects)
{
    if (!registry_lease_eq(registrar->conflict_lease, kv->lease)) {
        registrar->conflict_logged = false;
        registrar->conflict_left = -1;
    }
    registrar->repairing = registrar->repairing || registrar->published != NULL;
    registrar_refresh_conflict(registrar, kv);
    registrar->conflict_lease = kv->lease;
    registrar->conflict_check = now->mono;
    struct registrar_effect *effect = queue_push(effects);
    effect->type = REGISTRAR_DO_REQUEST;
    effect->request = (struct registry_request){.id = ++registrar->next_id,
                                                .op = REGISTRY_LEASE_TTL,
                                                .lease = kv->lease,
                                                .timeout_ms = registrar->request_timeout_ms};
    registrar->key_flight = (struct flight){.id = registrar->next_id, .op = REGISTRY_LEASE_TTL};
}

void registrar_refresh_conflict(struct registrar *registrar, const struct registry_kv *kv)
{
    blob_unref(registrar->conflict_value);
    registrar->conflict_value = blob_new(kv->value);
    registrar_set_published(registrar, NULL, kv->mod_revision);
}

void registrar_clear_conflict(struct registrar *registrar)
{
    registrar->conflict_lease = (struct registry_lease){0};
    registrar->conflict_left = -1;
    blob_unref(registrar->conflict_value);
    registrar->conflict_value = NULL;
}

/* The holder may renew, so its end is a guess: look again when it could be over, at least every 5 s. */
void registrar_conflict_lives(struct registrar *registrar, const struct registry_reply *reply,
                              const struct instant *now, struct queue *effects)
{
    bool ends = reply->ttl_ms < 0; /* otherwise without ttl_known it lives, until nobody knows when */
    registrar->conflict_left = reply->ttl_known || ends ? reply->ttl_ms : -1;
    int64_t wait = ends ? 0 : reply->ttl_known ? reply->ttl_ms : RETRY_CAP_MS;
    wait = wait > RETRY_CAP_MS ? RETRY_CAP_MS : wait;
    registrar->conflict_check = now->mono + wait + 1 + (int64_t)random_below(&registrar->random, 500);
    if (!registrar->conflict_logged) {
        struct str value = blob_view(registrar->conflict_value);
        registrar->conflict_logged = true;
        char lease[REGISTRY_LEASE_TEXT_SIZE];
        registrar_note(effects, REGISTRAR_NOTE_CONFLICT,
                       "%s is held under lease %s, %" PRId64 " ms left, by: %.*s", registrar->key,
                       registry_lease_text(registrar->conflict_lease, lease), registrar->conflict_left,
                       value.size > 160 ? 160 : (int)value.size, value.size > 0 ? value.data : "");
    }
}

void registrar_count_duplicate_write(struct registrar *registrar, struct str value, const struct instant *now)
{
    if (registrar->duplicate_writes == 0 || now->mono - registrar->duplicate_since > DUPLICATE_WINDOW_MS) {
        registrar->duplicate_writes = 0;
        registrar->duplicate_since = now->mono;
        registrar->duplicate_limit =
            DUPLICATE_WRITES_MIN + (unsigned)random_below(&registrar->random, DUPLICATE_WRITES_SPREAD);
    }
    registrar->duplicate_writes++;
    blob_unref(registrar->duplicate_value);
    registrar->duplicate_value = blob_new(value);
}

/* The lease is not revoked: it is his, too, and his record would go with it. It is no lease of ours before
 * either, so that the key is another holder's as long as he keeps it. */
void registrar_leave_shared_lease(struct registrar *registrar, struct queue *effects)
{
    bool leaving = registrar->leaving || registrar->withdrawing;
    if (registrar->duplicate_writes < registrar->duplicate_limit || registrar->duplicate_writes == 0 ||
        leaving) {
        return;
    }
    struct str his = blob_view(registrar->duplicate_value), ours = blob_view(registrar->wanted);
    char lease[REGISTRY_LEASE_TEXT_SIZE];
    registrar_note(
        effects, REGISTRAR_NOTE_DUPLICATE_AGENT, "lease %s is left to him; his record: %.*s ours: %.*s",
        registry_lease_text(registrar->lease, lease), his.size > 100 ? 100 : (int)his.size,
        his.size > 0 ? his.data : "", ours.size > 100 ? 100 : (int)ours.size, ours.size > 0 ? ours.data : "");
    if (registrar->adopting || registrar->adopted) {
        registrar->adopting = registrar->adopted = false;
        registrar_emit(effects, REGISTRAR_DO_FRESH);
    }
    registrar_flight_clear(&registrar->lease_flight);
    registrar_drop_lease(registrar, effects);
    registrar->previous_lease = (struct registry_lease){0};
    registrar->duplicate_writes = 0;
}
