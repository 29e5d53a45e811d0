/* Events, and what each reply means for the facts. What to do about them is registrar_plan.c's. */
#include "registrar_internal.h"

#include "outrider/base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct registrar *registrar_new(const struct registrar_settings *settings)
{
    struct registrar *registrar = mem_zalloc(sizeof(*registrar));
    registrar->key = mem_strdup(settings->key);
    registrar->ttl_ms = settings->ttl_ms;
    registrar->heartbeat_ms = settings->heartbeat_ms;
    registrar->request_timeout_ms = settings->request_timeout_ms;
    registrar->min_publish_ms = settings->min_publish_interval_ms;
    registrar->conflict_left = -1;
    random_seed(&registrar->random, settings->seed);
    retry_init(&registrar->lease_backoff);
    retry_init(&registrar->key_backoff);
    backoff_init(&registrar->cluster_backoff, CLUSTER_FIRST_MS, CLUSTER_CAP_MS);
    return registrar;
}

void registrar_flight_clear(struct flight *flight)
{
    blob_unref(flight->value);
    *flight = (struct flight){0};
}

void registrar_free(struct registrar *registrar)
{
    if (registrar != NULL) {
        registrar_flight_clear(&registrar->lease_flight);
        registrar_flight_clear(&registrar->key_flight);
        blob_unref(registrar->wanted);
        blob_unref(registrar->published);
        blob_unref(registrar->maybe_written);
        blob_unref(registrar->conflict_value);
        blob_unref(registrar->duplicate_value);
        free(registrar->key);
        free(registrar);
    }
}

void registrar_note(struct queue *effects, enum registrar_note note, const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct registrar_effect *effect = queue_push(effects);
    effect->type = REGISTRAR_DO_NOTE;
    effect->note = note;
    effect->text = queue_copy(effects, str_of(text));
}

void registrar_emit(struct queue *effects, enum registrar_effect_type type)
{
    struct registrar_effect *effect = queue_push(effects);
    effect->type = type;
}

void registrar_set_published(struct registrar *registrar, struct blob *value, int64_t revision)
{
    blob_unref(registrar->published);
    registrar->published = blob_ref(value);
    registrar->revision = revision;
}

void registrar_set_maybe_written(struct registrar *registrar, struct blob *value)
{
    bool other =
        registrar->maybe_written != NULL && value != NULL && !blob_eq(registrar->maybe_written, value);
    registrar->maybe_written_more = value != NULL && (registrar->maybe_written_more || other);
    blob_unref(registrar->maybe_written);
    registrar->maybe_written = blob_ref(value);
}

void registrar_forget_key(struct registrar *registrar)
{
    registrar_set_published(registrar, NULL, 0);
    registrar_set_maybe_written(registrar, NULL);
    registrar->verify = registrar->repairing = false;
    registrar->synced_revision = registrar->pending_revision = 0;
    registrar_clear_conflict(registrar);
}

void registrar_drop_lease(struct registrar *registrar, struct queue *effects)
{
    registrar->previous_lease = registrar->lease;
    registrar->lease = (struct registry_lease){0};
    registrar->lease_state = LEASE_NONE;
    registrar->lease_retry = 0;
    registrar->lease_suspect = false;
    registrar->registered = false;
    registrar_flight_clear(&registrar->key_flight); /* its answer would speak of a lease that is over */
    registrar_forget_key(registrar);
    registrar_emit(effects, REGISTRAR_DO_SAVE);
}

void registrar_lose_lease(struct registrar *registrar, const struct instant *now, struct queue *effects)
{
    char lease[REGISTRY_LEASE_TEXT_SIZE];
    registrar_note(effects, REGISTRAR_NOTE_LEASE_LOST, "lease %s is gone; asking for a new one",
                   registry_lease_text(registrar->lease, lease));
    if (registrar->adopting || registrar->adopted) {
        /* The record of before the restart is gone: nothing is left untouched, what is written now is new. */
        registrar->adopting = registrar->adopted = false;
        registrar_emit(effects, REGISTRAR_DO_FRESH);
    }
    registrar_drop_lease(registrar, effects);
    if (registrar->granted_mono > 0 && now->mono - registrar->granted_mono < LEASE_YOUNG_MS) {
        registrar->lease_retry = now->mono + 1 + (int64_t)random_below(&registrar->random, LEASE_YOUNG_MS);
    }
    int64_t pause = registrar_cluster_pause(registrar, now);
    if (pause > 0) {
        registrar->lease_retry = now->mono + pause;
    }
}

