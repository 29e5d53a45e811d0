/* When another living lease holds our key: nothing is written, the holder is named, and its end is waited
 * for. */
#include "registrar_internal.h"

#include <inttypes.h>

void registrar_meet_foreign(struct registrar *registrar, const struct registry_kv *kv,
                            const struct instant *now, struct queue *effects)
{
    if (registrar->foreign_lease != kv->lease) {
        registrar->foreign_told = false;
        registrar->foreign_left = -1;
    }
    registrar->repairing = registrar->repairing || registrar->published != NULL;
    registrar_refresh_foreign(registrar, kv);
    registrar->foreign_lease = kv->lease;
    registrar->foreign_check = now->mono;
    struct registrar_effect *effect = queue_push(effects);
    effect->type = REGISTRAR_DO_REQUEST;
    effect->request = (struct registry_request){.id = ++registrar->next_id,
                                                .op = REGISTRY_LEASE_TTL,
                                                .lease = kv->lease,
                                                .timeout_ms = registrar->request_timeout_ms};
    registrar->key_flight = (struct flight){.id = registrar->next_id, .op = REGISTRY_LEASE_TTL};
}

void registrar_refresh_foreign(struct registrar *registrar, const struct registry_kv *kv)
{
    blob_unref(registrar->foreign_value);
    registrar->foreign_value = blob_new(kv->value);
    registrar_set_published(registrar, NULL, kv->mod_revision);
}

void registrar_forget_foreign(struct registrar *registrar)
{
    registrar->foreign_lease = 0;
    registrar->foreign_left = -1;
    blob_unref(registrar->foreign_value);
    registrar->foreign_value = NULL;
}

/* The holder may renew, so its end is a guess: look again when it could be over, at least every 5 s. */
void registrar_foreign_lives(struct registrar *registrar, const struct registry_reply *reply,
                             const struct instant *now, struct queue *effects)
{
    registrar->foreign_left = reply->ttl_ms;
    int64_t wait = reply->ttl_ms < 0 ? 0 : reply->ttl_ms;
    wait = wait > RETRY_CAP_MS ? RETRY_CAP_MS : wait;
    registrar->foreign_check = now->mono + wait + 1 + (int64_t)random_below(&registrar->random, 500);
    if (!registrar->foreign_told) {
        struct str value = blob_view(registrar->foreign_value);
        registrar->foreign_told = true;
        registrar_note(effects, REGISTRAR_NOTE_FOREIGN,
                       "%s is held under lease %" PRIx64 ", %" PRId64 " ms left, by: %.*s", registrar->key,
                       (uint64_t)registrar->foreign_lease, registrar->foreign_left,
                       value.size > 160 ? 160 : (int)value.size, value.size > 0 ? value.data : "");
    }
}

void registrar_meet_twin(struct registrar *registrar, struct str value, const struct instant *now)
{
    if (registrar->twin_writes == 0 || now->mono - registrar->twin_since > TWIN_WITHIN_MS) {
        registrar->twin_writes = 0;
        registrar->twin_since = now->mono;
        registrar->twin_most = TWIN_LEAST + (unsigned)random_below(&registrar->random, TWIN_SPREAD);
    }
    registrar->twin_writes++;
    blob_unref(registrar->twin_value);
    registrar->twin_value = blob_new(value);
}

/* The lease is not revoked: it is his, too, and his record would go with it. It is no lease of ours before
 * either, so that the key is another holder's as long as he keeps it. */
void registrar_part_from_twin(struct registrar *registrar, struct queue *effects)
{
    bool leaving = registrar->leaving || registrar->withdrawing;
    if (registrar->twin_writes < registrar->twin_most || registrar->twin_writes == 0 || leaving) {
        return;
    }
    struct str his = blob_view(registrar->twin_value), ours = blob_view(registrar->wanted);
    registrar_note(
        effects, REGISTRAR_NOTE_TWIN, "lease %" PRIx64 " is left to him; his record: %.*s ours: %.*s",
        (uint64_t)registrar->lease, his.size > 100 ? 100 : (int)his.size, his.size > 0 ? his.data : "",
        ours.size > 100 ? 100 : (int)ours.size, ours.size > 0 ? ours.data : "");
    if (registrar->adopting || registrar->adopted) {
        registrar->adopting = registrar->adopted = false;
        registrar_tell(effects, REGISTRAR_DO_FRESH);
    }
    registrar_land(&registrar->lease_flight);
    registrar_drop_lease(registrar, effects);
    registrar->previous_lease = 0;
    registrar->twin_writes = 0;
}
