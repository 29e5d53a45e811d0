/* What an answer about the key means, and what the watch tells of it. */
#include "registrar_internal.h"

#include "outrider/base/mem.h"

#include <assert.h>
#include <inttypes.h>

static bool ours(const struct registrar *registrar, const struct registry_kv *kv)
{
    return !kv->found || registry_lease_is_none(kv->lease) ||
           registry_lease_eq(kv->lease, registrar->lease) ||
           registry_lease_eq(kv->lease, registrar->previous_lease);
}

static void in_sync(struct registrar *registrar, struct queue *effects)
{
    registrar->ever_settled = true;
    if (!registrar->registered) {
        registrar->registered = true;
        registrar->registrations++;
        char lease[REGISTRY_LEASE_TEXT_SIZE];
        registrar_note(effects, REGISTRAR_NOTE_REGISTERED, "%s at revision %" PRId64 " under lease %s",
                       registrar->key, registrar->revision, registry_lease_text(registrar->lease, lease));
    } else if (registrar->repairing) {
        registrar_note(effects, REGISTRAR_NOTE_REPAIRED, "%s at revision %" PRId64, registrar->key,
                       registrar->revision);
    }
    registrar->repairing = false;
    if (!registrar_dirty(registrar)) {
        registrar->wanted_urgent = false;
    }
}

/* The key is as `kv` says. */
static void learn(struct registrar *registrar, const struct registry_kv *kv, const struct instant *now,
                  struct queue *effects)
{
    registrar->verify = false;
    registrar->confirmed_mono = now->mono;
    if (!ours(registrar, kv)) {
        registrar_on_conflict(registrar, kv, now, effects);
        return;
    }
    registrar_clear_conflict(registrar);
    if (kv->found && registry_lease_eq(kv->lease, registrar->lease)) {
        bool own_write =
            registrar->maybe_written != NULL && str_eq(blob_view(registrar->maybe_written), kv->value);
        bool changed =
            registrar->published != NULL && !own_write && !str_eq(blob_view(registrar->published), kv->value);
        /* Of several writes without an answer any may have been done: nobody is accused of it. */
        bool by_others = changed && !registrar->maybe_written_more;
        registrar->repairing = registrar->repairing || by_others;
        if (by_others) {
            registrar_count_duplicate_write(registrar, kv->value, now);
        }
        if (registrar->published == NULL || !str_eq(blob_view(registrar->published), kv->value)) {
            registrar->published_claim = REGISTRAR_CLAIM_READY;
        }
        struct blob *value = blob_new(kv->value);
        registrar_set_published(registrar, value, kv->mod_revision);
        blob_unref(value);
        /* What is there is ours, but not what we last knew: writing it right waits for no interval. */
        registrar->wanted_urgent = registrar->wanted_urgent || changed;
        registrar->repairing = registrar->repairing && registrar_dirty(registrar);
    } else {
        registrar->repairing = registrar->repairing || registrar->published != NULL;
        registrar_set_published(registrar, NULL, kv->found ? kv->mod_revision : 0);
    }
}

static void on_adopt_read(struct registrar *registrar, const struct registry_kv *kv, struct queue *effects)
{
    registrar->adopting = false;
    if (kv->found && registry_lease_eq(kv->lease, registrar->lease)) {
        registrar->registered = registrar->ever_settled = registrar->adopted = true;
        registrar->unconfirmed = true;
        assert(registrar->wanted == NULL); /* the server is silent while this is undecided */
        registrar->wanted = blob_ref(registrar->published);
        struct registrar_effect *effect = queue_push(effects);
        effect->type = REGISTRAR_DO_ADOPTED;
        effect->text = queue_copy(effects, kv->value);
        char lease[REGISTRY_LEASE_TEXT_SIZE];
        registrar_note(effects, REGISTRAR_NOTE_TAKEN_OVER, "%s stands at revision %" PRId64 " under lease %s",
                       registrar->key, kv->mod_revision, registry_lease_text(registrar->lease, lease));
    } else {
        registrar_emit(effects, REGISTRAR_DO_FRESH);
    }
}