static void hold_lease(struct registrar *registrar, const struct registry_reply *reply,
                       const struct flight *flight, const struct instant *now)
{
    /* What the machine slept between request and answer is time of the lease, too. */
    int64_t slept = (now->boot - flight->sent_boot) - (now->mono - flight->sent_mono);
    int64_t sent_mono = flight->sent_mono - (slept >= INSTANT_SLEEP_MS ? slept : 0);
    registrar->lease_state = LEASE_HELD;
    registrar->granted_ms = reply->ttl_ms;
    registrar->lease_deadline_boot = flight->sent_boot + reply->ttl_ms;
    registrar->lease_maybe_boot = registrar->lease_deadline_boot;
    int64_t heartbeat = registrar->heartbeat_ms;
    registrar->heartbeat.earliest =
        sent_mono + (heartbeat > 0 ? heartbeat - heartbeat / 4 : reply->ttl_ms / 4);
    registrar->heartbeat.latest = sent_mono + (heartbeat > 0 ? heartbeat : reply->ttl_ms / 3);
}

/* ---- failures ---- */

int64_t registrar_retry_delay(struct registrar *registrar, struct backoff *backoff,
                              enum registry_failure failure)
{
    return registrar->leaving ? retry_delay_leaving(&registrar->random)
                              : retry_delay(backoff, failure, &registrar->random);
}

/* While the lease lives, heartbeats are tried again in time: an outage that ends before the lease does must
 * not cost it, and with waits of RETRY_CAP_MS it would. Beyond that it may still live by a heartbeat whose
 * answer was lost. Which one did arrive, nobody knows: so it may end at any moment, and a peer that takes
 * every request and answers none is asked 1.4 times a second for as long as that goes on. Any slower pace has
 * cost a lease in the simulator. */
static int64_t within_lease(struct registrar *registrar, int64_t delay, const struct instant *now)
{
    int64_t left = registrar->lease_deadline_boot - now->boot;
    int64_t most = left / 3 > LEASE_RETRY_MS ? left / 3 : LEASE_RETRY_MS;
    bool held = registrar->lease_state == LEASE_HELD || registrar->lease_state == LEASE_TRYING;
    bool lives = left > 0 || registrar->lease_maybe_boot > now->boot;
    if (!held || registrar->leaving || !lives || delay <= most) {
        return delay;
    }
    return 1 + most / 2 + (int64_t)random_below(&registrar->random, (uint64_t)most / 2);
}

void registrar_fail(struct registrar *registrar, struct last_error *last_error,
                    const struct registry_reply *reply, const struct instant *now, struct queue *effects)
{
    outage_fail(&registrar->outage, last_error, reply, now);
    if (outage_log_once(&registrar->outage, reply->failure)) {
        registrar_note(effects, REGISTRAR_NOTE_OUTAGE, "%s", last_error->text);
    }
}

void registrar_succeed(struct registrar *registrar, struct last_error *last_error, struct backoff *backoff,
                       const struct instant *now, struct queue *effects)
{
    backoff_reset(backoff);
    if (last_error->text[0] == '\0') {
        return;
    }
    /* While requests failed, anything may have happened to the key (registrator#81, consul#8758). */
    registrar->verify = registrar->published != NULL;
    if (outage_end(&registrar->outage, last_error)) {
        char text[80];
        registrar_note(effects, REGISTRAR_NOTE_RECOVERED, "%s",
                       outage_summary(&registrar->outage, now, text));
    }
}

/* ---- replies about the lease ---- */

