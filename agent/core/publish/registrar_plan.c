/* What to ask next: from the facts alone, so that every path back from a failure is the same path. */
#include "registrar_internal.h"

#include "outrider/base/mem.h"

static bool may_write(const struct registrar *registrar)
{
    return registrar_dirty(registrar) && !registrar->unconfirmed;
}

bool registrar_dirty(const struct registrar *registrar)
{
    return registrar->wanted != NULL && !blob_eq(registrar->wanted, registrar->published);
}

static struct registry_request *request(struct registrar *registrar, struct flight *flight,
                                        enum registry_op op, const struct instant *now, struct queue *effects)
{
    struct registrar_effect *effect = queue_push(effects);
    effect->type = REGISTRAR_DO_REQUEST;
    effect->request.id = ++registrar->next_id;
    effect->request.op = op;
    effect->request.timeout_ms = registrar->request_timeout_ms;
    *flight =
        (struct flight){.id = registrar->next_id, .op = op, .sent_boot = now->boot, .sent_mono = now->mono};
    return &effect->request;
}

static void ask_grant(struct registrar *registrar, const struct instant *now, struct queue *effects)
{
    /* A lease id of our own makes a grant safe to repeat (docs/design/etcd-gateway.md, "Lease ids"); the
     * first retry after an unknown outcome uses the same id. */
    if (registry_lease_is_none(registrar->lease)) {
        registrar->lease.lo = random_next(&registrar->random) >> 1 | 1;
        struct registrar_effect *effect = queue_push(effects);
        effect->type = REGISTRAR_DO_LOOK_UP_HOST;
    }
    struct registry_request *ask = request(registrar, &registrar->lease_flight, REGISTRY_GRANT, now, effects);
    ask->lease = registrar->lease;
    ask->ttl_ms = registrar->ttl_ms;
    registrar->lease_state = LEASE_GRANTING;
}

static void ask_lease(struct registrar *registrar, enum registry_op op, const struct instant *now,
                      struct queue *effects)
{
    request(registrar, &registrar->lease_flight, op, now, effects)->lease = registrar->lease;
}

static void plan_lease(struct registrar *registrar, const struct instant *now, struct queue *effects)
{
    if (registrar->lease_flight.id != 0 || now->mono < registrar->lease_retry) {
        return;
    }
    if (registrar->leaving || registrar->withdrawing || registrar_takes_back(registrar)) {
        if (!registry_lease_is_none(registrar->lease)) {
            ask_lease(registrar, REGISTRY_REVOKE, now, effects);
        }
        return;
    }
    switch (registrar->lease_state) {
    case LEASE_NONE:
    case LEASE_GRANTING:
        if (registrar->wanted != NULL) {
            ask_grant(registrar, now, effects);
        }
        break;
    case LEASE_TRYING: ask_lease(registrar, REGISTRY_KEEPALIVE, now, effects); break;
    case LEASE_HELD:
        if (now->mono >= registrar->heartbeat.earliest) {
            ask_lease(registrar, REGISTRY_KEEPALIVE, now, effects);
        }
        break;
    }
}

/* Whose rate a write is counted in; NULL: it waits for the interval. Creating and repairing have a rate of
 * their own: the first change after them is still written at once, and a hand that deletes in a loop gets no
 * loop for an answer. */
static const int64_t *bucket(const struct registrar *registrar)
{
    if (registrar->published == NULL || registrar->repairing) {
        return &registrar->repair_tat;
    }
    return registrar->wanted_urgent ? &registrar->urgent_tat : NULL;
}

/* The moment from which the wanted record may be written. */
static int64_t write_slot(const struct registrar *registrar)
{
    const int64_t *tat = bucket(registrar);
    return tat == NULL ? registrar->interval_until : *tat - (URGENT_BURST - 1) * URGENT_PERIOD_MS;
}

