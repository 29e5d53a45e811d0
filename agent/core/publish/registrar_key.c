/* The state of the key, and what replies about the key mean for it. */
#include "registrar_internal.h"

#include <assert.h>
#include <inttypes.h>

/* A change that the watch reported during a request, newer than the answer, has the key read again, at most
 * this often: an external writer in a loop must not cause a loop of reads. */
enum { REREAD_MS = 1000 };

/* ---- the state ---- */

bool key_may_move(enum key_state from, enum key_state to)
{
    enum {
        SYNCED = 1u << KEY_SYNCED,
        DIRTY = 1u << KEY_DIRTY,
        MAYBE_WRITTEN = 1u << KEY_MAYBE_WRITTEN,
        CONFLICT = 1u << KEY_CONFLICT,
        UNKNOWN = 1u << KEY_UNKNOWN
    };
    static const unsigned allowed[] = {
        [KEY_UNKNOWN] = SYNCED | DIRTY | CONFLICT,
        [KEY_SYNCED] = DIRTY | MAYBE_WRITTEN | CONFLICT | UNKNOWN,
        [KEY_DIRTY] = SYNCED | MAYBE_WRITTEN | CONFLICT,
        [KEY_MAYBE_WRITTEN] = SYNCED | DIRTY | CONFLICT,
        [KEY_CONFLICT] = SYNCED | DIRTY,
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
        key->maybe_written_more = false;
    }
    key->state = state;
}

void registrar_resolve_key(struct registrar *registrar)
{
    const struct blob *wanted = registrar->wanted.value;
    bool same = wanted == NULL || blob_eq(wanted, registrar->key.published);
    registrar_set_key_state(registrar, same ? KEY_SYNCED : KEY_DIRTY);
}

void registrar_compare_key(struct registrar *registrar)
{
    if (registrar->key.state == KEY_SYNCED || registrar->key.state == KEY_DIRTY) {
        registrar_resolve_key(registrar);
    }
}

