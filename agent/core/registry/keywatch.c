#include "outrider/core/registry/keywatch.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* The spread of a first try is what a thousand agents need to stay below five times their steady rate when
 * the registry comes back (sim --herd). The cap is half of how often the key is read back anyway. */
enum { SPREAD_MS = 5000, CAP_MS = 30000, DENIED_MS = 60000 };
/* The first watch of an agent follows its first record soon. */
enum { FIRST_SPREAD_MS = 500 };
/* A watch that stayed open for this long was no failure when it ends. */
enum { STEADY_MS = 60000 };
/* What was written or read should have been told within this. */
enum { LATE_MS = 1000 };

/* Registrar and intent count up from 1 and from 2^48. */
static const uint64_t FIRST_ID = UINT64_C(1) << 49;

const char *keywatch_state_name(enum keywatch_state state)
{
    static const char *const names[] = {[KEYWATCH_OFF] = "off",
                                        [KEYWATCH_WAITING] = "waiting",
                                        [KEYWATCH_OPENING] = "opening",
                                        [KEYWATCH_OPEN] = "open"};
    return names[state];
}

void keywatch_init(struct keywatch *keywatch, const char *record_key, const char *control_key,
                   int64_t timeout_ms, int64_t quiet_ms, uint64_t seed)
{
    *keywatch = (struct keywatch){.record_key = mem_strdup(record_key),
                                  .control_key = mem_strdup(control_key),
                                  .timeout_ms = timeout_ms,
                                  .quiet_ms = quiet_ms,
                                  .next_id = FIRST_ID};
    random_seed(&keywatch->random, seed);
    backoff_init(&keywatch->backoff, SPREAD_MS, CAP_MS);
}

void keywatch_fini(struct keywatch *keywatch)
{
    if (keywatch != NULL) {
        free(keywatch->record_key);
        free(keywatch->control_key);
        *keywatch = (struct keywatch){0};
    }
}

static void note(struct keywatch *keywatch, enum keywatch_note note, const char *text, struct queue *effects)
{
    if ((keywatch->told & 1u << note) != 0) {
        return;
    }
    keywatch->told |= 1u << note;
    struct keywatch_effect *effect = queue_push(effects);
    effect->type = KEYWATCH_DO_NOTE;
    effect->note = note;
    effect->text = queue_copy(effects, str_of(text));
}

static void open_watch(struct keywatch *keywatch, struct queue *effects)
{
    keywatch->state = KEYWATCH_OPENING;
    keywatch->id++;
    struct keywatch_effect *effect = queue_push(effects);
    effect->type = KEYWATCH_DO_WATCH;
    effect->id = keywatch->id;
    effect->watch = (struct registry_watch){
        .id = keywatch->id,
        .ranges = {{.key = str_of(keywatch->record_key)}, {.key = str_of(keywatch->control_key)}},
        .range_count = 2,
        .timeout_ms = keywatch->timeout_ms};
}

static void close_watch(struct keywatch *keywatch, struct queue *effects)
{
    if (keywatch->state == KEYWATCH_OPENING || keywatch->state == KEYWATCH_OPEN) {
        struct keywatch_effect *effect = queue_push(effects);
        effect->type = KEYWATCH_DO_UNWATCH;
        effect->id = keywatch->id;
    }
}

static int64_t pause(struct keywatch *keywatch)
{
    int64_t wait = backoff_next(&keywatch->backoff, &keywatch->random);
    if (keywatch->denied) {
        wait = DENIED_MS / 2 + (int64_t)random_below(&keywatch->random, DENIED_MS / 2);
    }
    return wait;
}

static void wait_for_next(struct keywatch *keywatch, int64_t now)
{
    bool steady = keywatch->state == KEYWATCH_OPEN && now - keywatch->opened_mono >= STEADY_MS;
    if (steady) {
        backoff_reset(&keywatch->backoff);
        keywatch->told = 0;
    }
    keywatch->state = KEYWATCH_WAITING;
    keywatch->reachable = false;
    keywatch->due = NEVER_MS;
    keywatch->expected_revision = 0;
    keywatch->compare_id = 0;
}

