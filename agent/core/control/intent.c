/* Events, replies, and what to request next: from the state alone, so that every way back from a failure is the
 * same way. */
#include "intent_internal.h"

#include "outrider/base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

/* Writes of one key: a burst, then a rate (docs/design/protocol.md). */
enum { WRITE_BURST = 5, WRITE_PERIOD_MS = 1000 };
/* Retry of a read that nothing waits for: during an outage it must not add to the load of a whole fleet, and
 * the watch causes a read when the registry is back. */
enum { IDLE_RETRY_MS = 15000 };
/* Leaving is bounded by shutdown.timeout, and what remains is only a key without a reader. */
enum { LEAVING_TRIES_MAX = 5 };

struct intent *intent_new(const struct intent_settings *settings)
{
    struct intent *intent = mem_zalloc(sizeof(*intent));
    intent->key = mem_strdup(settings->key);
    intent->request_timeout_ms = settings->request_timeout_ms;
    intent->ephemeral = settings->ephemeral;
    random_seed(&intent->random, settings->seed);
    intent->backoff = RETRY_BACKOFF;
    return intent;
}

void intent_free(struct intent *intent)
{
    if (intent != NULL) {
        free(intent->key);
        free(intent);
    }
}

void intent_note(struct intent *intent, enum intent_note note, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str kept = queue_vformat(intent->effects, 400, format, args);
    va_end(args);
    struct intent_effect *effect = intent_emit(intent, INTENT_DO_NOTE);
    effect->note = note;
    effect->text = kept;
}

struct intent_effect *intent_emit(struct intent *intent, enum intent_effect_type type)
{
    struct intent_effect *effect = queue_push(intent->effects);
    effect->type = type;
    return effect;
}

static void set_phase(struct intent *intent, enum intent_phase phase)
{
    assert(phase == intent->phase + 1); /* NEW, RUNNING, LEAVING, DONE */
    intent->phase = phase;
}

/* ---- what to request next ---- */

/* Whether the key does not hold what it should. */
static bool is_dirty(const struct intent *intent)
{
    return intent->known &&
           (intent->pending || (intent->value.content == INTENT_ABSENT && intent->local.set));
}

/* The moment from which the key may be written: two writers that change it in a loop do not cause a third loop. */
static int64_t write_slot(const struct intent *intent)
{
    return intent->write_tat - (WRITE_BURST - 1) * WRITE_PERIOD_MS;
}

/* Whether the id ends with this agent and its key exists, or may exist by a write without an answer. */
static bool leaves_a_key(const struct intent *intent)
{
    return intent->ephemeral &&
           ((intent->known && intent->value.content != INTENT_ABSENT) || intent->maybe_written_count > 0);
}

/* A request that may be made from `at` on (mono). */
struct next_request {
    enum registry_op op;
    int64_t at; /* NEVER_MS: none */
};

static struct next_request next_request(const struct intent *intent)
{
    bool active = intent->phase == INTENT_RUNNING || intent->phase == INTENT_LEAVING;
    if (!active || intent->flight.id != 0) {
        return (struct next_request){REGISTRY_GET, NEVER_MS};
    }
    if (intent->phase == INTENT_LEAVING) {
        return (struct next_request){leaves_a_key(intent) ? REGISTRY_DELETE : REGISTRY_PUT, intent->retry};
    }
    if (intent->must_read) {
        return (struct next_request){REGISTRY_GET, intent->retry};
    }
    int64_t slot = write_slot(intent);
    int64_t at = slot > intent->retry ? slot : intent->retry;
    return (struct next_request){REGISTRY_PUT, is_dirty(intent) ? at : NEVER_MS};
}

static void send(struct intent *intent, enum registry_op op)
{
    int64_t now = intent->now.mono;
    struct intent_effect *effect = intent_emit(intent, INTENT_DO_REQUEST);
    effect->request = (struct registry_request){.id = ++intent->next_id,
                                                .op = op,
                                                .key = str_of(intent->key),
                                                .expect_revision = op == REGISTRY_GET ? 0 : intent->revision,
                                                .timeout_ms = intent->request_timeout_ms};
    intent->flight = (struct intent_flight){.id = intent->next_id, .op = op};
    if (op == REGISTRY_PUT) {
        intent->write_tat = (intent->write_tat > now ? intent->write_tat : now) + WRITE_PERIOD_MS;
        effect->hold = intent->flight.hold = intent->local;
    }
}

static bool may_still_leave(const struct intent *intent)
{
    return intent->leave_tries < LEAVING_TRIES_MAX &&
           (leaves_a_key(intent) || (!intent->ephemeral && is_dirty(intent)));
}

static void plan(struct intent *intent)
{
    struct next_request next = next_request(intent);
    if (intent->phase == INTENT_LEAVING && intent->flight.id == 0 && !may_still_leave(intent)) {
        set_phase(intent, INTENT_DONE);
        intent_emit(intent, INTENT_DO_DONE);
    } else if (intent->now.mono >= next.at) {
        send(intent, next.op);
    }
}