static void on_put(struct registrar *registrar, const struct registry_reply *reply,
                   const struct flight *flight, const struct instant *now, struct queue *effects)
{
    struct blob *value = flight->value;
    if (reply->succeeded) {
        registrar_set_published(registrar, value, reply->revision);
        registrar->published_claim = flight->claim;
        registrar->verify = false;
        registrar->confirmed_mono = now->mono;
        registrar->written_wall = now->wall;
        in_sync(registrar, effects);
        return;
    }
    registrar->wanted_urgent = registrar->wanted_urgent || flight->urgent;
    /* It may have arrived twice, and this is the answer to the second. */
    registrar_set_maybe_written(registrar, value);
    learn(registrar, &reply->kv, now, effects);
    if (registrar->published != NULL && blob_eq(registrar->published, value)) {
        /* The write of before had worked, only its answer was lost. */
        registrar->published_claim = flight->claim;
        registrar->written_wall = now->wall;
        registrar->repairing = false;
        in_sync(registrar, effects);
    }
}

/* The write did not happen, or may not have: its retry waits for the backoff only. */
static void give_slot_back(struct registrar *registrar, const struct flight *flight)
{
    if (flight->op != REGISTRY_PUT) {
        return;
    }
    registrar->wanted_urgent = registrar->wanted_urgent || flight->urgent;
    if (flight->bucket != NULL) {
        *flight->bucket -= URGENT_PERIOD_MS;
    } else {
        registrar->interval_until = 0;
    }
}

/* A change that the watch told while a request was under way may be older than its answer or newer: newer,
 * the key is read once more. Not at once each time: a hand that writes in a loop must not make us read in
 * one. */
static void note_age(struct registrar *registrar, const struct registry_reply *reply,
                     const struct instant *now)
{
    int64_t at = reply->revision > 0 ? reply->revision : reply->kv.mod_revision;
    bool goes_on = at >= registrar->synced_revision;
    registrar->synced_revision = at;
    if (goes_on && registrar->pending_revision > at) {
        int64_t earliest = registrar->reread_mono + REREAD_MS;
        registrar->reread_mono = earliest > now->mono ? earliest : now->mono;
        registrar->verify = true;
        registrar->verify_after = registrar->reread_mono;
        registrar->conflict_check = registrar->reread_mono;
    }
    registrar->pending_revision = 0;
}

/* The answer of a request that reads or writes the key. */
static void on_key_news(struct registrar *registrar, const struct registry_reply *reply,
                        const struct flight *flight, const struct instant *now, struct queue *effects)
{
    if (flight->op == REGISTRY_PUT) {
        on_put(registrar, reply, flight, now, effects);
    } else {
        learn(registrar, &reply->kv, now, effects);
        if (registrar->adopting) {
            on_adopt_read(registrar, &reply->kv, effects);
        } else if (registrar->published != NULL && !registrar_dirty(registrar)) {
            in_sync(registrar, effects); /* the write whose answer was lost had worked */
        }
    }
    note_age(registrar, reply, now);
}

/* The key may be read or written, or it may not; that nobody answered says nothing of that, but for a write:
 * it may have been done. */
static void note_refusal(struct registrar *registrar, const struct flight *flight,
                         const struct registry_reply *reply, const struct instant *now)
{
    if (retry_is_slow(reply->failure)) {
        registrar->refused_mono = now->mono;
    } else if (flight->op == REGISTRY_PUT) {
        registrar->refused_mono = 0;
    }
}