void registrar_set_published(struct registrar *registrar, struct blob *value, int64_t revision)
{
    struct blob *kept = blob_ref(value);
    blob_unref(registrar->key.published);
    registrar->key.published = kept;
    registrar->key.revision = revision;
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

static void add_maybe_written(struct registrar *registrar, struct blob *value)
{
    struct record_key *key = &registrar->key;
    bool other = key->maybe_written != NULL && !blob_eq(key->maybe_written, value);
    key->maybe_written_more = key->maybe_written_more || other;
    struct blob *kept = blob_ref(value);
    blob_unref(key->maybe_written);
    key->maybe_written = kept;
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
static void learn_value(struct registrar *registrar, const struct registry_kv *kv, const struct instant *now)
{
    struct record_key *key = &registrar->key;
    bool known = key->published != NULL;
    bool same = known && str_eq(blob_view(key->published), kv->value);
    bool own_write = key->maybe_written != NULL && str_eq(blob_view(key->maybe_written), kv->value);
    bool changed = known && !same && !own_write;
    /* Of several writes without an answer each may have been done: that is no external change. */
    bool external = changed && !key->maybe_written_more;
    if (external) {
        registrar_count_duplicate(registrar, kv->value, now);
    }
    if (!same) {
        key->claim = REGISTRAR_CLAIM_READY;
    }
    struct blob *value = blob_new(kv->value);
    registrar_set_published(registrar, value, kv->mod_revision);
    blob_unref(value);
    registrar_resolve_key(registrar);
    /* An unexpected value is replaced without waiting for the interval. */
    registrar->wanted.urgent = registrar->wanted.urgent || changed;
    key->repairing = (key->repairing || external) && key->state == KEY_DIRTY;
}

void registrar_learn(struct registrar *registrar, const struct registry_kv *kv, const struct instant *now)
{
    struct record_key *key = &registrar->key;
    key->read_due = NEVER_MS;
    key->confirmed_mono = now->mono;
    if (!is_ours(registrar, kv)) {
        registrar_on_conflict(registrar, kv, now);
    } else if (kv->found && registry_lease_eq(kv->lease, registrar->lease.id)) {
        learn_value(registrar, kv, now);
    } else {
        key->repairing = key->repairing || key->published != NULL;
        registrar_set_published(registrar, NULL, kv->found ? kv->mod_revision : 0);
        registrar_resolve_key(registrar);
    }
}

/* ---- replies ---- */

/* The key holds a record of this agent, maybe not the wanted one. */
static void on_standing(struct registrar *registrar, struct queue *effects)
{
    struct record_key *key = &registrar->key;
    registrar->settled = true;
    if (!key->registered) {
        key->registered = true;
        registrar->registrations++;
        char lease[REGISTRY_LEASE_TEXT_SIZE];
        registrar_note(effects, REGISTRAR_NOTE_REGISTERED, "%s at revision %" PRId64 " under lease %s",
                       key->name, key->revision, registry_lease_text(registrar->lease.id, lease));
    } else if (key->repairing) {
        registrar_note(effects, REGISTRAR_NOTE_REPAIRED, "%s at revision %" PRId64, key->name, key->revision);
    }
    key->repairing = false;
    if (key->state == KEY_SYNCED) {
        registrar->wanted.urgent = false;
    }
}

/* The first read after a restart. */
static void on_adoption_read(struct registrar *registrar, const struct registry_kv *kv, struct queue *effects)
{
    struct record_key *key = &registrar->key;
    if (!kv->found || !registry_lease_eq(kv->lease, registrar->lease.id)) {
        registrar_emit(effects, REGISTRAR_DO_FRESH);
        return;
    }
    assert(registrar->wanted.value == NULL); /* the server offers nothing while this is undecided */
    key->registered = key->adopted = registrar->settled = true;
    registrar->wanted.value = blob_ref(key->published);
    registrar->wanted.unconfirmed = true;
    if (registrar->goal == REGISTRAR_IDLE) {
        registrar_set_goal(registrar, REGISTRAR_PUBLISH);
    }
    struct str value = queue_copy(effects, kv->value);
    struct registrar_effect *effect = queue_push(effects);
    effect->type = REGISTRAR_DO_ADOPTED;
    effect->text = value;
    char lease[REGISTRY_LEASE_TEXT_SIZE];
    registrar_note(effects, REGISTRAR_NOTE_TAKEN_OVER, "%s at revision %" PRId64 " under lease %s", key->name,
                   kv->mod_revision, registry_lease_text(registrar->lease.id, lease));
}

static void on_read(struct registrar *registrar, const struct registry_reply *reply,
                    const struct instant *now, struct queue *effects)
{
    bool adoption = registrar->key.state == KEY_UNKNOWN;
    registrar_learn(registrar, &reply->kv, now);
    if (adoption) {
        on_adoption_read(registrar, &reply->kv, effects);
    } else if (registrar->key.published != NULL && registrar->key.state == KEY_SYNCED) {
        on_standing(registrar, effects); /* a write without an answer had worked */
    }
}

static void on_put(struct registrar *registrar, const struct registry_reply *reply,
                   const struct key_flight *flight, const struct instant *now, struct queue *effects)
{
    struct record_key *key = &registrar->key;
    if (reply->succeeded) {
        registrar_set_published(registrar, flight->value, reply->revision);
        registrar_resolve_key(registrar);
        key->read_due = NEVER_MS;
        key->confirmed_mono = now->mono;
    } else {
        registrar->wanted.urgent = registrar->wanted.urgent || flight->urgent;
        /* The request may have arrived twice, and this is the answer to the second. */
        add_maybe_written(registrar, flight->value);
        registrar_learn(registrar, &reply->kv, now);
        if (key->published == NULL || !blob_eq(key->published, flight->value)) {
            return;
        }
        key->repairing = false;
    }
    key->claim = flight->claim;
    registrar->written_wall = now->wall;
    on_standing(registrar, effects);
}

/* The write did not happen, or may not have: its retry waits for the backoff only. */
static void return_slot(struct registrar *registrar, const struct key_flight *flight)
{
    if (flight->op != REGISTRY_PUT) {
        return;
    }
    registrar->wanted.urgent = registrar->wanted.urgent || flight->urgent;
    if (flight->bucket != NULL) {
        *flight->bucket -= URGENT_PERIOD_MS;
    } else {
        registrar->rates.interval_until = 0;
    }
}

/* A change that the watch reported while the request was under way is older than its answer, or newer: then
 * the key is read again. */
static void apply_pending(struct registrar *registrar, const struct registry_reply *reply,
                          const struct instant *now)
{
    struct record_key *key = &registrar->key;
    int64_t as_of = reply->revision > 0 ? reply->revision : reply->kv.mod_revision;
    bool advanced = as_of >= key->synced_revision;
    key->synced_revision = as_of;
    if (advanced && key->pending_revision > as_of) {
        int64_t earliest = key->reread_mono + REREAD_MS;
        key->reread_mono = earliest > now->mono ? earliest : now->mono;
        key->read_due = key->reread_mono;
        registrar->conflict.check_mono = key->reread_mono;
    }
    key->pending_revision = 0;
}

/* Whether the key may be read or written. No answer says nothing of that, but a write that may have been done
 * ends the refusal. */
static void note_refusal(struct registrar *registrar, const struct key_flight *flight,
                         enum registry_failure failure, const struct instant *now)
{
    if (retry_is_slow(failure)) {
        registrar->stale_ready.refused_mono = now->mono;
    } else if (flight->op == REGISTRY_PUT) {
        registrar->stale_ready.refused_mono = 0;
    }
}

static void on_failed(struct registrar *registrar, const struct registry_reply *reply,
                      const struct key_flight *flight, const struct instant *now, struct queue *effects)
{
    registrar_fail(registrar, &registrar->key_error, reply, now, effects);
    note_refusal(registrar, flight, reply->failure, now);
    registrar->key.retry_mono =
        now->mono + retry_delay(&registrar->key.backoff, reply->failure, &registrar->random);
    return_slot(registrar, flight);
    if (flight->op == REGISTRY_PUT && reply->failure == REGISTRY_UNKNOWN) {
        add_maybe_written(registrar, flight->value);
    }
}

static void on_answered(struct registrar *registrar, const struct registry_reply *reply,
                        const struct key_flight *flight, const struct instant *now, struct queue *effects)
{
    backoff_reset(&registrar->key.backoff);
    registrar_succeed(registrar, &registrar->key_error, now, effects);
    note_refusal(registrar, flight, REGISTRY_OK, now);
    if (flight->op == REGISTRY_LEASE_TTL) {
        registrar_on_conflict_ttl(registrar, reply, now, effects);
        return;
    }
    if (flight->op == REGISTRY_PUT) {
        on_put(registrar, reply, flight, now, effects);
    } else {
        on_read(registrar, reply, now, effects);
    }
    apply_pending(registrar, reply, now);
}

void registrar_on_key_reply(struct registrar *registrar, const struct registry_reply *reply,
                            const struct instant *now, struct queue *effects)
{
    struct key_flight flight = registrar->key.flight;
    registrar->key.flight = (struct key_flight){0};
    if (reply->failure == REGISTRY_LEASE_LOST) {
        return_slot(registrar, &flight);
        registrar_step_lease(registrar, (struct lease_event){.type = LEASE_ON_LOST, .now = *now}, effects);
    } else if (reply->failure != REGISTRY_OK) {
        on_failed(registrar, reply, &flight, now, effects);
    } else {
        on_answered(registrar, reply, &flight, now, effects);
    }
    blob_unref(flight.value);
}