static void applied(struct keywatch *keywatch, int64_t now)
{
    keywatch->suspected = false;
    keywatch->compare_due = now + keywatch->quiet_ms - LATE_MS;
}

static void read_back(int64_t revision, struct queue *effects)
{
    struct keywatch_effect *effect = queue_push(effects);
    effect->type = KEYWATCH_DO_READ_BACK;
    effect->revision = revision;
}

static void on_opened(struct keywatch *keywatch, const struct keywatch_event *event, struct queue *effects)
{
    keywatch->state = KEYWATCH_OPEN;
    keywatch->opened_mono = event->now.mono;
    keywatch->pending_revision = event->watch->revision;
    keywatch->expected_revision = 0;
    keywatch->denied = false;
    keywatch->last_error[0] = '\0';
    applied(keywatch, event->now.mono);
    if (keywatch->told != 0) {
        note(keywatch, KEYWATCH_NOTE_WELL, "", effects);
    }
    read_back(event->watch->revision, effects);
}

static void on_ended(struct keywatch *keywatch, const struct keywatch_event *event, struct queue *effects)
{
    const struct registry_watch_event *watch = event->watch;
    /* One that was open may end with a restart of etcd or an idle connection that somebody cut, and one that
     * is being opened may meet the same: no news, unless it goes on. */
    unsigned patience = keywatch->state == KEYWATCH_OPEN ? 3 : 2;
    keywatch->denied = watch->failure == REGISTRY_DENIED || watch->failure == REGISTRY_REFUSED;
    snprintf(keywatch->last_error, sizeof(keywatch->last_error), "%.*s", STR_ARG(watch->error));
    if (keywatch->last_error[0] == '\0') {
        snprintf(keywatch->last_error, sizeof(keywatch->last_error), "the registry ended it");
    }
    wait_for_next(keywatch, event->now.mono);
    if (keywatch->denied || keywatch->backoff.failures >= patience) {
        note(keywatch, KEYWATCH_NOTE_FAILS, keywatch->last_error, effects);
    }
}

static void expect_revision_within(struct keywatch *keywatch, int64_t revision, int64_t now)
{
    if (keywatch->state == KEYWATCH_OPEN && revision > keywatch->pending_revision &&
        revision > keywatch->expected_revision) {
        if (keywatch->expected_revision == 0) {
            keywatch->expected_until = now + LATE_MS;
            keywatch->in_grace = false;
        }
        keywatch->expected_revision = revision;
    }
}

static void on_told(struct keywatch *keywatch, const struct registry_watch_event *watch, int64_t now)
{
    int64_t newest = watch->revision;
    applied(keywatch, now);
    for (size_t i = 0; i < watch->change_count; i++) {
        newest = watch->changes[i].mod_revision > newest ? watch->changes[i].mod_revision : newest;
    }
    if (newest > keywatch->pending_revision) {
        keywatch->pending_revision = newest;
    }
    if (keywatch->pending_revision >= keywatch->expected_revision) {
        keywatch->expected_revision = 0;
    }
}

static void on_watch(struct keywatch *keywatch, const struct keywatch_event *event, struct queue *effects)
{
    const struct registry_watch_event *watch = event->watch;
    if (watch->id != keywatch->id || keywatch->state < KEYWATCH_OPENING) {
        return;
    }
    switch (watch->type) {
    case REGISTRY_WATCH_OPENED:
        if (keywatch->state == KEYWATCH_OPENING) {
            on_opened(keywatch, event, effects);
        }
        break;
    case REGISTRY_WATCH_CHANGED: on_told(keywatch, watch, event->now.mono); break;
    case REGISTRY_WATCH_ENDED: on_ended(keywatch, event, effects); break;
    }
}