static void spend_slot(struct registrar *registrar, int64_t now)
{
    const int64_t *tat = bucket(registrar);
    struct flight *flight = &registrar->key_flight;
    flight->urgent = registrar->wanted_urgent;
    if (tat == NULL) {
        registrar->interval_until = now + registrar->min_publish_ms;
    } else {
        flight->bucket = tat == &registrar->repair_tat ? &registrar->repair_tat : &registrar->urgent_tat;
        *flight->bucket = (*tat > now ? *tat : now) + URGENT_PERIOD_MS;
    }
    registrar->wanted_urgent = false;
}

static void ask_put(struct registrar *registrar, const struct instant *now, struct queue *effects)
{
    struct registry_request *ask = request(registrar, &registrar->key_flight, REGISTRY_PUT, now, effects);
    ask->key = str_of(registrar->key);
    ask->lease = registrar->lease;
    ask->expect_revision = registrar->revision;
    ask->value = blob_ref(registrar->wanted);
    registrar->key_flight.value = blob_ref(registrar->wanted);
    registrar->key_flight.claim = registrar->wanted_claim;
    spend_slot(registrar, now->mono);
}

/* Whether the key may be asked about: under a lease that stays, and nothing in flight. */
static bool key_is_free(const struct registrar *registrar)
{
    return registrar->key_flight.id == 0 && registrar->lease_state == LEASE_HELD && !registrar->leaving &&
           !registrar->withdrawing && !registrar->lease_suspect &&
           registrar->lease_flight.op != REGISTRY_REVOKE;
}

static void plan_key(struct registrar *registrar, const struct instant *now, struct queue *effects)
{
    if (!key_is_free(registrar) || now->mono < registrar->key_retry) {
        return;
    }
    if (!registry_lease_is_none(registrar->conflict_lease)) {
        if (now->mono >= registrar->conflict_check) {
            request(registrar, &registrar->key_flight, REGISTRY_GET, now, effects)->key =
                str_of(registrar->key);
        }
        return;
    }
    if (registrar->adopting || (registrar->verify && now->mono >= registrar->verify_after)) {
        request(registrar, &registrar->key_flight, REGISTRY_GET, now, effects)->key = str_of(registrar->key);
        return;
    }
    if (may_write(registrar) && now->mono >= write_slot(registrar)) {
        ask_put(registrar, now, effects);
    }
}

void registrar_plan(struct registrar *registrar, const struct instant *now, struct queue *effects)
{
    if (registrar->gone) {
        return;
    }
    if (registrar->leaving && registry_lease_is_none(registrar->lease)) {
        registrar->gone = true;
        struct registrar_effect *effect = queue_push(effects);
        effect->type = REGISTRAR_DO_GONE;
        return;
    }
    plan_lease(registrar, now, effects);
    plan_key(registrar, now, effects);
}

static struct window lease_window(const struct registrar *registrar)
{
    bool busy = registrar->lease_flight.id != 0;
    if (busy ||
        (registry_lease_is_none(registrar->lease) && (registrar->wanted == NULL || registrar->withdrawing))) {
        return WINDOW_NEVER;
    }
    struct window window = window_at(registrar->lease_retry);
    if (registrar->lease_state == LEASE_HELD && !registrar->leaving && !registrar->withdrawing) {
        struct window beat = registrar->heartbeat;
        window.earliest = beat.earliest > window.earliest ? beat.earliest : window.earliest;
        window.latest = beat.latest > window.latest ? beat.latest : window.latest;
    }
    return window;
}

static struct window key_window(const struct registrar *registrar)
{
    if (!key_is_free(registrar)) {
        return WINDOW_NEVER;
    }
    int64_t moment = NEVER_MS;
    if (!registry_lease_is_none(registrar->conflict_lease)) {
        moment = registrar->conflict_check;
    } else if (registrar->adopting) {
        moment = 0;
    } else {
        moment = may_write(registrar) ? write_slot(registrar) : NEVER_MS;
        if (registrar->verify && registrar->verify_after < moment) {
            moment = registrar->verify_after;
        }
    }
    return window_at(moment > registrar->key_retry ? moment : registrar->key_retry);
}

struct window registrar_deadline(const struct registrar *registrar)
{
    return registrar->gone ? WINDOW_NEVER : window_sooner(lease_window(registrar), key_window(registrar));
}
