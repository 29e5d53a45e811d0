/* The state of the key, and what replies about the key mean for it. */
#include "registrar_internal.h"

#include <assert.h>
#include <inttypes.h>

/* A change that the watch reported during a request, newer than the answer, has the key read again, at most
 * this often: an external writer in a loop must not cause a loop of reads. */
enum { REREAD_MS = 1000 };

/* ---- the state ---- */

#define TO(state) (1u << KEY_##state)

bool key_may_move(enum key_state from, enum key_state to)
{
    static const unsigned allowed[] = {
        [KEY_UNKNOWN] = TO(SYNCED) | TO(DIRTY) | TO(CONFLICT),
        [KEY_SYNCED] = TO(DIRTY) | TO(MAYBE_WRITTEN) | TO(CONFLICT) | TO(UNKNOWN),
        [KEY_DIRTY] = TO(SYNCED) | TO(MAYBE_WRITTEN) | TO(CONFLICT),
        [KEY_MAYBE_WRITTEN] = TO(SYNCED) | TO(DIRTY) | TO(CONFLICT),
        [KEY_CONFLICT] = TO(SYNCED) | TO(DIRTY),
    };
    return (allowed[from] & 1u << to) != 0;
}

void registrar_set_key_state(struct registrar *registrar, enum key_state state)
{
    struct record_key *key = &registrar->key;
    if (state == key->state) {
        return;
    }
    assert(key_may_move(key->state, state));
    if (key->state == KEY_CONFLICT) {
        registrar_clear_conflict(registrar);
    } else if (key->state == KEY_MAYBE_WRITTEN) {
        blob_unref(key->maybe_written);
        key->maybe_written = NULL;
        key->maybe_written_more = key->maybe_ready = false;
    }
    key->state = state;
}

void registrar_resolve_key(struct registrar *registrar)
{
    const struct blob *wanted = registrar->wanted.value;
    bool same = wanted == NULL || blob_eq(wanted, registrar->key.published);
    registrar_set_key_state(registrar, same ? KEY_SYNCED : KEY_DIRTY);
}

static void keep(struct blob **slot, struct blob *value)
{
    struct blob *kept = blob_ref(value);
    blob_unref(*slot);
    *slot = kept;
}

void registrar_set_published(struct registrar *registrar, struct blob *value, int64_t revision)
{
    keep(&registrar->key.published, value);
    registrar->key.revision = revision;
    registrar->key.forgotten = false;
}

void registrar_forget_key(struct registrar *registrar)
{
    struct record_key *key = &registrar->key;
    registrar_set_published(registrar, NULL, 0);
    key->read_due = NEVER_MS;
    key->repairing = false;
    key->synced_revision = key->pending_revision = 0;
    if (key->state != KEY_UNKNOWN) {
        registrar_resolve_key(registrar);
    }
}

static void add_maybe_written(struct registrar *registrar, const struct key_flight *flight)
{
    struct record_key *key = &registrar->key;
    bool other = key->maybe_written != NULL && !blob_eq(key->maybe_written, flight->value);
    key->maybe_written_more = key->maybe_written_more || other;
    key->maybe_ready = key->maybe_ready || flight->promise == REGISTRAR_PROMISE_READY;
    keep(&key->maybe_written, flight->value);
    registrar_set_key_state(registrar, KEY_MAYBE_WRITTEN);
}

void registrar_flight_clear(struct key_flight *flight)
{
    blob_unref(flight->value);
    *flight = (struct key_flight){0};
}

/* ---- what was read ---- */

static bool is_ours(const struct registrar *registrar, const struct registry_kv *kv)
{
    return !kv->found || registry_lease_is_none(kv->lease) ||
           registry_lease_eq(kv->lease, registrar->lease.id) ||
           registry_lease_eq(kv->lease, registrar->previous_lease);
}

/* The key holds `value` under this lease. */
static void learn_value(struct registrar *registrar, const struct registry_kv *kv)
{
    struct record_key *key = &registrar->key;
    bool known = key->published != NULL;
    bool same = known && str_eq(blob_view(key->published), kv->value);
    bool own_write = key->maybe_written != NULL && str_eq(blob_view(key->maybe_written), kv->value);
    bool changed = known && !same && !own_write;
    /* Of several writes without an answer each may have been done: that is no external change. */
    bool external = changed && !key->maybe_written_more;
    if (external) {
        registrar_count_duplicate(registrar, kv->value);
    }
    if (!same) {
        key->promise = REGISTRAR_PROMISE_READY;
    }
    struct blob *value = blob_new(kv->value);
    registrar_set_published(registrar, value, kv->mod_revision);
    blob_unref(value);
    registrar_resolve_key(registrar);
    /* An unexpected value is replaced without waiting for the interval. */
    registrar->wanted.urgent = registrar->wanted.urgent || changed;
    key->repairing = (key->repairing || external) && key->state == KEY_DIRTY;
}