static void on_granted(struct registrar *registrar, const struct registry_reply *reply,
                       const struct flight *flight, const struct instant *now, struct queue *effects)
{
    hold_lease(registrar, reply, flight, now);
    /* One that was only found alive is not young. */
    registrar->granted_mono = flight->op == REGISTRY_GRANT ? flight->sent_mono : registrar->granted_mono;
    registrar->key_retry = 0;
    registrar_emit(effects, REGISTRAR_DO_SAVE);
}

static void on_revoked(struct registrar *registrar, struct queue *effects)
{
    char lease[REGISTRY_LEASE_TEXT_SIZE];
    registrar_note(effects, REGISTRAR_NOTE_WITHDRAWN, "lease %s is revoked, %s",
                   registry_lease_text(registrar->lease, lease),
                   registrar->registered ? "the record is gone" : "no record was under it");
    registrar->ever_settled = true;
    if (registrar->withdrawing || registrar->leaving) {
        (void)outage_end(&registrar->outage, &registrar->key_last_error);
    }
    registrar_drop_lease(registrar, effects);
}

static void on_lease_reply(struct registrar *registrar, const struct registry_reply *reply,
                           const struct instant *now, struct queue *effects)
{
    struct flight flight = registrar->lease_flight;
    registrar->lease_flight = (struct flight){0};
    registrar->lease_suspect = false; /* whatever was said, the next write will meet it */
    bool lost = reply->failure == REGISTRY_LEASE_LOST;
    bool exists = reply->failure == REGISTRY_LEASE_EXISTS && flight.op == REGISTRY_GRANT;
    if (reply->failure == REGISTRY_OK || lost || exists) {
        bool away = registrar->lease_last_error.text[0] != '\0';
        registrar_succeed(registrar, &registrar->lease_last_error, &registrar->lease_backoff, now, effects);
        if (away && !registrar_dirty(registrar)) {
            /* Only to read the key back: not every agent in the second in which the registry came back, and
             * mostly the watch is opened in the meantime, which has it read. */
            registrar->verify_after = now->mono + READ_BACK_SPREAD_MS +
                                      (int64_t)random_below(&registrar->random, READ_BACK_SPREAD_MS);
        }
    }
    if (flight.op == REGISTRY_REVOKE && (reply->failure == REGISTRY_OK || lost)) {
        on_revoked(registrar, effects);
    } else if (flight.op == REGISTRY_KEEPALIVE && lost) {
        registrar_lose_lease(registrar, now, effects);
    } else if (exists) {
        /* Our own earlier grant had worked; a keepalive tells its TTL. */
        registrar->lease_state = LEASE_TRYING;
    } else if (reply->failure != REGISTRY_OK) {
        registrar_fail(registrar, &registrar->lease_last_error, reply, now, effects);
        if (flight.op == REGISTRY_KEEPALIVE && reply->failure == REGISTRY_UNKNOWN) {
            registrar->lease_maybe_boot = flight.sent_boot + registrar->granted_ms;
        }
        int64_t delay = registrar_retry_delay(registrar, &registrar->lease_backoff, reply->failure);
        registrar->lease_retry = now->mono + within_lease(registrar, delay, now);
    } else if (flight.op == REGISTRY_GRANT || registrar->lease_state == LEASE_TRYING) {
        on_granted(registrar, reply, &flight, now, effects);
    } else {
        hold_lease(registrar, reply, &flight, now);
        if (registrar->published != NULL && now->mono - registrar->confirmed_mono >= READ_BACK_MS) {
            registrar->verify = true;
            registrar_emit(effects, REGISTRAR_DO_READ_BACK);
        }
    }
}

/* ---- the step ---- */

static void on_offer(struct registrar *registrar, const struct registrar_event *event)
{
    blob_unref(registrar->wanted);
    registrar->wanted = blob_ref(event->value);
    registrar->unconfirmed = false;
    registrar->wanted_urgent = registrar->wanted_urgent || event->urgent;
    registrar->wanted_claim = event->claim;
    if (registrar->withdrawing) {
        registrar->withdrawing = false;
        registrar->lease_retry = 0;
    }
    if (registrar_in_sync(registrar)) {
        registrar->wanted_urgent = false;
    }
}

