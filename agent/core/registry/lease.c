#include "outrider/core/registry/lease.h"

#include "outrider/base/duration.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>

/* Between two tries of a heartbeat while its lease is about to end. Shorter, and a thousand agents exceed the
 * peak load allowed during an outage (sim --herd); longer, and the simulator loses leases. */
enum { EXPIRING_RETRY_MS = 1000 };
/* A lease lost this soon after it was granted is not replaced at once: whatever ended it may do so again. */
enum { YOUNG_MS = 1000 };
/* Two clusters that answer in turn: logged once in this time, and a new lease after a growing pause. */
enum { CLUSTER_STEADY_MS = 600000, CLUSTER_FIRST_MS = 2000, CLUSTER_CAP_MS = 60000 };

void lease_init(struct lease *lease, const struct lease_settings *settings)
{
    *lease = (struct lease){.settings = *settings, .backoff = RETRY_BACKOFF};
    lease->cluster.backoff = (struct backoff){.first_ms = CLUSTER_FIRST_MS, .cap_ms = CLUSTER_CAP_MS};
}

const char *lease_state_name(enum lease_state state)
{
    static const char *const names[] = {
        [LEASE_NONE] = "none", [LEASE_RECOVERING] = "recovering", [LEASE_GRANTING] = "granting",
        [LEASE_HELD] = "held", [LEASE_SUSPECT] = "suspect",       [LEASE_REVOKING] = "revoking"};
    return names[state];
}

const char *lease_cause_text(enum lease_cause cause)
{
#define TEXT(name, text) [LEASE_CAUSE_##name] = text,
    static const char *const texts[] = {LEASE_CAUSES(TEXT)};
#undef TEXT
    return texts[cause];
}

/* ---- states ---- */

#define TO(state) (1u << LEASE_##state)

bool lease_may_move(enum lease_state from, enum lease_state to)
{
    static const unsigned allowed[] = {
        [LEASE_NONE] = TO(RECOVERING) | TO(GRANTING),
        [LEASE_RECOVERING] = TO(HELD) | TO(REVOKING) | TO(NONE),
        [LEASE_GRANTING] = TO(HELD) | TO(RECOVERING) | TO(REVOKING) | TO(NONE),
        [LEASE_HELD] = TO(SUSPECT) | TO(RECOVERING) | TO(REVOKING) | TO(NONE),
        [LEASE_SUSPECT] = TO(HELD) | TO(RECOVERING) | TO(REVOKING) | TO(NONE),
        [LEASE_REVOKING] = TO(RECOVERING) | TO(NONE),
    };
    return (allowed[from] & 1u << to) != 0;
}

static struct lease_effect *emit(struct lease *lease, enum lease_effect_type type)
{
    struct lease_effect *effect = queue_push(lease->effects);
    effect->type = type;
    return effect;
}

PRINTF_LIKE(3, 4)
static void emit_text(struct lease *lease, enum lease_effect_type type, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str kept = queue_vformat(lease->effects, 300, format, args);
    va_end(args);
    emit(lease, type)->text = kept;
}

static void move(struct lease *lease, enum lease_state to, enum lease_cause cause)
{
    assert(lease_may_move(lease->state, to));
    struct lease_effect *effect = emit(lease, LEASE_DO_MOVED);
    effect->from = lease->state;
    effect->to = to;
    effect->id = lease->id;
    effect->cause = cause;
    lease->state = to;
}

static void drop(struct lease *lease, enum lease_cause cause)
{
    move(lease, LEASE_NONE, cause);
    lease->id = (struct registry_lease){0};
    lease->retry_mono = 0;
    lease->flight = (struct lease_flight){0};
    emit(lease, LEASE_DO_SAVE);
}

static void lose(struct lease *lease)
{
    drop(lease, LEASE_CAUSE_NOT_FOUND);
    struct random *random = lease->settings.random;
    if (lease->granted_mono > 0 && lease->now.mono - lease->granted_mono < YOUNG_MS) {
        lease->retry_mono = lease->now.mono + 1 + (int64_t)random_below(random, YOUNG_MS);
    }
    struct lease_cluster *cluster = &lease->cluster;
    if (cluster->turns > 0 && lease->now.mono - cluster->changed_mono < CLUSTER_STEADY_MS) {
        lease->retry_mono = lease->now.mono + backoff_next(&cluster->backoff, random);
    }
}