static void on_success(struct keywatch *keywatch, const struct keywatch_event *event)
{
    int64_t now = event->now.mono;
    if (keywatch->state == KEYWATCH_OFF && event->settled && !keywatch->left) {
        keywatch->state = KEYWATCH_WAITING;
        keywatch->reachable = true;
        keywatch->due = now + 1 + (int64_t)random_below(&keywatch->random, FIRST_SPREAD_MS);
    } else if (keywatch->state == KEYWATCH_WAITING && !keywatch->reachable && event->settled) {
        keywatch->reachable = true;
        keywatch->due = now + pause(keywatch);
    }
    expect_revision_within(keywatch, event->revision, now);
}

/* ---- what it has told, against what the registry has ---- */

static void compare(struct keywatch *keywatch, const struct keywatch_event *event, struct queue *effects)
{
    bool both = event->control_revision >= 0;
    struct keywatch_effect *effect = queue_push(effects);
    effect->type = KEYWATCH_DO_COMPARE;
    effect->request = (struct registry_request){.id = ++keywatch->next_id,
                                                .op = REGISTRY_COMPARE,
                                                .key = str_of(keywatch->record_key),
                                                .expect_revision = event->revision,
                                                .range_end = both ? str_of(keywatch->control_key) : STR(""),
                                                .at_revision = both ? event->control_revision : 0,
                                                .timeout_ms = keywatch->timeout_ms};
    keywatch->compare_id = keywatch->next_id;
    keywatch->compared_revision = event->revision;
    keywatch->compared_control = event->control_revision;
}

/* It rides with a heartbeat where there is one, unless it is to say for certain what one of before has found.
 * What is due long since waited for a registry that was away: not every agent in the second in which it is
 * back. */
static void plan_comparison(struct keywatch *keywatch, const struct keywatch_event *event,
                            struct queue *effects)
{
    int64_t now = event->now.mono;
    bool by_itself = keywatch->suspected || keywatch->leaseless;
    bool rides = event->type == KEYWATCH_ON_SUCCESS || by_itself;
    if (keywatch->state != KEYWATCH_OPEN || keywatch->compare_id != 0 || !event->settled || !rides ||
        now < keywatch->compare_due) {
        return;
    }
    if (now - keywatch->compare_due > keywatch->quiet_ms / 2 && !by_itself) {
        keywatch->compare_due = now + 1 + (int64_t)random_below(&keywatch->random, SPREAD_MS);
        return;
    }
    compare(keywatch, event, effects);
}

static void end_deaf(struct keywatch *keywatch, const char *what, int64_t now, struct queue *effects)
{
    note(keywatch, KEYWATCH_NOTE_LATE, what, effects);
    snprintf(keywatch->last_error, sizeof(keywatch->last_error),
             "it was open, but did not tell what had changed");
    close_watch(keywatch, effects);
    wait_for_next(keywatch, now);
}

/* Something else than is known may be on its way to us by the stream: it has a second. What came meanwhile,
 * by the stream or by a write of our own, which the stream owes us, makes the answer one about the past. */
static void on_difference(struct keywatch *keywatch, const struct keywatch_event *event,
                          struct queue *effects)
{
    int64_t now = event->now.mono;
    bool same = event->settled && event->revision == keywatch->compared_revision &&
                event->control_revision == keywatch->compared_control;
    if (!same) {
        keywatch->suspected = false;
        keywatch->compare_due = now;
    } else if (!keywatch->suspected) {
        keywatch->suspected = true;
        keywatch->compare_due = now + LATE_MS;
    } else {
        end_deaf(keywatch, "one of its keys has changed and the watch has not told it", now, effects);
        read_back(event->reply->revision, effects);
    }
}