static void learn(struct registrar *registrar, const struct registry_kv *kv)
{
    struct record_key *key = &registrar->key;
    key->read_due = NEVER_MS;
    key->confirmed_mono = registrar->now.mono;
    if (!is_ours(registrar, kv)) {
        registrar_on_conflict(registrar, kv);
    } else if (kv->found && registry_lease_eq(kv->lease, registrar->lease.id)) {
        learn_value(registrar, kv);
    } else {
        key->repairing = key->repairing || key->published != NULL;
        registrar_set_published(registrar, NULL, kv->found ? kv->mod_revision : 0);
        registrar_resolve_key(registrar);
    }
}

/* ---- replies ---- */

/* The key holds a record of this agent, maybe not the wanted one. */
static void on_standing(struct registrar *registrar)
{
    struct record_key *key = &registrar->key;
    registrar->settled = true;
    if (!key->registered) {
        key->registered = true;
        registrar->registrations++;
        char lease[REGISTRY_LEASE_TEXT_SIZE];
        registrar_note(registrar, REGISTRAR_NOTE_REGISTERED, "%s at revision %" PRId64 " under lease %s",
                       key->name, key->revision, registry_lease_text(registrar->lease.id, lease));
    } else if (key->repairing) {
        registrar_note(registrar, REGISTRAR_NOTE_REPAIRED, "%s at revision %" PRId64, key->name,
                       key->revision);
    }
    key->repairing = false;
    if (key->state == KEY_SYNCED) {
        registrar->wanted.urgent = false;
    }
}

/* The first read after a restart. */
static void on_adoption_read(struct registrar *registrar, const struct registry_kv *kv)
{
    struct record_key *key = &registrar->key;
    if (!kv->found || !registry_lease_eq(kv->lease, registrar->lease.id)) {
        registrar_emit(registrar, REGISTRAR_DO_FRESH);
        return;
    }
    assert(registrar->wanted.value == NULL); /* the server offers nothing while this is undecided */
    key->registered = key->adopted = registrar->settled = true;
    registrar->wanted.value = blob_ref(key->published);
    registrar->wanted.unconfirmed = true;
    if (registrar->goal == REGISTRAR_IDLE) {
        registrar_set_goal(registrar, REGISTRAR_PUBLISH);
    }
    struct str value = queue_copy(registrar->effects, kv->value);
    registrar_emit(registrar, REGISTRAR_DO_ADOPTED)->text = value;
    char lease[REGISTRY_LEASE_TEXT_SIZE];
    registrar_note(registrar, REGISTRAR_NOTE_TAKEN_OVER, "%s at revision %" PRId64 " under lease %s",
                   key->name, kv->mod_revision, registry_lease_text(registrar->lease.id, lease));
}

static void on_read(struct registrar *registrar, const struct registry_reply *reply)
{
    bool adoption = registrar->key.state == KEY_UNKNOWN;
    learn(registrar, &reply->kv);
    if (adoption) {
        on_adoption_read(registrar, &reply->kv);
    } else if (registrar->key.published != NULL && registrar->key.state == KEY_SYNCED) {
        on_standing(registrar); /* a write without an answer had worked */
    }
}

/* The write did not happen, or may not have: its retry waits for the backoff only. */
static void return_slot(struct registrar *registrar, const struct key_flight *flight)
{
    if (flight->op != REGISTRY_PUT) {
        return;
    }
    registrar->wanted.urgent = registrar->wanted.urgent || flight->urgent;
    int64_t *next = &registrar->next_write[flight->rate];
    *next = flight->rate == RATE_INTERVAL ? 0 : *next - URGENT_PERIOD_MS;
}

static void on_put(struct registrar *registrar, const struct registry_reply *reply,
                   const struct key_flight *flight, const struct registrar_seats *seats)
{
    struct record_key *key = &registrar->key;
    if (flight->claims && reply->succeeded) {
        registrar_claims_written(registrar, reply->revision);
    } else if (flight->claims) {
        registrar_claims_missed(registrar, flight, &reply->kv, seats);
        return_slot(registrar, flight);
    }
    if (reply->succeeded) {
        registrar_set_published(registrar, flight->value, reply->revision);
        registrar_resolve_key(registrar);
        key->read_due = NEVER_MS;
        key->confirmed_mono = registrar->now.mono;
    } else {
        registrar->wanted.urgent = registrar->wanted.urgent || flight->urgent;
        /* The request may have arrived twice, and this is the answer to the second. */
        add_maybe_written(registrar, flight);
        learn(registrar, &reply->kv);
        if (key->published == NULL || !blob_eq(key->published, flight->value)) {
            return;
        }
        key->repairing = false;
    }
    key->promise = flight->promise;
    registrar->written_wall = registrar->now.wall;
    on_standing(registrar);
}

/* A change that the watch reported while the request was under way is older than its answer, or newer: then
 * the key is read again. */
