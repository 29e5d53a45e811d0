/* What a change of the lease means for the record. */
#include "registrar_internal.h"

/* The record of before the restart is gone with its lease: what is written from now on is a new one. */
static void end_adoption(struct registrar *registrar)
{
    if (registrar->key.state == KEY_UNKNOWN || registrar->key.adopted) {
        registrar->key.adopted = false;
        registrar_emit(registrar, REGISTRAR_DO_FRESH);
    }
}

static void on_revoked(struct registrar *registrar, struct registry_lease lease)
{
    char id[REGISTRY_LEASE_TEXT_SIZE];
    registrar_note(registrar, REGISTRAR_NOTE_WITHDRAWN, "lease %s revoked, %s",
                   registry_lease_text(lease, id),
                   registrar->key.registered             ? "the record is gone"
                   : registrar->key.state == KEY_UNKNOWN ? "a record of before the restart is gone with it"
                                                         : "no record was under it");
    if (registrar->key.state == KEY_UNKNOWN) {
        end_adoption(registrar);
        return;
    }
    registrar->settled = true;
    if (registrar->goal != REGISTRAR_PUBLISH) {
        (void)outage_end(&registrar->outage, &registrar->key_error);
    }
}

static void on_lease_gone(struct registrar *registrar, const struct lease_effect *effect)
{
    char id[REGISTRY_LEASE_TEXT_SIZE];
    registrar->previous_lease = effect->id;
    if (effect->cause == LEASE_CAUSE_ABANDONED) {
        /* The other agent holds that lease: a key under it is in conflict. */
        registrar->previous_lease = (struct registry_lease){0};
        end_adoption(registrar);
    } else if (effect->from == LEASE_REVOKING) {
        on_revoked(registrar, effect->id);
    } else if (effect->cause == LEASE_CAUSE_NOT_FOUND) {
        registrar_note(registrar, REGISTRAR_NOTE_LEASE_LOST, "lease %s is gone; asking for a new one",
                       registry_lease_text(effect->id, id));
        end_adoption(registrar);
    }
    registrar->key.registered = false;
    registrar_flight_clear(&registrar->key.flight); /* its answer would speak of a lease that is over */
    registrar_forget_key(registrar);
    registrar_resolve_key(registrar);
}

static void on_moved(struct registrar *registrar, const struct lease_effect *effect)
{
    char id[REGISTRY_LEASE_TEXT_SIZE];
    registrar_note(registrar, REGISTRAR_NOTE_LEASE_MOVED, "%s -> %s: %s, lease=%s",
                   lease_state_name(effect->from), lease_state_name(effect->to),
                   lease_cause_text(effect->cause), registry_lease_text(effect->id, id));
    switch (effect->to) {
    case LEASE_NONE: on_lease_gone(registrar, effect); break;
    case LEASE_GRANTING: registrar_emit(registrar, REGISTRAR_DO_LOOK_UP_HOST); break;
    case LEASE_HELD:
        if (effect->from != LEASE_SUSPECT) {
            registrar->key.retry_mono = 0;
        }
        break;
    case LEASE_RECOVERING:
    case LEASE_SUSPECT:
    case LEASE_REVOKING: break;
    }
}

static void on_answered(struct registrar *registrar)
{
    bool was_outage = registrar->lease_error.failing;
    registrar_succeed(registrar, &registrar->lease_error);
    if (was_outage && registrar->key.state == KEY_SYNCED && registrar->key.read_due != NEVER_MS) {
        /* Not every agent of a fleet in the second in which the registry is back; mostly the watch is opened
         * in the meantime, which has the key read. */
        registrar->key.read_due = registrar->now.mono + READ_BACK_SPREAD_MS +
                                  (int64_t)random_below(&registrar->random, READ_BACK_SPREAD_MS);
    }
}

static void on_renewed(struct registrar *registrar)
{
    if (registrar->key.published != NULL &&
        registrar->now.mono - registrar->key.confirmed_mono >= READ_BACK_MS) {
        registrar->key.read_due = registrar->now.mono;
        registrar_emit(registrar, REGISTRAR_DO_READ_BACK);
    }
}

static void on_lease_effect(struct registrar *registrar, const struct lease_effect *effect)
{
    switch (effect->type) {
    case LEASE_DO_REQUEST: registrar_emit(registrar, REGISTRAR_DO_REQUEST)->request = effect->request; break;
    case LEASE_DO_SAVE: registrar_emit(registrar, REGISTRAR_DO_SAVE)->urgent = effect->urgent; break;
    case LEASE_DO_SHORTENED:
        registrar_note(registrar, REGISTRAR_NOTE_HEARTBEAT, "%.*s", STR_ARG(effect->text));
        break;
    case LEASE_DO_MOVED: on_moved(registrar, effect); break;
    case LEASE_DO_RENEWED: on_renewed(registrar); break;
    case LEASE_DO_ANSWERED: on_answered(registrar); break;
    case LEASE_DO_FAILED: {
        struct registry_reply reply = {.op = effect->op, .failure = effect->failure, .error = effect->text};
        registrar_fail(registrar, &registrar->lease_error, &reply);
        break;
    }
    case LEASE_DO_CLUSTER:
        if (effect->text.size > 0) {
            registrar_note(registrar, REGISTRAR_NOTE_CLUSTER, "%.*s", STR_ARG(effect->text));
        }
        /* A revision of one cluster means nothing in another, and may be that of another key there. */
        registrar_forget_key(registrar);
        break;
    }
}

void registrar_step_lease(struct registrar *registrar, struct lease_event event)
{
    event.now = registrar->now;
    lease_step(&registrar->lease, &event, &registrar->lease_effects);
    struct lease_effect effect;
    while (queue_take(&registrar->lease_effects, &effect)) {
        on_lease_effect(registrar, &effect);
    }
}
