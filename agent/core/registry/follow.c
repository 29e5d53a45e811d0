/* States, waits, what an outage logs. */
#include "follow_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <stdlib.h>

const char *follow_state_name(enum follow_state state)
{
    static const char *const names[FOLLOW_STATE_COUNT] = {
        [FOLLOW_OFF] = "off",           [FOLLOW_WAITING] = "waiting", [FOLLOW_LISTING] = "listing",
        [FOLLOW_RESUMING] = "resuming", [FOLLOW_OPENING] = "opening", [FOLLOW_OPEN] = "open"};
    return (size_t)state < COUNT_OF(names) ? names[state] : "unknown";
}

#define TO(state) (1u << FOLLOW_##state)

void follow_set_state(struct follow *follow, enum follow_state state)
{
    static const unsigned allowed[FOLLOW_STATE_COUNT] = {
        [FOLLOW_OFF] = TO(WAITING) | TO(LISTING) | TO(OPENING),
        [FOLLOW_WAITING] = TO(OFF) | TO(LISTING) | TO(RESUMING) | TO(OPENING),
        [FOLLOW_LISTING] = TO(OFF) | TO(WAITING) | TO(LISTING) | TO(RESUMING) | TO(OPENING),
        [FOLLOW_RESUMING] = TO(OFF) | TO(WAITING) | TO(OPENING),
        [FOLLOW_OPENING] = TO(OFF) | TO(WAITING) | TO(OPEN),
        [FOLLOW_OPEN] = TO(OFF) | TO(WAITING),
    };
    assert((allowed[follow->state] & 1u << state) != 0);
    follow->state = state;
}

bool follow_can(const struct follow *follow, uint32_t capabilities)
{
    return (follow->settings.can & capabilities) == capabilities;
}

/* ---- life ---- */

void follow_init(struct follow *follow, const struct follow_settings *settings)
{
    *follow = (struct follow){.settings = *settings, .due = NEVER_MS};
    random_seed(&follow->random, settings->seed);
    follow->backoff = (struct backoff){.first_ms = settings->first_ms, .cap_ms = settings->cap_ms};
}

void follow_init_range(struct follow *follow, const struct follow_settings *settings)
{
    struct follow_settings all = *settings;
    all.range_count = 1;
    all.check = FOLLOW_CHECK_NEWEST;
    all.lists = true;
    all.grace_ms = settings->timeout_ms;
    all.first_ms = RETRY_FIRST_MS;
    all.cap_ms = all.steady_ms = RETRY_CAP_MS;
    all.slow_ms = RETRY_SLOW_MS;
    follow_init(follow, &all);
}

void follow_fini(struct follow *follow)
{
    if (follow != NULL) {
        free(follow->own_keys[FOLLOW_RECORD]);
        free(follow->own_keys[FOLLOW_CONTROL]);
        free(follow->listing.next);
        *follow = (struct follow){0};
    }
}

/* ---- effects ---- */

struct follow_effect *follow_push(struct follow *follow, enum follow_effect_type type)
{
    struct follow_effect *effect = queue_push(follow->effects);
    effect->type = type;
    return effect;
}

static struct follow_effect *push_text(struct follow *follow, enum follow_effect_type type, struct str text)
{
    struct str kept = queue_copy(follow->effects, text);
    struct follow_effect *effect = follow_push(follow, type);
    effect->text = kept;
    return effect;
}

static void push_note(struct follow *follow, enum follow_note note, struct str text)
{
    follow->noted |= 1u << note;
    push_text(follow, FOLLOW_DO_NOTE, text)->note = note;
}

/* One line until a stream was steady. */
static void note_once(struct follow *follow, enum follow_note note, const char *text)
{
    if ((follow->noted & 1u << note) == 0) {
        push_note(follow, note, str_of(text));
    }
}

struct registry_request *follow_ask(struct follow *follow, enum registry_op op, enum follow_ask ask)
{
    struct follow_effect *effect = follow_push(follow, FOLLOW_DO_REQUEST);
    follow->request_id = ++follow->next_id;
    follow->ask = ask;
    effect->request = (struct registry_request){.id = follow->request_id,
                                                .op = op,
                                                .key = follow->settings.ranges[0].key,
                                                .timeout_ms = follow->settings.timeout_ms};
    return &effect->request;
}

void follow_ask_newest(struct follow *follow, enum follow_ask ask, int64_t at_revision)
{
    struct registry_request *request = follow_ask(follow, REGISTRY_LIST, ask);
    request->range_end = follow->settings.ranges[0].end;
    request->newest_first = follow_can(follow, REGISTRY_CAN_NEWEST_FIRST);
    request->limit = request->newest_first ? 1 : 0;
    request->at_revision = at_revision;
    follow->newest.asked_seen = follow->seen;
    follow->newest.asked_keys = follow->keys;
}

/* ---- in sync or not ---- */

