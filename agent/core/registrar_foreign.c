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