static void on_compared(struct keywatch *keywatch, const struct keywatch_event *event, struct queue *effects)
{
    const struct registry_reply *reply = event->reply;
    int64_t now = event->now.mono;
    if (!keywatch_awaits(keywatch, reply->id)) {
        return;
    }
    keywatch->compare_id = 0;
    if (reply->failure == REGISTRY_DENIED || reply->failure == REGISTRY_REFUSED) {
        keywatch->compare_due = now + DENIED_MS;
    } else if (reply->failure != REGISTRY_OK) {
        keywatch->compare_due = now + 1 + (int64_t)random_below(&keywatch->random, SPREAD_MS);
    } else if (reply->succeeded) {
        struct keywatch_effect *effect = queue_push(effects);
        effect->type = KEYWATCH_DO_CONFIRM;
        applied(keywatch, now);
    } else {
        on_difference(keywatch, event, effects);
    }
}

static void look_for_debts(struct keywatch *keywatch, int64_t now, struct queue *effects)
{
    if (keywatch->expected_revision == 0 || now < keywatch->expected_until) {
        return;
    }
    if (now - keywatch->expected_until >= LATE_MS && !keywatch->in_grace) {
        /* This step itself is late: what the watch told may be waiting to be read. */
        keywatch->in_grace = true;
        keywatch->expected_until = now + LATE_MS;
        return;
    }
    end_deaf(keywatch, "the record changed a second ago and the watch has not told it", now, effects);
}

void keywatch_step(struct keywatch *keywatch, const struct keywatch_event *event, struct queue *effects)
{
    int64_t now = event->now.mono;
    keywatch->leaseless = event->leaseless;
    keywatch->settled = event->settled;
    switch (event->type) {
    case KEYWATCH_ON_TICK: break;
    case KEYWATCH_ON_SUCCESS: on_success(keywatch, event); break;
    case KEYWATCH_ON_WATCH: on_watch(keywatch, event, effects); break;
    case KEYWATCH_ON_COMPARED: on_compared(keywatch, event, effects); break;
    case KEYWATCH_ON_RESTART:
        if (keywatch->state == KEYWATCH_OPENING || keywatch->state == KEYWATCH_OPEN) {
            close_watch(keywatch, effects);
            wait_for_next(keywatch, now);
        }
        break;
    case KEYWATCH_ON_LEAVE:
        close_watch(keywatch, effects);
        wait_for_next(keywatch, now);
        keywatch->state = KEYWATCH_OFF;
        keywatch->left = true;
        break;
    }
    if (keywatch->state == KEYWATCH_WAITING && !keywatch->reachable && keywatch->leaseless) {
        keywatch->reachable = true;
        keywatch->due = now + pause(keywatch);
    }
    look_for_debts(keywatch, now, effects);
    plan_comparison(keywatch, event, effects);
    if (keywatch->state == KEYWATCH_WAITING && keywatch->reachable && now >= keywatch->due) {
        open_watch(keywatch, effects);
    }
}

struct window keywatch_deadline(const struct keywatch *keywatch)
{
    if (keywatch->state == KEYWATCH_WAITING && keywatch->reachable) {
        return window_at(keywatch->due);
    }
    struct window window = WINDOW_NEVER;
    if (keywatch->state == KEYWATCH_OPEN && keywatch->expected_revision != 0) {
        window = (struct window){keywatch->expected_until, keywatch->expected_until + LATE_MS / 2};
    }
    bool compares = keywatch->settled && (keywatch->suspected || keywatch->leaseless);
    if (keywatch->state == KEYWATCH_OPEN && compares && keywatch->compare_id == 0) {
        window = window_sooner(window,
                               (struct window){keywatch->compare_due, keywatch->compare_due + LATE_MS / 2});
    }
    return window;
}

bool keywatch_hears(const struct keywatch *keywatch, uint64_t id)
{
    return keywatch->state == KEYWATCH_OPEN && keywatch->id == id;
}

bool keywatch_awaits(const struct keywatch *keywatch, uint64_t id)
{
    return id != 0 && keywatch->compare_id == id;
}

enum keywatch_state keywatch_state(const struct keywatch *keywatch)
{
    return keywatch->state;
}

const char *keywatch_last_error(const struct keywatch *keywatch)
{
    return keywatch->last_error;
}