/* The lease counts from when the request was sent, and what the machine slept between request and answer is
 * time of the lease, too. */
static void renew(struct lease *lease, int64_t ttl_ms, const struct lease_flight *flight)
{
    int64_t slept = (lease->now.boot - flight->sent_boot) - (lease->now.mono - flight->sent_mono);
    int64_t sent_mono = flight->sent_mono - (slept >= INSTANT_SLEEP_MS ? slept : 0);
    int64_t third = ttl_ms / 3, configured = lease->settings.heartbeat_ms;
    int64_t beat = configured > 0 && configured < third ? configured : third;
    if (configured > third && (lease->deadline_boot == 0 || ttl_ms != lease->ttl_ms)) {
        char texts[3][24];
        emit_text(lease, LEASE_DO_SHORTENED, "heartbeat=%s granted_ttl=%s: heartbeats are sent every %s",
                  duration_format(configured, texts[0]), duration_format(ttl_ms, texts[1]),
                  duration_format(third, texts[2]));
    }
    lease->ttl_ms = ttl_ms;
    lease->deadline_boot = lease->maybe_boot = flight->sent_boot + ttl_ms;
    lease->heartbeat = (struct window){sent_mono + beat - beat / 4, sent_mono + beat};
}

/* ---- the cluster ---- */

static void suspect(struct lease *lease, enum lease_cause cause)
{
    if (lease->state == LEASE_HELD) {
        move(lease, LEASE_SUSPECT, cause);
    }
    if (lease->state == LEASE_SUSPECT) {
        lease->heartbeat = window_at(lease->now.mono);
    }
}

static bool meet_epoch(struct lease *lease, uint64_t epoch, struct str endpoint)
{
    struct lease_cluster *cluster = &lease->cluster;
    bool changed = epoch != 0 && cluster->epoch != 0 && epoch != cluster->epoch;
    cluster->epoch = epoch != 0 ? epoch : cluster->epoch;
    if (changed) {
        cluster->epoch_mono = lease->now.mono;
        emit_text(lease, LEASE_DO_CLUSTER, "%.*s answers from another history of its data, epoch %" PRIx64,
                  STR_ARG(endpoint), epoch);
    }
    return changed;
}

/* A registry that lost its data comes back as another cluster each time; the same two in turn are a wrong
 * list of endpoints. Returns whether this is another cluster than before. */
static bool meet_cluster(struct lease *lease, uint64_t id, uint64_t epoch, struct str endpoint)
{
    struct lease_cluster *cluster = &lease->cluster;
    uint64_t before = cluster->id;
    if (id == 0 || id == before) {
        return meet_epoch(lease, epoch, endpoint);
    }
    cluster->id = id;
    cluster->epoch = epoch;
    if (before == 0) {
        return false;
    }
    bool again = id == cluster->before && lease->now.mono - cluster->changed_mono < CLUSTER_STEADY_MS;
    cluster->turns = again ? cluster->turns + 1 : 0;
    cluster->changed_mono = lease->now.mono;
    cluster->before = before;
    if (!again) {
        cluster->backoff.failures = 0;
    }
    if (cluster->turns > 1) {
        emit(lease, LEASE_DO_CLUSTER);
    } else {
        emit_text(
            lease, LEASE_DO_CLUSTER, "cluster %" PRIx64 " answers at %.*s instead of %" PRIx64 "%s", id,
            STR_ARG(endpoint), before,
            again ? ": the endpoints belong to different clusters, and only one of them can hold the record"
                  : "");
    }
    return true;
}