void registrar_on_key_reply(struct registrar *registrar, const struct registry_reply *reply,
                            const struct instant *now, struct queue *effects)
{
    struct flight flight = registrar->key_flight;
    registrar->key_flight = (struct flight){0};
    if (reply->failure == REGISTRY_LEASE_LOST && registrar->lease_flight.op == REGISTRY_REVOKE) {
        /* We are ending it ourselves: the answer to that says the rest. */
        give_slot_back(registrar, &flight);
    } else if (reply->failure == REGISTRY_LEASE_LOST) {
        registrar_flight_clear(&registrar->lease_flight);
        registrar_lose_lease(registrar, now, effects);
    } else if (reply->failure != REGISTRY_OK) {
        registrar_fail(registrar, &registrar->key_last_error, reply, now, effects);
        note_refusal(registrar, &flight, reply, now);
        registrar->key_retry =
            now->mono + registrar_retry_delay(registrar, &registrar->key_backoff, reply->failure);
        give_slot_back(registrar, &flight);
        if (flight.op == REGISTRY_PUT && reply->failure == REGISTRY_UNKNOWN) {
            registrar_set_maybe_written(registrar, flight.value);
        }
    } else {
        registrar_succeed(registrar, &registrar->key_last_error, &registrar->key_backoff, now, effects);
        note_refusal(registrar, &flight, reply, now);
        if (flight.op == REGISTRY_LEASE_TTL) {
            registrar_conflict_lives(registrar, reply, now, effects);
        } else {
            on_key_news(registrar, reply, &flight, now, effects);
        }
        registrar_set_maybe_written(registrar, NULL);
    }
    blob_unref(flight.value);
}

/* ---- what the watch tells ---- */

void registrar_on_changed(struct registrar *registrar, const struct registry_change *change,
                          const struct instant *now, struct queue *effects)
{
    int64_t revision = change->mod_revision;
    bool settled = registrar->registered || registrar->published != NULL ||
                   !registry_lease_is_none(registrar->conflict_lease);
    if (revision <= registrar->synced_revision) {
        return; /* our own write, or what a read has seen already */
    }
    if (registrar->lease_state != LEASE_HELD || registrar->key_flight.id != 0 || registrar->adopting ||
        registrar->withdrawing || registrar->leaving || !settled) {
        /* The answer under way, or the next one, says what is to be made of it. */
        registrar->pending_revision =
            revision > registrar->pending_revision ? revision : registrar->pending_revision;
        return;
    }
    if (registrar->maybe_written != NULL) {
        registrar->verify = true; /* it may be what we wrote ourselves */
        registrar->verify_after = now->mono;
        return;
    }
    registrar->synced_revision = revision;
    struct registry_kv kv = {.found = !change->deleted,
                             .value = change->value,
                             .mod_revision = change->deleted ? 0 : revision,
                             .create_revision = change->create_revision,
                             .lease = change->deleted ? (struct registry_lease){0} : change->lease};
    bool vanished = change->deleted && registrar->published != NULL;
    if (kv.found && !registry_lease_is_none(kv.lease) &&
        registry_lease_eq(kv.lease, registrar->conflict_lease)) {
        registrar_refresh_conflict(registrar, &kv); /* how long it lives is asked in its own time */
        return;
    }
    learn(registrar, &kv, now, effects);
    if (registrar->key_retry - now->mono <= RETRY_CAP_MS) {
        registrar->key_retry = 0; /* who tells that can be asked: no failure of before is waited for */
    }
    if (vanished) {
        registrar_suspect_lease(registrar, now);
    }
}

void registrar_on_read_back(struct registrar *registrar, int64_t revision, const struct instant *now)
{
    if (registrar->key_flight.id != 0 || registrar->lease_state != LEASE_HELD) {
        registrar->pending_revision =
            revision > registrar->pending_revision ? revision : registrar->pending_revision;
    } else if (registrar->synced_revision != revision) {
        /* Older than what is known it may only be a member that lags behind, or a store that was restored. */
        registrar->verify = registrar->verify || registrar->published != NULL;
        registrar->verify_after = now->mono;
        registrar->conflict_check = now->mono;
    }
}