static void on_withdraw(struct registrar *registrar)
{
    blob_unref(registrar->wanted);
    registrar->wanted = NULL;
    registrar->wanted_urgent = registrar->unconfirmed = false;
    registrar->withdrawing = true;
    registrar->lease_retry = 0;
}

static void on_leave(struct registrar *registrar)
{
    /* Whatever is in flight must not delay the revoke; its answer would change nothing. */
    bool keyless = registrar->lease_state == LEASE_GRANTING && !registrar_visible(registrar);
    if (keyless) {
        /* A grant whose answer never came holds no key: nothing of ours can be seen, and it ends by itself.
         */
        registrar->lease = (struct registry_lease){0};
    }
    registrar->leaving = true;
    registrar->adopting = false;
    registrar_flight_clear(&registrar->lease_flight);
    registrar_flight_clear(&registrar->key_flight);
    registrar->lease_retry = 0;
}

/* While the machine slept no heartbeat was due, but the lease ran on: one is due now. */
static void notice_sleep(struct registrar *registrar, const struct instant *now)
{
    if (instant_slept(now, &registrar->asleep_ms)) {
        registrar->heartbeat = window_at(now->mono);
    }
}

static void on_reply(struct registrar *registrar, const struct registry_reply *reply,
                     const struct instant *now, struct queue *effects)
{
    bool about_lease = reply->id == registrar->lease_flight.id;
    if (reply->id == 0 || (!about_lease && reply->id != registrar->key_flight.id)) {
        return; /* stale */
    }
    const struct flight *flight = about_lease ? &registrar->lease_flight : &registrar->key_flight;
    struct registry_reply counted = *reply;
    if (registrar_is_of_cluster_before(registrar, reply, flight)) {
        counted.failure = REGISTRY_UNKNOWN;
        counted.error = STR("answered by the cluster of before");
    } else {
        registrar_meet_cluster(registrar, reply->cluster, reply->endpoint, about_lease, now, effects);
    }
    if (about_lease) {
        on_lease_reply(registrar, &counted, now, effects);
    } else {
        registrar_on_key_reply(registrar, &counted, now, effects);
    }
}

void registrar_step(struct registrar *registrar, const struct registrar_event *event, struct queue *effects)
{
    notice_sleep(registrar, &event->now);
    switch (event->type) {
    case REGISTRAR_ON_TICK: break;
    case REGISTRAR_ON_RECOVER:
        registrar->lease = event->lease;
        registrar->granted_ms = event->ttl_ms;
        registrar->lease_maybe_boot = event->now.boot + event->ttl_ms;
        registrar->lease_state = LEASE_TRYING;
        registrar->adopting = true;
        break;
    case REGISTRAR_ON_OFFER: on_offer(registrar, event); break;
    case REGISTRAR_ON_STANDS: registrar->unconfirmed = false; break;
    case REGISTRAR_ON_WITHDRAW: on_withdraw(registrar); break;
    case REGISTRAR_ON_REPLY: on_reply(registrar, event->reply, &event->now, effects); break;
    case REGISTRAR_ON_CHANGED: registrar_on_changed(registrar, event->change, &event->now, effects); break;
    case REGISTRAR_ON_READ_BACK: registrar_on_read_back(registrar, event->revision, &event->now); break;
    case REGISTRAR_ON_AS_KNOWN: registrar->confirmed_mono = event->now.mono; break;
    case REGISTRAR_ON_CLUSTER:
        registrar_meet_cluster(registrar, event->cluster, event->endpoint, false, &event->now, effects);
        break;
    case REGISTRAR_ON_GAP: registrar_on_gap(registrar, event->gap_ms, &event->now, effects); break;
    case REGISTRAR_ON_LEAVE: on_leave(registrar); break;
    case REGISTRAR_ON_RELOAD: registrar->min_publish_ms = event->min_publish_interval_ms; break;
    }
    registrar_leave_shared_lease(registrar, effects);
    registrar_check_stale_ready(registrar, &event->now, effects);
    registrar_plan(registrar, &event->now, effects);
}