const char *lease_outdated(const struct lease *lease, const struct registry_reply *reply, int64_t sent_mono)
{
    const struct lease_cluster *cluster = &lease->cluster;
    if (reply->cluster != 0 && reply->cluster == cluster->before && sent_mono < cluster->changed_mono) {
        return "answered by the previous cluster";
    }
    /* A later answer of an older epoch is another history: a backup of the data, say. */
    if (reply->epoch != 0 && reply->epoch < cluster->epoch && sent_mono < cluster->epoch_mono) {
        return "answered before another history of the data began";
    }
    return NULL;
}

/* ---- replies ---- */

/* While the lease lives, heartbeats are tried again in time: an outage shorter than the lease must not cost
 * it, and waits of RETRY_CAP_MS would. After its deadline the lease may still live by a heartbeat whose answer
 * was lost; which one arrived is not known, so a registry that takes every request and answers none is asked
 * 1.4 times a second for as long as that goes on. */
static int64_t within_lease(const struct lease *lease, int64_t delay)
{
    int64_t left = lease->deadline_boot - lease->now.boot;
    int64_t most = left / 3 > EXPIRING_RETRY_MS ? left / 3 : EXPIRING_RETRY_MS;
    bool exists = lease->state != LEASE_NONE && lease->state != LEASE_GRANTING;
    bool lives = left > 0 || lease->maybe_boot > lease->now.boot;
    if (!exists || !lives || delay <= most) {
        return delay;
    }
    return 1 + retry_spread(most, lease->settings.random);
}

static void on_failed(struct lease *lease, const struct registry_reply *reply,
                      const struct lease_flight *flight)
{
    struct str error = queue_copy(lease->effects, reply->error);
    struct lease_effect *effect = emit(lease, LEASE_DO_FAILED);
    effect->op = flight->op;
    effect->failure = reply->failure;
    effect->text = error;
    if (flight->op == REGISTRY_KEEPALIVE && reply->failure == REGISTRY_UNKNOWN) {
        lease->maybe_boot = flight->sent_boot + lease->ttl_ms;
    }
    bool wanted = lease->goal == LEASE_GOAL_HOLD || lease->goal == LEASE_GOAL_KEEP;
    if (lease->state == LEASE_REVOKING && wanted) {
        move(lease, LEASE_RECOVERING, LEASE_CAUSE_WANTED_AGAIN);
    }
    struct random *random = lease->settings.random;
    int64_t delay = lease->goal == LEASE_GOAL_LEAVE
                        ? retry_delay_leaving(random)
                        : within_lease(lease, retry_delay(&lease->backoff, reply->failure, random));
    lease->retry_mono = lease->now.mono + delay;
}

static void on_granted(struct lease *lease, const struct registry_reply *reply,
                       const struct lease_flight *flight)
{
    bool named = flight->op == REGISTRY_GRANT && !lease->settings.chooses_id;
    renew(lease, reply->ttl_ms, flight);
    if (flight->op == REGISTRY_GRANT) {
        lease->granted_mono = flight->sent_mono; /* one that was found alive is not young */
    }
    lease->id = named ? reply->lease : lease->id;
    if (lease->state == LEASE_GRANTING || lease->state == LEASE_RECOVERING) {
        move(lease, LEASE_HELD, flight->op == REGISTRY_GRANT ? LEASE_CAUSE_GRANTED : LEASE_CAUSE_RENEWED);
        emit(lease, LEASE_DO_SAVE)->urgent = named; /* writes under an id that the registry chose follow */
    } else if (lease->state == LEASE_HELD) {
        emit(lease, LEASE_DO_RENEWED);
    }
}

