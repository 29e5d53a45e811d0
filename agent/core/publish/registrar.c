/* Events, the goal, outages, and what a change of the lease means for the record. */
#include "registrar_internal.h"

#include "outrider/base/duration.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

struct registrar *registrar_new(const struct registrar_settings *settings)
{
    struct registrar *registrar = mem_zalloc(sizeof(*registrar));
    registrar->request_timeout_ms = settings->request_timeout_ms;
    registrar->min_publish_ms = settings->min_publish_interval_ms;
    random_seed(&registrar->random, settings->seed);
    registrar->key.name = mem_strdup(settings->key);
    registrar->key.state = KEY_SYNCED;
    registrar->key.read_due = NEVER_MS;
    registrar->key.backoff = RETRY_BACKOFF;
    registrar->seats_key = mem_strdup(settings->seats_key);
    registrar->now.boot = settings->now_boot;
    for (size_t i = 0; i < settings->claimed_count; i++) {
        registrar_remember_claimed(registrar, settings->claimed[i]);
    }
    registrar_clear_conflict(registrar);
    queue_init(&registrar->lease_effects, sizeof(struct lease_effect));
    lease_init(&registrar->lease,
               &(struct lease_settings){.ttl_ms = settings->ttl_ms,
                                        .heartbeat_ms = settings->heartbeat_ms,
                                        .request_timeout_ms = settings->request_timeout_ms,
                                        .chooses_id = (settings->can & REGISTRY_CAN_CHOOSE_LEASE) != 0,
                                        .random = &registrar->random,
                                        .last_id = &registrar->last_id});
    return registrar;
}

void registrar_free(struct registrar *registrar)
{
    if (registrar != NULL) {
        registrar_flight_clear(&registrar->key.flight);
        blob_unref(registrar->wanted.value);
        blob_unref(registrar->key.published);
        blob_unref(registrar->key.maybe_written);
        blob_unref(registrar->conflict.value);
        blob_unref(registrar->duplicate.value);
        queue_fini(&registrar->lease_effects);
        registrar_claims_fini(&registrar->claims);
        free(registrar->seats_key);
        free(registrar->key.name);
        free(registrar);
    }
}

void registrar_note(struct registrar *registrar, enum registrar_note note, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str kept = queue_vformat(registrar->effects, 300, format, args);
    va_end(args);
    struct registrar_effect *effect = registrar_emit(registrar, REGISTRAR_DO_NOTE);
    effect->note = note;
    effect->text = kept;
}

struct registrar_effect *registrar_emit(struct registrar *registrar, enum registrar_effect_type type)
{
    struct registrar_effect *effect = queue_push(registrar->effects);
    effect->type = type;
    return effect;
}

void registrar_fail(struct registrar *registrar, struct last_error *error, const struct registry_reply *reply)
{
    outage_fail(&registrar->outage, error, reply, &registrar->now);
    if (outage_log_once(&registrar->outage, reply->failure)) {
        registrar_note(registrar, REGISTRAR_NOTE_OUTAGE, "%s", error->text);
    }
}

void registrar_succeed(struct registrar *registrar, struct last_error *error)
{
    if (!error->failing) {
        return;
    }
    /* While requests failed, anything may have happened to the key (registrator#81, consul#8758). */
    registrar->key.read_due = registrar->key.published != NULL ? registrar->now.mono : NEVER_MS;
    if (outage_end(&registrar->outage, error)) {
        char text[80];
        registrar_note(registrar, REGISTRAR_NOTE_RECOVERED, "%s",
                       outage_summary(&registrar->outage, &registrar->now, text));
    }
}

