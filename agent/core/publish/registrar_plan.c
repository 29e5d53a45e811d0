/* What to request next: from the goal, the lease and the state of the key alone, so that every way back from a
 * failure is the same way. No other file of the registrar makes a request about the key. */
#include "registrar_internal.h"

#include <assert.h>

/* A request that may be made from `at` on (mono). */
struct next_request {
    enum registry_op op;
    int64_t at; /* NEVER_MS: none */
};

static const struct next_request NONE = {.op = REGISTRY_GET, .at = NEVER_MS};

/* Creating and repairing have a rate of their own: the first change after them is still written at once, and an
 * operator who deletes the key in a loop does not cause a loop of writes. */
static enum write_rate rate(const struct registrar *registrar)
{
    bool creates = registrar->key.published == NULL || registrar->key.repairing;
    return creates ? RATE_REPAIR : registrar->wanted.urgent ? RATE_URGENT : RATE_INTERVAL;
}

/* The moment from which the wanted record may be written: at once where a player has arrived, whose reservation goes with it. */
static int64_t write_slot(const struct registrar *registrar)
{
    enum write_rate of = rate(registrar);
    if (of != RATE_REPAIR && registrar_claims_ready(registrar)) {
        return 0;
    }
    return registrar->next_write[of] - (of == RATE_INTERVAL ? 0 : (URGENT_BURST - 1) * URGENT_PERIOD_MS);
}

static void spend_slot(struct registrar *registrar)
{
    int64_t now = registrar->now.mono;
    struct key_flight *flight = &registrar->key.flight;
    flight->urgent = registrar->wanted.urgent;
    flight->rate = flight->claims && rate(registrar) != RATE_REPAIR ? RATE_INTERVAL : rate(registrar);
    int64_t *next = &registrar->next_write[flight->rate];
    int64_t from = *next > now ? *next : now;
    *next = flight->rate == RATE_INTERVAL ? now + registrar->min_publish_ms : from + URGENT_PERIOD_MS;
    registrar->wanted.urgent = false;
}

/* Whether the key may be asked about: under a lease that is held and stays, and nothing in flight. */
static bool key_is_free(const struct registrar *registrar)
{
    return registrar->key.flight.id == 0 && registrar->lease.state == LEASE_HELD &&
           registrar_stays(registrar);
}

/* A read that is due precedes a write. */
static struct next_request next_write(const struct registrar *registrar, int64_t now)
{
    const struct record_key *key = &registrar->key;
    struct next_request read = {.op = REGISTRY_GET, .at = key->read_due};
    bool holds = registrar_claims_hold(registrar, now);
    struct next_request put = {.op = REGISTRY_PUT, .at = holds ? NEVER_MS : write_slot(registrar)};
    bool differs = !blob_eq(registrar->wanted.value, key->published);
    if (registrar->wanted.value == NULL || registrar->wanted.unconfirmed || read.at <= now) {
        return read;
    }
    if (!differs) {
        read.at = 0; /* it may hold a record that is not wanted */
        return read;
    }
    return put.at < read.at ? put : read;
}

/* The watch reported a change that could not be applied, and the request that would have told of it failed. */
static bool has_unread_change(const struct record_key *key)
{
    return key->published != NULL && key->pending_revision > key->synced_revision;
}

/* The record stands as it is wanted: it is written again, with the reservations that are claimed. */
static bool claims_alone(const struct registrar *registrar)
{
    return registrar_claims_ready(registrar) && registrar->key.published != NULL &&
           registrar->wanted.value != NULL && !registrar->wanted.unconfirmed;
}

static struct next_request next_request(const struct registrar *registrar, int64_t now)
{
    if (!key_is_free(registrar)) {
        return NONE;
    }
    struct next_request next = NONE;
    switch (registrar->key.state) {
    case KEY_UNKNOWN: next.at = 0; break;
    case KEY_SYNCED:
        next.at = has_unread_change(&registrar->key) ? 0 : registrar->key.read_due;
        if (next.at > now && claims_alone(registrar)) {
            next = (struct next_request){.op = REGISTRY_PUT, .at = 0};
        }
        break;
    case KEY_DIRTY:
    case KEY_MAYBE_WRITTEN: next = next_write(registrar, now); break;
    case KEY_CONFLICT:
        next = registrar->conflict.asked
                   ? (struct next_request){.op = REGISTRY_GET, .at = registrar->conflict.check_mono}
                   : (struct next_request){.op = REGISTRY_LEASE_TTL, .at = 0};
        break;
    }
    next.at = next.at < registrar->key.retry_mono ? registrar->key.retry_mono : next.at;
    return next;
}

static void send(struct registrar *registrar, enum registry_op op)
{
    struct key_flight *flight = &registrar->key.flight;
    *flight = (struct key_flight){.id = ++registrar->last_id, .op = op, .sent_mono = registrar->now.mono};
    const struct registrar_claim_write *write = NULL;
    if (op == REGISTRY_PUT) {
        write = registrar_claims_send(registrar);
        registrar_emit(registrar, REGISTRAR_DO_SAVE_DUE);
    }
    struct registrar_effect *effect = registrar_emit(registrar, REGISTRAR_DO_REQUEST);
    struct registry_request *request = &effect->request;
    effect->write = write;
    *request =
        (struct registry_request){.id = flight->id, .op = op, .timeout_ms = registrar->request_timeout_ms};
    if (op == REGISTRY_LEASE_TTL) {
        request->lease = registrar->conflict.lease;
        registrar->conflict.asked = true;
        return;
    }
    request->key = str_of(registrar->key.name);
    if (op == REGISTRY_PUT) {
        request->lease = registrar->lease.id;
        request->expect_revision = registrar->key.revision;
        request->value = blob_ref(registrar->wanted.value);
        flight->value = blob_ref(registrar->wanted.value);
        flight->promise = registrar->wanted.promise;
        spend_slot(registrar);
    }
}