static void on_reply(struct lease *lease, const struct lease_event *event)
{
    struct lease_flight flight = lease->flight;
    struct registry_reply reply = *event->reply;
    lease->flight = (struct lease_flight){0};
    if (flight.before_gap) {
        return; /* the lease may have ended since: it is asked about again */
    }
    const char *outdated = lease_outdated(lease, &reply, flight.sent_mono);
    if (outdated != NULL) {
        reply.failure = REGISTRY_UNKNOWN;
        reply.error = str_of(outdated);
    } else {
        (void)meet_cluster(lease, reply.cluster, reply.epoch, reply.endpoint);
    }
    bool lost = reply.failure == REGISTRY_LEASE_LOST && flight.op != REGISTRY_GRANT;
    bool exists = reply.failure == REGISTRY_LEASE_EXISTS && flight.op == REGISTRY_GRANT;
    if (reply.failure == REGISTRY_OK || lost || exists) {
        lease->backoff.failures = 0;
        emit(lease, LEASE_DO_ANSWERED);
    }
    if (lease->state == LEASE_SUSPECT && !lost) {
        move(lease, LEASE_HELD, LEASE_CAUSE_NOT_LOST);
    }
    if (flight.op == REGISTRY_REVOKE && (reply.failure == REGISTRY_OK || lost)) {
        drop(lease, LEASE_CAUSE_REVOKED);
    } else if (lost) {
        lose(lease);
    } else if (exists) {
        /* An earlier grant of this id had worked; a keepalive tells its TTL. */
        if (lease->state == LEASE_GRANTING) {
            move(lease, LEASE_RECOVERING, LEASE_CAUSE_EXISTS);
        }
    } else if (reply.failure != REGISTRY_OK) {
        on_failed(lease, &reply, &flight);
    } else {
        on_granted(lease, &reply, &flight);
    }
}

/* ---- other events ---- */

static void on_goal(struct lease *lease, enum lease_goal goal)
{
    enum lease_goal before = lease->goal;
    if (goal == before || before == LEASE_GOAL_LEAVE) {
        return;
    }
    bool release = goal == LEASE_GOAL_RELEASE || goal == LEASE_GOAL_LEAVE;
    lease->goal = goal;
    if (release || before == LEASE_GOAL_RELEASE) {
        lease->retry_mono = 0;
    }
    if (goal == LEASE_GOAL_LEAVE) {
        lease->flight = (struct lease_flight){0}; /* its answer must not delay the revoke */
    }
    bool unnamed = lease->state == LEASE_GRANTING && registry_lease_is_none(lease->id);
    if ((goal == LEASE_GOAL_LEAVE && lease->state == LEASE_GRANTING) || (release && unnamed)) {
        drop(lease, LEASE_CAUSE_UNCONFIRMED);
    } else if (release && lease->state != LEASE_NONE && lease->state != LEASE_REVOKING) {
        move(lease, LEASE_REVOKING, LEASE_CAUSE_UNWANTED);
    } else if (!release && lease->state == LEASE_REVOKING && lease->flight.op != REGISTRY_REVOKE) {
        move(lease, LEASE_RECOVERING, LEASE_CAUSE_WANTED_AGAIN);
    }
}

static void on_recover(struct lease *lease, const struct lease_event *event)
{
    lease->id = event->id;
    lease->ttl_ms = event->ttl_ms;
    lease->maybe_boot = lease->now.boot + (event->ttl_ms > 0 ? event->ttl_ms : lease->settings.ttl_ms);
    move(lease, LEASE_RECOVERING, LEASE_CAUSE_RESTART);
}

/* After a gap longer than the TTL the lease is taken for lost. The registry is asked before a new one is
 * granted, because it may live: a new leader of the cluster gives every lease its whole TTL again, or the
 * registry slept, too; then the record stands and no watcher sees a change. An answer from before the gap says
 * nothing any more. */
static void on_gap(struct lease *lease)
{
    bool held = lease_is_held(lease->state);
    lease->flight.before_gap = lease->state == LEASE_RECOVERING;
    if (held || lease->state == LEASE_GRANTING) {
        lease->flight = (struct lease_flight){0};
        lease->retry_mono = 0;
    }
    if (held) {
        move(lease, LEASE_RECOVERING, LEASE_CAUSE_GAP);
    }
}

/* ---- requests ---- */

static void ask(struct lease *lease, enum registry_op op)
{
    lease->flight = (struct lease_flight){.id = ++*lease->settings.last_id,
                                          .op = op,
                                          .sent_boot = lease->now.boot,
                                          .sent_mono = lease->now.mono};
    emit(lease, LEASE_DO_REQUEST)->request =
        (struct registry_request){.id = lease->flight.id,
                                  .op = op,
                                  .lease = lease->id,
                                  .ttl_ms = op == REGISTRY_GRANT ? lease->settings.ttl_ms : 0,
                                  .timeout_ms = lease->settings.request_timeout_ms};
}