/* ---- what a change of the lease means for the record ---- */

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
    registrar_note(
        registrar, REGISTRAR_NOTE_WITHDRAWN, "lease %s revoked, %s", registry_lease_text(lease, id),
        registrar->key.registered             ? "the record is gone"
        : registrar->key.state == KEY_UNKNOWN ? "the record from before the restart is gone with it"
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
    if (registrar->key.flight.claims) {
        registrar_claims_failed(registrar, REGISTRY_UNKNOWN, STR(""));
    }
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

/* A revision of one cluster means nothing in another, and may be that of another key there. Where the lease lives on the
 * record may stand there, too. */
static void on_other_history(struct registrar *registrar)
{
    bool stood = registrar->key.published != NULL || registrar->key.forgotten;
    registrar_forget_key(registrar);
    registrar->key.forgotten = stood;
    registrar_claims_forget(registrar);
    registrar->claims.seats_there = false;
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
        on_other_history(registrar);
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

/* ---- the goal ---- */

void registrar_set_goal(struct registrar *registrar, enum registrar_goal goal)
{
    static const unsigned allowed[] = {
        [REGISTRAR_IDLE] = 1u << REGISTRAR_PUBLISH | 1u << REGISTRAR_WITHDRAW | 1u << REGISTRAR_LEAVE,
        [REGISTRAR_PUBLISH] = 1u << REGISTRAR_WITHDRAW | 1u << REGISTRAR_LEAVE,
        [REGISTRAR_WITHDRAW] = 1u << REGISTRAR_PUBLISH | 1u << REGISTRAR_LEAVE,
        [REGISTRAR_LEAVE] = 1u << REGISTRAR_GONE,
        [REGISTRAR_GONE] = 0,
    };
    assert(goal == registrar->goal || (allowed[registrar->goal] & 1u << goal) != 0);
    registrar->goal = goal;
}

static bool is_leaving(const struct registrar *registrar)
{
    return registrar->goal == REGISTRAR_LEAVE || registrar->goal == REGISTRAR_GONE;
}

bool registrar_stays(const struct registrar *registrar)
{
    return registrar->goal == REGISTRAR_IDLE || registrar->goal == REGISTRAR_PUBLISH;
}

static bool is_in_sync(const struct registrar *registrar)
{
    if (registrar->wanted.value == NULL) {
        return registry_lease_is_none(registrar->lease.id);
    }
    /* What is on its way may be older than what is wanted now. */
    return registrar->key.state == KEY_SYNCED && registrar->key.flight.op != REGISTRY_PUT;
}

/* A record with older players or labels counts, one with another status does not. */
static bool is_published(const struct registrar *registrar)
{
    const struct record_key *key = &registrar->key;
    bool same_promise = key->state == KEY_SYNCED || key->promise == registrar->wanted.promise;
    return registrar->wanted.value != NULL && key->published != NULL && same_promise;
}

static void want(struct registrar *registrar, struct blob *value)
{
    blob_unref(registrar->wanted.value);
    registrar->wanted.value = blob_ref(value);
    registrar->wanted.unconfirmed = false;
    if (registrar->key.state == KEY_SYNCED || registrar->key.state == KEY_DIRTY) {
        registrar_resolve_key(registrar);
    }
    if (!is_leaving(registrar)) {
        registrar_set_goal(registrar, value != NULL ? REGISTRAR_PUBLISH : REGISTRAR_WITHDRAW);
    }
}

static void on_offer(struct registrar *registrar, const struct registrar_event *event)
{
    want(registrar, event->value);
    registrar_claims_counted(registrar, event);
    registrar->wanted.promise = event->promise;
    registrar->wanted.urgent = (registrar->wanted.urgent || event->urgent) && !is_in_sync(registrar);
}

static void on_leave(struct registrar *registrar)
{
    if (is_leaving(registrar)) {
        return;
    }
    registrar_set_goal(registrar, REGISTRAR_LEAVE);
    registrar_claims_leave(registrar);
    registrar_flight_clear(&registrar->key.flight); /* its answer would change nothing */
    if (registrar->key.state == KEY_UNKNOWN) {
        registrar_resolve_key(registrar);
    }
}

/* ---- the step ---- */

/* The lease's own machine decides what the gap means for the lease. Under whichever lease, nothing is written
 * before the server was probed and the record is offered or confirmed again (docs/design/protocol.md, "Gap"). */
static void on_gap(struct registrar *registrar, const struct registrar_event *event)
{
    enum lease_state lease = registrar->lease.state;
    registrar->wanted.unconfirmed = registrar->wanted.value != NULL;
    if (lease_is_held(lease) || lease == LEASE_GRANTING) {
        char span[32], id[REGISTRY_LEASE_TEXT_SIZE];
        registrar_note(registrar, REGISTRAR_NOTE_GAP,
                       "the machine slept or the process was stopped for %s; lease %s"
                       " counts as lost until the registry answers, and the server is probed again",
                       duration_human(event->gap_ms, span), registry_lease_text(registrar->lease.id, id));
        if (registrar->key.published != NULL || registrar->key.read_due != NEVER_MS) {
            registrar->key.read_due = registrar->now.mono;
        }
    }
    registrar_step_lease(registrar, (struct lease_event){.type = LEASE_ON_GAP});
}

static void on_cluster(struct registrar *registrar, uint64_t cluster, uint64_t epoch, struct str endpoint)
{
    registrar_step_lease(
        registrar, (struct lease_event){
                       .type = LEASE_ON_CLUSTER, .cluster = cluster, .epoch = epoch, .endpoint = endpoint});
}

/* Whether `reply` shows the own record although the lease has passed its deadline: it may be gone by now, with the
 * lease. */
static bool is_overdue(const struct registrar *registrar, const struct registry_reply *reply)
{
    bool shows = reply->op == REGISTRY_PUT && reply->succeeded;
    shows = shows || (reply->kv.found && registry_lease_eq(reply->kv.lease, registrar->lease.id));
    return reply->failure == REGISTRY_OK && shows && registrar->now.boot >= registrar->lease.deadline_boot;
}

static void on_reply(struct registrar *registrar, const struct registry_reply *reply,
                     const struct registrar_seats *seats)
{
    if (lease_awaits(&registrar->lease, reply->id)) {
        registrar_step_lease(registrar, (struct lease_event){.type = LEASE_ON_REPLY, .reply = reply});
        return;
    }
    if (reply->id != 0 && reply->id == registrar->claims.flight) {
        registrar_on_seats(registrar, reply, seats);
        return;
    }
    if (reply->id == 0 || reply->id != registrar->key.flight.id) {
        return; /* stale */
    }
    struct registry_reply counted = *reply;
    const char *outdated = lease_outdated(&registrar->lease, reply, registrar->key.flight.sent_mono);
    if (outdated != NULL) {
        counted.failure = REGISTRY_UNKNOWN;
        counted.error = str_of(outdated);
    } else {
        on_cluster(registrar, reply->cluster, reply->epoch, reply->endpoint);
    }
    if (is_overdue(registrar, &counted)) {
        counted.failure = REGISTRY_UNKNOWN;
        counted.error = STR("answered after the end of the lease, unless a keepalive says otherwise");
        registrar_step_lease(registrar, (struct lease_event){.type = LEASE_ON_SUSPECT});
    }
    registrar_on_key_reply(registrar, &counted, seats);
}

void registrar_step(struct registrar *registrar, const struct registrar_event *event, struct queue *effects)
{
    registrar->now = event->now;
    registrar->effects = effects;
    registrar->server_promise = event->promise;
    switch (event->type) {
    case REGISTRAR_ON_TICK: break;
    case REGISTRAR_ON_RECOVER:
        registrar_set_key_state(registrar, KEY_UNKNOWN);
        registrar_step_lease(
            registrar,
            (struct lease_event){.type = LEASE_ON_RECOVER, .id = event->lease, .ttl_ms = event->ttl_ms});
        break;
    case REGISTRAR_ON_OFFER: on_offer(registrar, event); break;
    case REGISTRAR_ON_STANDS: registrar->wanted.unconfirmed = false; break;
    case REGISTRAR_ON_WITHDRAW:
        want(registrar, NULL);
        registrar->wanted.urgent = false;
        break;
    case REGISTRAR_ON_REPLY: on_reply(registrar, event->reply, event->seats); break;
    case REGISTRAR_ON_CLAIM: registrar_on_claim(registrar, event); return;
    case REGISTRAR_ON_CHANGED: registrar_on_changed(registrar, event->change); break;
    case REGISTRAR_ON_READ_BACK: registrar_on_read_back(registrar, event->revision); break;
    case REGISTRAR_ON_AS_KNOWN: registrar->key.confirmed_mono = registrar->now.mono; break;
    case REGISTRAR_ON_CLUSTER: on_cluster(registrar, event->cluster, event->epoch, event->endpoint); break;
    case REGISTRAR_ON_GAP: on_gap(registrar, event); break;
    case REGISTRAR_ON_LEAVE: on_leave(registrar); break;
    case REGISTRAR_ON_RELOAD: registrar->min_publish_ms = event->min_publish_interval_ms; break;
    }
    registrar_check_duplicate(registrar);
    registrar_plan(registrar);
}

struct registrar_facts registrar_facts(const struct registrar *registrar)
{
    const struct record_key *key = &registrar->key;
    const struct lease *lease = &registrar->lease;
    const struct conflict *conflict = &registrar->conflict;
    const struct last_error *error =
        registrar->lease_error.failing ? &registrar->lease_error : &registrar->key_error;
    return (struct registrar_facts){
        .goal = registrar->goal,
        .key_state = key->state,
        .lease_state = lease->state,
        .lease = lease->id,
        .ttl_ms = lease->ttl_ms,
        .lease_deadline_boot = lease->deadline_boot,
        .leased = lease_is_held(lease->state) || lease->state == LEASE_RECOVERING,
        .in_sync = is_in_sync(registrar),
        .visible = key->published != NULL || key->forgotten || key->flight.op == REGISTRY_PUT ||
                   key->state == KEY_UNKNOWN || key->state == KEY_MAYBE_WRITTEN,
        .published = is_published(registrar),
        .settled = registrar->settled,
        .revision = key->revision,
        .written_wall = registrar->written_wall,
        .registrations = registrar->registrations,
        .conflicts = registrar->conflicts,
        .last_error = error->text,
        .last_error_wall = error->since_wall,
        .cluster = lease->cluster.id,
        .cluster_before = lease->cluster.before,
        .conflict_lease = conflict->lease,
        .conflict_left_ms = conflict->left_ms,
        .conflict_value = blob_view(conflict->value),
        .seats_request = registrar->claims.flight,
        .claims = {registrar->claims.outcomes[REGISTRAR_CLAIMED],
                   registrar->claims.outcomes[REGISTRAR_CLAIM_UNKNOWN],
                   registrar->claims.outcomes[REGISTRAR_CLAIM_AWAY]},
    };
}