void follow_see(struct follow *follow, int64_t revision)
{
    follow->seen = revision > follow->seen ? revision : follow->seen;
}

void follow_set_synced(struct follow *follow)
{
    if (follow->synced) {
        return;
    }
    follow->synced = true;
    follow->synced_mono = follow->now.mono;
    follow->last_error[0] = '\0';
    if (follow->noted != 0) {
        char text[80];
        note_once(follow, FOLLOW_NOTE_RECOVERED, outage_summary(&follow->outage, &follow->now, text));
    }
    follow_push(follow, FOLLOW_DO_SYNCED);
}

void follow_certain(struct follow *follow)
{
    follow->silent = 0;
    follow_push(follow, FOLLOW_DO_CONFIRM);
    follow_set_synced(follow);
}

static void end_outage(struct follow *follow)
{
    follow->backoff.failures = 0;
    follow->outage = (struct outage){0};
    follow->noted = 0;
}

void follow_set_stale(struct follow *follow, struct str why)
{
    if (!follow->synced) {
        return;
    }
    follow->synced = false;
    if (follow->now.mono - follow->synced_mono >= follow->settings.steady_ms) {
        end_outage(follow);
    }
    push_text(follow, FOLLOW_DO_STALE, why);
}

/* Nothing is in flight or open any more. */
static void drop(struct follow *follow, struct str why)
{
    if (follow->watch_id != 0) {
        follow_push(follow, FOLLOW_DO_UNWATCH)->id = follow->watch_id;
    }
    follow->watch_id = follow->request_id = 0;
    follow->compare = (struct follow_compare){0};
    follow->newest = (struct follow_newest){0};
    follow_set_stale(follow, why);
}

static void set_error(struct follow *follow, struct str why)
{
    brief_copy(follow->last_error, sizeof(follow->last_error), why);
}

void follow_plan_next(struct follow *follow)
{
    int64_t delay = retry_is_slow(follow->failure) ? retry_spread(follow->settings.slow_ms, &follow->random)
                                                   : backoff_next(&follow->backoff, &follow->random);
    follow->due = follow->now.mono + delay;
}

static void wait_for_next(struct follow *follow, enum registry_failure failure)
{
    follow->failure = failure;
    follow->relist = follow->relist || follow->state == FOLLOW_LISTING;
    follow_set_state(follow, FOLLOW_WAITING);
    if (follow->settings.check == FOLLOW_CHECK_KEYS) {
        follow->positioned = false;
        follow->due = NEVER_MS;
    } else {
        follow_plan_next(follow);
    }
}

/* What is open is closed, and the next try comes after a wait. */
static void fail(struct follow *follow, enum registry_failure failure, struct str why)
{
    drop(follow, why);
    set_error(follow, why);
    if (follow->outage.count++ == 0) {
        follow->outage.since_mono = follow->now.mono;
    }
    push_text(follow, FOLLOW_DO_FAILED, why)->failure = failure;
    wait_for_next(follow, failure);
}

void follow_fail(struct follow *follow, enum registry_failure failure, struct str why)
{
    /* A registry that restarts, or a proxy that cuts idle connections, ends a stream that was open. */
    unsigned patience = follow->settings.patience;
    patience += patience > 0 && follow->state == FOLLOW_OPEN ? 1 : 0;
    fail(follow, failure, why);
    bool logged = retry_is_slow(failure) || follow->outage.count > patience;
    if (logged && outage_log_once(&follow->outage, failure)) {
        push_note(follow, FOLLOW_NOTE_OUTAGE, why);
    }
}

void follow_end_silent(struct follow *follow, const char *why)
{
    follow->silences++;
    follow->counted = false; /* a wrong count must not end every stream */
    if (follow->settings.lists && follow->silent++ > 0) {
        follow_read_anew(follow, FOLLOW_SILENT_TWICE, 0, why);
        return;
    }
    fail(follow, REGISTRY_OK, str_of(why));
    note_once(follow, FOLLOW_NOTE_SILENT, why);
}

void follow_read_anew(struct follow *follow, enum follow_cause cause, int64_t oldest, const char *why)
{
    drop(follow, str_of(why));
    set_error(follow, str_of(why));
    push_text(follow, FOLLOW_DO_NOTE, str_of(why))->note = FOLLOW_NOTE_READ_ANEW;
    follow_forget_listing(follow);
    struct follow_effect *effect = push_text(follow, FOLLOW_DO_READ_ANEW, str_of(why));
    effect->cause = cause;
    effect->oldest = oldest;
    follow->seen = 0;
    if (!follow->settings.lists) {
        follow_set_state(follow, FOLLOW_OFF);
        return;
    }
    follow->relist = true;
    follow_set_state(follow, FOLLOW_WAITING);
    /* The registry answers, so the first wait is short; only one that fails again and again is spared. */
    follow->due = follow->now.mono +
                  (follow->read_anew++ == 0
                       ? 1 + (int64_t)random_below(&follow->random, (uint64_t)follow->settings.first_ms)
                       : backoff_next(&follow->backoff, &follow->random));
}