static void apply_pending(struct registrar *registrar, const struct registry_reply *reply)
{
    struct record_key *key = &registrar->key;
    int64_t as_of = reply->revision > 0 ? reply->revision : reply->kv.mod_revision;
    bool advanced = as_of >= key->synced_revision;
    key->synced_revision = as_of;
    if (advanced && key->pending_revision > as_of) {
        int64_t earliest = key->reread_mono + REREAD_MS;
        key->reread_mono = earliest > registrar->now.mono ? earliest : registrar->now.mono;
        key->read_due = key->reread_mono;
        registrar->conflict.check_mono = key->reread_mono;
    }
    key->pending_revision = 0;
}

/* Whether the key may be read or written. No answer says nothing of that, but a write that may have been done
 * ends the refusal. */
static void note_refusal(struct registrar *registrar, const struct key_flight *flight,
                         enum registry_failure failure)
{
    if (retry_is_slow(failure)) {
        registrar->stale_ready.refused_mono = registrar->now.mono;
    } else if (flight->op == REGISTRY_PUT) {
        registrar->stale_ready.refused_mono = 0;
    }
}

static void on_failed(struct registrar *registrar, const struct registry_reply *reply,
                      const struct key_flight *flight)
{
    if (flight->claims) {
        registrar_claims_failed(registrar, reply->failure, reply->error);
    }
    if (!flight->claims || !retry_is_slow(reply->failure)) {
        registrar_fail(registrar, &registrar->key_error, reply);
        note_refusal(registrar, flight, reply->failure);
        registrar->key.retry_mono =
            registrar->now.mono + retry_delay(&registrar->key.backoff, reply->failure, &registrar->random);
    } /* else the record alone may be written: that is tried at once, and what was claimed has its answer */
    return_slot(registrar, flight);
    /* A refusal may be that of the second copy of a request that arrived twice. */
    if (flight->op == REGISTRY_PUT && reply->failure != REGISTRY_RETRY) {
        add_maybe_written(registrar, flight);
    }
}

static void on_answered(struct registrar *registrar, const struct registry_reply *reply,
                        const struct key_flight *flight, const struct registrar_seats *seats)
{
    registrar->key.backoff.failures = 0;
    registrar_succeed(registrar, &registrar->key_error);
    note_refusal(registrar, flight, REGISTRY_OK);
    if (flight->op == REGISTRY_LEASE_TTL) {
        registrar_on_conflict_ttl(registrar, reply);
        return;
    }
    if (flight->op == REGISTRY_PUT) {
        on_put(registrar, reply, flight, seats);
    } else {
        on_read(registrar, reply);
    }
    apply_pending(registrar, reply);
}

void registrar_on_key_reply(struct registrar *registrar, const struct registry_reply *reply,
                            const struct registrar_seats *seats)
{
    struct key_flight flight = registrar->key.flight;
    registrar->key.flight = (struct key_flight){0};
    if (reply->failure == REGISTRY_LEASE_LOST) {
        return_slot(registrar, &flight);
        if (flight.claims) {
            registrar_claims_failed(registrar, reply->failure, reply->error);
        }
        registrar_step_lease(registrar, (struct lease_event){.type = LEASE_ON_LOST});
    } else if (reply->failure != REGISTRY_OK) {
        on_failed(registrar, reply, &flight);
    } else {
        on_answered(registrar, reply, &flight, seats);
    }
    blob_unref(flight.value);
}

/* ---- what the watch reports ---- */

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
           key->state != KEY_UNKNOWN && registrar_stays(registrar);
}

void registrar_on_changed(struct registrar *registrar, const struct registry_change *change)
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
        key->read_due = registrar->now.mono; /* it may be the write without an answer */
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
    learn(registrar, &kv);
    if (key->retry_mono - registrar->now.mono <= RETRY_CAP_MS) {
        key->retry_mono = 0; /* the registry answers: no backoff is waited for, only the slow retry */
    }
    if (vanished) {
        /* Mostly deleted with its lease. A keepalive asks that more cheaply than a write: etcd's leader answers
         * it from memory, while a write under a lost lease goes to every member's disk before it is refused, for
         * every agent of a fleet when all leases end at once. */
        registrar_step_lease(registrar, (struct lease_event){.type = LEASE_ON_SUSPECT});
    }
}

void registrar_on_read_back(struct registrar *registrar, int64_t revision)
{
    struct record_key *key = &registrar->key;
    if (key->flight.id != 0 || !lease_is_held(registrar->lease.state)) {
        keep_for_later(key, revision);
    } else if (key->synced_revision != revision) {
        /* An older revision may come from a member that lags, or from a store that was restored. */
        if (key->published != NULL || key->read_due != NEVER_MS) {
            key->read_due = registrar->now.mono;
        }
        registrar->conflict.check_mono = registrar->now.mono;
    }
}