struct window intent_deadline(const struct intent *intent)
{
    return window_at(next_request(intent).at);
}

/* ---- replies ---- */

static int64_t delay_after(struct intent *intent, enum registry_failure failure)
{
    bool idle = intent->known && !intent->pending;
    if (intent->phase == INTENT_LEAVING) {
        return retry_delay_leaving(&intent->random);
    }
    int64_t delay = retry_delay(&intent->backoff, failure, &intent->random);
    bool first = intent->backoff.failures <= 1;
    return intent->slow || !idle || first ? delay : retry_spread(IDLE_RETRY_MS, &intent->random);
}

static void fail(struct intent *intent, const struct registry_reply *reply)
{
    outage_fail(&intent->outage, &intent->last_error, reply, &intent->now);
    intent->slow = retry_is_slow(reply->failure);
    intent->retry = intent->now.mono + delay_after(intent, reply->failure);
    if (intent->phase == INTENT_LEAVING) {
        intent->leave_tries += intent->slow ? LEAVING_TRIES_MAX : 1;
        if (intent->leave_tries >= LEAVING_TRIES_MAX) {
            intent_note(intent, INTENT_NOTE_LEFT, "%s: %s", intent->key, intent->last_error.text);
        }
    } else if ((intent->pending || intent->slow) && outage_log_once(&intent->outage, reply->failure)) {
        /* The registrar logs the outage of the registry; here only what a pending change waits for, and
         * what concerns the control key alone. */
        intent_note(intent, INTENT_NOTE_OUTAGE, "%s: %s", intent->key, intent->last_error.text);
    }
}

static void succeed(struct intent *intent)
{
    intent->slow = false;
    intent->retry = 0;
    if (outage_end(&intent->outage, &intent->last_error) && intent->outage.logged != 0) {
        intent_note(intent, INTENT_NOTE_RECOVERED, "%s", intent->key);
    }
}

/* Remembers what may have been written, so that it does not count as an external change when it is found. */
static void add_maybe_written(struct intent *intent, const struct hold *hold)
{
    for (size_t i = 0; i < intent->maybe_written_count; i++) {
        if (intent_same_hold(&intent->maybe_written[i], hold)) {
            return;
        }
    }
    if (intent->maybe_written_count == MAYBE_WRITTEN_MAX) {
        memmove(intent->maybe_written, intent->maybe_written + 1,
                (MAYBE_WRITTEN_MAX - 1) * sizeof(intent->maybe_written[0]));
        intent->maybe_written_count--;
    }
    intent->maybe_written[intent->maybe_written_count++] = *hold;
}

/* The key as the reply has it, unless the watch has reported something newer. */
static void learn_reply(struct intent *intent, const struct intent_event *event, int64_t applied)
{
    const struct registry_kv *kv = &event->reply->kv;
    int64_t as_of = event->reply->revision > kv->mod_revision ? event->reply->revision : kv->mod_revision;
    if (applied > as_of) {
        intent->must_read = true;
    } else {
        intent_learn(intent, event->value, kv->found ? kv->mod_revision : 0, as_of);
    }
}

static void on_put(struct intent *intent, const struct intent_event *event,
                   const struct intent_flight *flight)
{
    if (event->reply->succeeded) {
        intent_written(intent, &flight->hold, event->reply->revision);
        intent->must_read = intent->must_read || flight->applied > event->reply->revision;
        intent->backoff.failures = 0;
        return;
    }
    /* The request may have arrived twice, and this is the answer to the second. */
    add_maybe_written(intent, &flight->hold);
    learn_reply(intent, event, flight->applied);
    /* Another writer is active: not in step with it. */
    intent->retry = intent->now.mono + backoff_next(&intent->backoff, &intent->random);
}

static void on_delete(struct intent *intent, const struct intent_event *event)
{
    const struct registry_kv *kv = &event->reply->kv;
    bool gone = event->reply->succeeded || !kv->found;
    intent->known = true;
    intent->value.content =
        gone ? INTENT_ABSENT : INTENT_UNREADABLE; /* whatever it holds now ends with the id */
    intent->revision = gone ? 0 : kv->mod_revision;
    intent->maybe_written_count = 0;
    intent->leave_tries += gone ? 0 : 1;
}

static void on_reply(struct intent *intent, const struct intent_event *event)
{
    const struct registry_reply *reply = event->reply;
    struct intent_flight flight = intent->flight;
    intent->flight = (struct intent_flight){0};
    if (reply->failure != REGISTRY_OK) {
        if (flight.op == REGISTRY_PUT) {
            add_maybe_written(intent, &flight.hold); /* a refusal may answer the second of two, too */
            intent->must_read = intent->must_read || reply->failure == REGISTRY_UNKNOWN;
        }
        intent->must_read = intent->must_read || flight.op == REGISTRY_GET || flight.applied > intent->as_of;
        fail(intent, reply);
    } else {
        succeed(intent);
        if (flight.op == REGISTRY_PUT) {
            on_put(intent, event, &flight);
        } else if (flight.op == REGISTRY_GET) {
            intent->backoff.failures = 0;
            learn_reply(intent, event, flight.applied);
        } else {
            on_delete(intent, event);
        }
    }
    if (!intent->settled) {
        intent->settled = true;
        intent_emit(intent, INTENT_DO_SETTLE);
    }
}