/* ---- steps ---- */

static void on_reply(struct follow *follow, const struct follow_event *event)
{
    enum follow_ask ask = follow->ask;
    if (!follow_awaits(follow, event->reply->id)) {
        return;
    }
    follow->request_id = 0;
    follow->ask = FOLLOW_ASK_NOTHING;
    switch (ask) {
    case FOLLOW_ASK_NOTHING: break;
    case FOLLOW_ASK_PAGE: follow_on_page(follow, event); break;
    case FOLLOW_ASK_PAST: follow_on_past(follow, event); break;
    case FOLLOW_ASK_REVISION:
    case FOLLOW_ASK_NEWEST:
    case FOLLOW_ASK_COUNT: follow_newest_on_reply(follow, ask, event); break;
    case FOLLOW_ASK_COMPARE: follow_keys_on_compared(follow, event); break;
    }
}

static void on_start(struct follow *follow, const struct follow_event *event)
{
    if (follow->state != FOLLOW_OFF) {
        return;
    }
    if (follow->settings.lists) {
        follow_list(follow);
        return;
    }
    follow->positioned = event->revision > 0;
    follow->delivered = event->revision > 0 ? event->revision - 1 : 0;
    follow_open(follow);
}

static void on_restart(struct follow *follow)
{
    if (follow->state == FOLLOW_OPENING || follow->state == FOLLOW_OPEN) {
        drop(follow, STR("the watch was restarted"));
        wait_for_next(follow, REGISTRY_OK);
    }
}

static void on_stop(struct follow *follow)
{
    follow->stopped = true;
    if (follow->state != FOLLOW_OFF) {
        drop(follow, STR("stopped"));
        follow_forget_listing(follow);
        end_outage(follow);
        follow->last_error[0] = '\0';
        follow_set_state(follow, FOLLOW_OFF);
    }
}

static void try_next(struct follow *follow)
{
    if (follow->state != FOLLOW_WAITING || follow->now.mono < follow->due) {
        return;
    }
    if (!follow->settings.lists) {
        follow_open(follow);
    } else if (follow->relist || !follow_can(follow, REGISTRY_CAN_HISTORY)) {
        follow_list(follow);
    } else {
        follow_resume(follow);
    }
}

void follow_step(struct follow *follow, const struct follow_event *event, struct queue *effects)
{
    follow->now = event->now;
    follow->effects = effects;
    follow->owner = event->owner;
    follow->keys = event->keys;
    if (instant_slept(&event->now, &follow->asleep_ms)) {
        follow->newest.due = follow->now.mono; /* a stream rarely survives that, and ends without a sign */
    }
    switch (event->type) {
    case FOLLOW_ON_TICK: break;
    case FOLLOW_ON_KNOWN:
        follow->positioned = true;
        follow->delivered = event->revision;
        follow->store = (struct follow_store){.cluster = event->cluster};
        break;
    case FOLLOW_ON_START: on_start(follow, event); break;
    case FOLLOW_ON_SUCCESS: follow_keys_on_success(follow); break;
    case FOLLOW_ON_REPLY: on_reply(follow, event); break;
    case FOLLOW_ON_WATCH: follow_on_watch(follow, event); break;
    case FOLLOW_ON_RESTART: on_restart(follow); break;
    case FOLLOW_ON_STOP: on_stop(follow); break;
    }
    if (follow->settings.check == FOLLOW_CHECK_KEYS) {
        follow_keys_check(follow, event);
    } else {
        follow_newest_check(follow);
    }
    try_next(follow);
}

struct window follow_deadline(const struct follow *follow)
{
    if (follow->state == FOLLOW_WAITING) {
        return window_at(follow->due);
    }
    if (follow->state != FOLLOW_OPEN) {
        return WINDOW_NEVER;
    }
    return follow->settings.check == FOLLOW_CHECK_KEYS ? follow_keys_window(follow)
                                                       : follow_newest_window(follow);
}

bool follow_watches(const struct follow *follow, uint64_t id)
{
    return follow->state == FOLLOW_OPEN && follow->watch_id == id;
}

bool follow_awaits(const struct follow *follow, uint64_t id)
{
    return id != 0 && follow->request_id == id;
}

/* ---- for its owner ---- */

const struct registry_request *follow_kept_request(struct queue *effects,
                                                   const struct registry_request *request)
{
    struct registry_request copy = *request;
    copy.key = queue_copy(effects, request->key);
    return (const void *)queue_copy(effects, (struct str){(const char *)&copy, sizeof(copy)}).data;
}

const struct registry_watch *follow_kept_watch(struct queue *effects, const struct registry_watch *watch)
{
    return (const void *)queue_copy(effects, (struct str){(const char *)watch, sizeof(*watch)}).data;
}
