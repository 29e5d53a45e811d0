/* What the watch of the key reports. */
#include "registrar_internal.h"

static void keep_for_later(struct record_key *key, int64_t revision)
{
    key->pending_revision = revision > key->pending_revision ? revision : key->pending_revision;
}

/* Whether a change can be applied now; otherwise the answer under way, or the next one, decides. */
static bool can_apply(const struct registrar *registrar)
{
    const struct record_key *key = &registrar->key;
    bool seen = key->registered || key->published != NULL || key->state == KEY_CONFLICT;
    return seen && lease_is_held(registrar->lease.state) && key->flight.id == 0 &&
           key->state != KEY_UNKNOWN &&
           (registrar->goal == REGISTRAR_IDLE || registrar->goal == REGISTRAR_PUBLISH);
}

void registrar_on_changed(struct registrar *registrar, const struct registry_change *change,
                          const struct instant *now, struct queue *effects)
{
    struct record_key *key = &registrar->key;
    int64_t revision = change->mod_revision;
    if (revision <= key->synced_revision) {
        return; /* an own write, or what a read has seen already */
    }
    if (!can_apply(registrar)) {
        keep_for_later(key, revision);
        return;
    }
    if (key->state == KEY_MAYBE_WRITTEN) {
        key->read_due = now->mono; /* it may be the write without an answer */
        return;
    }
    key->synced_revision = revision;
    struct registry_kv kv = {.found = !change->deleted,
                             .value = change->value,
                             .mod_revision = change->deleted ? 0 : revision,
                             .create_revision = change->create_revision,
                             .lease = change->deleted ? (struct registry_lease){0} : change->lease};
    if (kv.found && key->state == KEY_CONFLICT && registry_lease_eq(kv.lease, registrar->conflict.lease)) {
        registrar_refresh_conflict(registrar, &kv); /* how long it lives is asked in its own time */
        return;
    }
    bool vanished = change->deleted && key->published != NULL;
    registrar_learn(registrar, &kv, now);
    if (key->retry_mono - now->mono <= RETRY_CAP_MS) {
        key->retry_mono = 0; /* the registry answers: no backoff is waited for, only the slow retry */
    }
    if (vanished) {
        /* Mostly deleted with its lease. A keepalive asks that more cheaply than a write: etcd's leader answers
         * it from memory, while a write under a lost lease goes to every member's disk before it is refused, for
         * every agent of a fleet when all leases end at once. */
        registrar_step_lease(registrar, (struct lease_event){.type = LEASE_ON_SUSPECT, .now = *now}, effects);
    }
}

void registrar_on_read_back(struct registrar *registrar, int64_t revision, const struct instant *now)
{
    struct record_key *key = &registrar->key;
    if (key->flight.id != 0 || !lease_is_held(registrar->lease.state)) {
        keep_for_later(key, revision);
    } else if (key->synced_revision != revision) {
        /* An older revision may come from a member that lags, or from a store that was restored. */
        if (key->published != NULL || key->read_due != NEVER_MS) {
            key->read_due = now->mono;
        }
        registrar->conflict.check_mono = now->mono;
    }
}