/* ---- the step ---- */

static void on_changed(struct intent *intent, const struct intent_event *event)
{
    if (!intent->known || event->revision <= intent->as_of) {
        return; /* it will be read, or was read since then */
    }
    if (intent->flight.id != 0) {
        intent->flight.applied = event->revision; /* maybe the own write: its reply tells */
        return;
    }
    int64_t revision = event->value->content == INTENT_ABSENT ? 0 : event->revision;
    intent_learn(intent, event->value, revision, event->revision);
}

static void on_local(struct intent *intent, const struct intent_event *event)
{
    bool was = intent->pending;
    bool clear = intent->known && intent->flight.op != REGISTRY_PUT && intent->maybe_written_count == 0;
    intent->local = *event->hold;
    /* A drain is written even where the key holds it already: it may have been lifted unseen, and the latest
     * command counts. */
    intent->pending = !clear || intent->local.set || !intent_same(&intent->value, &intent->local);
    if (intent->pending && !was) {
        intent->pending_wall = intent->now.wall;
    }
    int64_t longest = intent->now.mono + RETRY_CAP_MS;
    if (intent->pending && !intent->slow && intent->retry > longest) {
        intent->retry = longest; /* the wait was for a read that nothing waited for; now a change waits */
    }
    /* The server saves the hold, and this with it. */
    intent->saved_pending = intent->pending;
}

static void on_leave(struct intent *intent)
{
    if (intent->phase != INTENT_RUNNING) {
        return;
    }
    set_phase(intent, INTENT_LEAVING);
    intent->retry = 0;
    if (intent->flight.op == REGISTRY_GET) {
        intent->flight = (struct intent_flight){0};
    }
}

static void on_start(struct intent *intent, const struct intent_event *event)
{
    set_phase(intent, INTENT_RUNNING);
    intent->must_read = true;
    intent->local = *event->hold;
    intent->seen = intent->saved_seen = event->revision;
    intent->pending = intent->saved_pending = event->pending;
    intent->pending_wall = intent->now.wall;
    if (event->sent_wall != 0) {
        bool is_this = event->hold->set && event->hold->since_wall == event->sent_wall;
        struct hold sent = {.set = true, .since_wall = event->sent_wall};
        intent->maybe_written[intent->maybe_written_count++] = is_this ? *event->hold : sent;
    }
}

void intent_step(struct intent *intent, const struct intent_event *event, struct queue *effects)
{
    intent->now = event->now;
    intent->effects = effects;
    switch (event->type) {
    case INTENT_ON_TICK: break;
    case INTENT_ON_START: on_start(intent, event); break;
    case INTENT_ON_LOCAL: on_local(intent, event); break;
    case INTENT_ON_REPLY:
        if (event->reply->id != 0 && event->reply->id == intent->flight.id) {
            on_reply(intent, event);
        }
        break;
    case INTENT_ON_CHANGED: on_changed(intent, event); break;
    case INTENT_ON_READ_BACK:
        intent->must_read = true;
        intent->retry =
            intent->slow ? intent->retry : 0; /* the registry answers: only a slow retry goes on waiting */
        break;
    case INTENT_ON_LEAVE: on_leave(intent); break;
    }
    plan(intent);
    if (intent->saved_seen != intent->seen || intent->saved_pending != intent->pending) {
        intent->saved_seen = intent->seen;
        intent->saved_pending = intent->pending;
        intent_emit(intent, INTENT_DO_SAVE);
    }
}

static int64_t sent_wall(const struct intent *intent)
{
    if (intent->flight.op == REGISTRY_PUT && intent->flight.hold.set) {
        return intent->flight.hold.since_wall;
    }
    /* A lift is found like any other writer's: it must not hide the hold that was sent before it. */
    size_t i = intent->maybe_written_count;
    while (i > 0 && !intent->maybe_written[i - 1].set) {
        i--;
    }
    return i > 0 ? intent->maybe_written[i - 1].since_wall : 0;
}

struct intent_facts intent_facts(const struct intent *intent)
{
    bool unreadable = intent->known && intent->value.content == INTENT_UNREADABLE;
    return (struct intent_facts){
        .key = intent->key,
        .settled = intent->settled,
        .known = intent->known,
        .in_sync = intent->known && !is_dirty(intent) && !unreadable,
        .seen = intent->seen,
        .sent_wall = sent_wall(intent),
        .pending = intent->pending,
        .pending_wall = intent->pending_wall,
        .last_error = intent->last_error.text,
        .unreadable = unreadable ? intent->value.error : "",
    };
}