/* A lease id chosen here makes a grant safe to repeat (docs/design/etcd-gateway.md, "Lease ids"). It is saved
 * before the first grant is sent: an agent that is killed now leaves its successor the lease. Where the registry
 * chooses, a grant without an answer is repeated too: the lease that it may have made has no key and ends. */
static void begin_grant(struct lease *lease)
{
    bool chooses = lease->settings.chooses_id;
    lease->id.lo = chooses ? random_next(lease->settings.random) >> 1 | 1 : 0; /* etcd takes 63 bits */
    move(lease, LEASE_GRANTING, LEASE_CAUSE_WANTED);
    if (chooses) {
        emit(lease, LEASE_DO_SAVE)->urgent = true;
    }
}

static void plan(struct lease *lease)
{
    if (lease->flight.id != 0 || lease->now.mono < lease->retry_mono) {
        return;
    }
    switch (lease->state) {
    case LEASE_NONE:
        if (lease->goal == LEASE_GOAL_HOLD) {
            begin_grant(lease);
            ask(lease, REGISTRY_GRANT);
        }
        break;
    case LEASE_GRANTING: ask(lease, REGISTRY_GRANT); break;
    case LEASE_RECOVERING: ask(lease, REGISTRY_KEEPALIVE); break;
    case LEASE_HELD:
    case LEASE_SUSPECT:
        if (lease->now.mono >= lease->heartbeat.earliest) {
            ask(lease, REGISTRY_KEEPALIVE);
        }
        break;
    case LEASE_REVOKING: ask(lease, REGISTRY_REVOKE); break;
    }
}

struct window lease_deadline(const struct lease *lease)
{
    if (lease->flight.id != 0 || (lease->state == LEASE_NONE && lease->goal != LEASE_GOAL_HOLD)) {
        return WINDOW_NEVER;
    }
    struct window window = window_at(lease->retry_mono);
    if (lease_is_held(lease->state)) {
        struct window beat = lease->heartbeat;
        window.earliest = beat.earliest > window.earliest ? beat.earliest : window.earliest;
        window.latest = beat.latest > window.latest ? beat.latest : window.latest;
    }
    return window;
}

bool lease_awaits(const struct lease *lease, uint64_t id)
{
    return id != 0 && lease->flight.id == id;
}

void lease_step(struct lease *lease, const struct lease_event *event, struct queue *effects)
{
    lease->now = event->now;
    lease->effects = effects;
    if (instant_slept(&event->now, &lease->asleep_ms)) {
        lease->heartbeat = window_at(lease->now.mono); /* none was due while the machine slept */
    }
    switch (event->type) {
    case LEASE_ON_TICK: break;
    case LEASE_ON_GOAL: on_goal(lease, event->goal); break;
    case LEASE_ON_RECOVER: on_recover(lease, event); break;
    case LEASE_ON_REPLY:
        if (lease_awaits(lease, event->reply->id)) {
            on_reply(lease, event);
        }
        break;
    case LEASE_ON_LOST:
        /* The answer to a revoke in flight says the rest. */
        if (lease->state != LEASE_NONE && lease->state != LEASE_GRANTING &&
            lease->flight.op != REGISTRY_REVOKE) {
            lose(lease);
        }
        break;
    case LEASE_ON_SUSPECT: suspect(lease, LEASE_CAUSE_KEY_GONE); break;
    case LEASE_ON_GAP: on_gap(lease); break;
    case LEASE_ON_CLUSTER:
        if (meet_cluster(lease, event->cluster, event->epoch, event->endpoint)) {
            suspect(lease, LEASE_CAUSE_CLUSTER);
        }
        break;
    case LEASE_ON_ABANDON:
        if (lease->state != LEASE_NONE) {
            drop(lease, LEASE_CAUSE_ABANDONED);
        }
        break;
    }
    plan(lease);
}
