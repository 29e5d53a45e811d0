/* Another living lease holds the key: nothing is written, the holder is reported, and its end is waited for. */
#include "registrar_internal.h"

#include <inttypes.h>
#include <stdio.h>

enum { CHECK_SPREAD_MS = 500, VALUE_LOGGED_MAX = 160 };

void registrar_clear_conflict(struct registrar *registrar)
{
    blob_unref(registrar->conflict.value);
    registrar->conflict = (struct conflict){.left_ms = -1};
}

void registrar_on_conflict(struct registrar *registrar, const struct registry_kv *kv,
                           const struct instant *now)
{
    struct conflict *conflict = &registrar->conflict;
    if (!registry_lease_eq(conflict->lease, kv->lease)) {
        conflict->logged = false;
        conflict->left_ms = -1;
    }
    registrar->key.repairing = registrar->key.repairing || registrar->key.published != NULL;
    registrar_set_key_state(registrar, KEY_CONFLICT);
    registrar_refresh_conflict(registrar, kv);
    conflict->lease = kv->lease;
    conflict->check_mono = now->mono;
    conflict->asked = false;
}

void registrar_refresh_conflict(struct registrar *registrar, const struct registry_kv *kv)
{
    blob_unref(registrar->conflict.value);
    registrar->conflict.value = blob_new(kv->value);
    registrar_set_published(registrar, NULL, kv->mod_revision);
}

static void log_conflict(const struct registrar *registrar, struct queue *effects)
{
    const struct conflict *conflict = &registrar->conflict;
    struct str value = blob_view(conflict->value);
    char lease[REGISTRY_LEASE_TEXT_SIZE], end[64] = "";
    if (conflict->left_ms >= 0) {
        snprintf(end, sizeof(end), ", which ends in %" PRId64 " ms", conflict->left_ms);
    }
    registrar_note(effects, REGISTRAR_NOTE_CONFLICT, "%s is under lease %s%s; its record: %.*s",
                   registrar->key.name, registry_lease_text(conflict->lease, lease), end,
                   value.size > VALUE_LOGGED_MAX ? VALUE_LOGGED_MAX : (int)value.size,
                   value.size > 0 ? value.data : "");
}

/* The holder may renew, so its end is a guess: the key is read again when it could be over, at least every
 * RETRY_CAP_MS. */
void registrar_on_conflict_ttl(struct registrar *registrar, const struct registry_reply *reply,
                               const struct instant *now, struct queue *effects)
{
    struct conflict *conflict = &registrar->conflict;
    if (registrar->key.state != KEY_CONFLICT) {
        return; /* forgotten meanwhile: another cluster answers */
    }
    bool ended = reply->ttl_ms < 0;
    int64_t wait = ended ? 0 : reply->ttl_known ? reply->ttl_ms : RETRY_CAP_MS;
    wait = wait > RETRY_CAP_MS ? RETRY_CAP_MS : wait;
    conflict->left_ms = reply->ttl_known || ended ? reply->ttl_ms : -1;
    conflict->check_mono = now->mono + wait + 1 + (int64_t)random_below(&registrar->random, CHECK_SPREAD_MS);
    if (!conflict->logged) {
        conflict->logged = true;
        log_conflict(registrar, effects);
    }
}