/* ---- a ready record that is untrue ---- */

static void set_state(struct stale_ready *stale, enum stale_ready_state state)
{
    static const unsigned allowed[] = {
        [STALE_READY_NONE] = 1u << STALE_READY_COUNTING,
        [STALE_READY_COUNTING] =
            1u << STALE_READY_RETRIED | 1u << STALE_READY_GIVEN_UP | 1u << STALE_READY_NONE,
        [STALE_READY_RETRIED] = 1u << STALE_READY_GIVEN_UP | 1u << STALE_READY_NONE,
        [STALE_READY_GIVEN_UP] = 1u << STALE_READY_NONE,
    };
    assert(state == stale->state || (allowed[stale->state] & 1u << state) != 0);
    stale->state = state;
}

/* A lease is kept while writes fail, because what is published is mostly true all the same
 * (docs/design/etcd-gateway.md, "Full store"). A record that says ready for a server that is not ready sends
 * players into nothing: after a TTL of refused writes, and one more try, its lease is revoked. A revoke is no
 * write; where it is refused as well the heartbeats stop and the lease ends. */
static bool is_stale_ready(const struct registrar *registrar)
{
    const struct record_key *key = &registrar->key;
    if (key->state == KEY_UNKNOWN) {
        /* What stands there of before the restart is not known: it counts as a ready record. */
        return registrar->server_promise == REGISTRAR_PROMISE_DOWN &&
               registrar->stale_ready.refused_mono != 0;
    }
    bool differs = key->state == KEY_DIRTY || key->state == KEY_MAYBE_WRITTEN;
    bool says_ready = key->forgotten || key->maybe_ready ||
                      (key->published != NULL && key->promise == REGISTRAR_PROMISE_READY);
    return says_ready && differs && registrar->wanted.value != NULL &&
           registrar->wanted.promise == REGISTRAR_PROMISE_DOWN && !registrar->wanted.unconfirmed &&
           registrar->stale_ready.refused_mono != 0;
}

static void check_stale_ready(struct registrar *registrar)
{
    struct stale_ready *stale = &registrar->stale_ready;
    int64_t ttl_ms = registrar->lease.ttl_ms;
    if (!is_stale_ready(registrar)) {
        set_state(stale, STALE_READY_NONE);
    } else if (stale->state == STALE_READY_NONE) {
        set_state(stale, STALE_READY_COUNTING);
        stale->since_mono = registrar->now.mono;
    } else if (stale->state == STALE_READY_GIVEN_UP) {
        return;
    } else if (stale->refused_mono - stale->since_mono >= ttl_ms) {
        set_state(stale, STALE_READY_GIVEN_UP);
        bool unread = registrar->key.state == KEY_UNKNOWN;
        char lease[REGISTRY_LEASE_TEXT_SIZE];
        registrar_note(registrar, unread ? REGISTRAR_NOTE_UNREAD : REGISTRAR_NOTE_TAKEN_BACK,
                       "lease %s is revoked: %s", registry_lease_text(registrar->lease.id, lease),
                       registrar->key_error.text);
    } else if (stale->state == STALE_READY_COUNTING && registrar->now.mono - stale->since_mono >= ttl_ms) {
        set_state(stale, STALE_READY_RETRIED);
        registrar->key.retry_mono = 0;
    }
}

/* ---- the plan ---- */

static enum lease_goal lease_goal(const struct registrar *registrar)
{
    bool given_up = registrar->stale_ready.state == STALE_READY_GIVEN_UP;
    switch (registrar->goal) {
    case REGISTRAR_IDLE: return given_up ? LEASE_GOAL_RELEASE : LEASE_GOAL_KEEP;
    case REGISTRAR_PUBLISH: return given_up ? LEASE_GOAL_RELEASE : LEASE_GOAL_HOLD;
    case REGISTRAR_WITHDRAW: return LEASE_GOAL_RELEASE;
    case REGISTRAR_LEAVE:
    case REGISTRAR_GONE: break;
    }
    return LEASE_GOAL_LEAVE;
}

void registrar_plan(struct registrar *registrar)
{
    check_stale_ready(registrar);
    if (registrar->goal == REGISTRAR_GONE) {
        return;
    }
    registrar_step_lease(registrar,
                         (struct lease_event){.type = LEASE_ON_GOAL, .goal = lease_goal(registrar)});
    if (registrar->goal == REGISTRAR_LEAVE && registrar->lease.state == LEASE_NONE &&
        registrar->claims.flight == 0) {
        registrar_set_goal(registrar, REGISTRAR_GONE);
        registrar_emit(registrar, REGISTRAR_DO_GONE);
        return;
    }
    registrar_claims_plan(registrar);
    struct next_request next = next_request(registrar, registrar->now.mono);
    if (next.at <= registrar->now.mono) {
        send(registrar, next.op);
    }
}

struct window registrar_deadline(const struct registrar *registrar)
{
    if (registrar->goal == REGISTRAR_GONE) {
        return WINDOW_NEVER;
    }
    int64_t at = next_request(registrar, INT64_MIN).at, claims = registrar_claims_deadline(registrar);
    return window_sooner(lease_deadline(&registrar->lease), window_at(at < claims ? at : claims));
}
