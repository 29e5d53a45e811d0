/* Other writers of the key: another living lease, or another agent under the same lease. */
#include "registrar_internal.h"

#include "outrider/base/duration.h"

enum { CHECK_SPREAD_MS = 500 };
enum { WRITES_MIN = 12, WRITES_SPREAD = 6, WINDOW_MS = 20000 };
/* Bytes of another agent's record in the log. */
enum { LOGGED_MAX = 160, LOGGED_TWO_MAX = 100 };

static struct str beginning(struct str value, size_t size)
{
    return (struct str){value.data, value.size > size ? size : value.size};
}

/* ---- another lease: nothing is written, the holder is reported, and its end is waited for ---- */

void registrar_clear_conflict(struct registrar *registrar)
{
    blob_unref(registrar->conflict.value);
    registrar->conflict = (struct conflict){.left_ms = -1};
}

void registrar_on_conflict(struct registrar *registrar, const struct registry_kv *kv)
{
    struct conflict *conflict = &registrar->conflict;
    bool another = !registry_lease_eq(conflict->lease, kv->lease);
    bool overwritten = registrar->key.published != NULL;
    registrar->key.repairing = registrar->key.repairing || registrar->key.published != NULL;
    registrar_set_key_state(registrar, KEY_CONFLICT);
    registrar_refresh_conflict(registrar, kv);
    conflict->lease = kv->lease;
    conflict->check_mono = registrar->now.mono;
    conflict->asked = false;
    if (another) {
        char lease[REGISTRY_LEASE_TEXT_SIZE];
        struct str value = beginning(kv->value, LOGGED_MAX);
        registrar_note(registrar, REGISTRAR_NOTE_CONFLICT, "%s %s under lease %s; its record: %.*s",
                       registrar->key.name, overwritten ? "was written over" : "is",
                       registry_lease_text(kv->lease, lease), STR_ARG(value));
        registrar->conflicts++;
        conflict->left_logged = false;
        conflict->left_ms = -1;
    }
}

void registrar_refresh_conflict(struct registrar *registrar, const struct registry_kv *kv)
{
    blob_unref(registrar->conflict.value);
    registrar->conflict.value = blob_new(kv->value);
    registrar_set_published(registrar, NULL, kv->mod_revision);
}

/* The holder may renew, so its end is a guess: the key is read again when it could be over, at least every
 * RETRY_CAP_MS. */
void registrar_on_conflict_ttl(struct registrar *registrar, const struct registry_reply *reply)
{
    struct conflict *conflict = &registrar->conflict;
    if (registrar->key.state != KEY_CONFLICT) {
        return; /* forgotten meanwhile: another cluster answers */
    }
    bool ended = reply->ttl_ms < 0;
    int64_t wait = ended ? 0 : reply->ttl_known ? reply->ttl_ms : RETRY_CAP_MS;
    wait = wait > RETRY_CAP_MS ? RETRY_CAP_MS : wait;
    conflict->left_ms = reply->ttl_known || ended ? reply->ttl_ms : -1;
    conflict->check_mono =
        registrar->now.mono + wait + 1 + (int64_t)random_below(&registrar->random, CHECK_SPREAD_MS);
    if (conflict->left_ms >= 0 && !conflict->left_logged) {
        char lease[REGISTRY_LEASE_TEXT_SIZE], span[32];
        conflict->left_logged = true;
        registrar_note(registrar, REGISTRAR_NOTE_CONFLICT_LEFT, "lease %s ends in %s",
                       registry_lease_text(conflict->lease, lease), duration_human(conflict->left_ms, span));
    }
}

/* ---- another agent under the same lease ----
 *
 * It has a copy of this one's state_dir: each repairs what the other writes. An operator does not write that often.
 * Each agent bears a random number of such writes, so that mostly one lets go before the other
 * (docs/design/protocol.md, "Key ownership"). */

void registrar_count_duplicate(struct registrar *registrar, struct str value)
{
    struct duplicate_agent *duplicate = &registrar->duplicate;
    if (duplicate->writes == 0 || registrar->now.mono - duplicate->since_mono > WINDOW_MS) {
        duplicate->writes = 0;
        duplicate->since_mono = registrar->now.mono;
        duplicate->limit = WRITES_MIN + (unsigned)random_below(&registrar->random, WRITES_SPREAD);
    }
    duplicate->writes++;
    blob_unref(duplicate->value);
    duplicate->value = blob_new(value);
}

void registrar_check_duplicate(struct registrar *registrar)
{
    struct duplicate_agent *duplicate = &registrar->duplicate;
    if (duplicate->writes == 0 || duplicate->writes < duplicate->limit || !registrar_stays(registrar)) {
        return;
    }
    struct str other = beginning(blob_view(duplicate->value), LOGGED_TWO_MAX);
    struct str own = beginning(blob_view(registrar->wanted.value), LOGGED_TWO_MAX);
    char lease[REGISTRY_LEASE_TEXT_SIZE];
    registrar_note(registrar, REGISTRAR_NOTE_DUPLICATE_AGENT,
                   "lease %s is left to it; its record: %.*s own record: %.*s",
                   registry_lease_text(registrar->lease.id, lease), STR_ARG(other), STR_ARG(own));
    duplicate->writes = 0;
    /* A revoke would take the other agent's record as well. */
    registrar_step_lease(registrar, (struct lease_event){.type = LEASE_ON_ABANDON});
}
