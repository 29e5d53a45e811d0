/* The two checks of whether a stream delivers what the registry has: of known keys, with when their watch opens, and by
 * newest key and count, beside a watch of one range. */
#include "follow_internal.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- known keys ---- */

/* What a thousand agents need so as not to open their watches in the same second when the registry is back
 * (sim --herd). The cap is half of how often the keys are read back without a watch. */
enum { SPREAD_MS = 5000, CAP_MS = 30000, SLOW_MS = 60000 };
/* The first watch of an agent follows its first record soon. */
enum { FIRST_SPREAD_MS = 500 };
/* A watch that stayed open for this long was no failure when it ends. */
enum { STEADY_MS = 60000 };
/* What was written or read should be delivered within this. */
enum { GRACE_MS = 1000 };
enum { PATIENCE = 2 };

void follow_init_keys(struct follow *follow, const char *record_key, const char *control_key,
                      int64_t timeout_ms, int64_t quiet_ms, uint64_t seed)
{
    char *record = mem_strdup(record_key), *control = mem_strdup(control_key);
    follow_init(
        follow,
        &(struct follow_settings){
            .ranges =
                {[FOLLOW_RECORD] = {.key = str_of(record)}, [FOLLOW_CONTROL] = {.key = str_of(control)}},
            .range_count = FOLLOW_KEYS,
            .check = FOLLOW_CHECK_KEYS,
            .timeout_ms = timeout_ms,
            .check_ms = quiet_ms - GRACE_MS,
            .grace_ms = GRACE_MS,
            .first_ms = SPREAD_MS,
            .cap_ms = CAP_MS,
            .slow_ms = SLOW_MS,
            .steady_ms = STEADY_MS,
            .patience = PATIENCE,
            .seed = seed});
    follow->own_keys[FOLLOW_RECORD] = record;
    follow->own_keys[FOLLOW_CONTROL] = control;
}

static int64_t later(struct follow *follow, uint64_t spread_ms)
{
    return follow->now.mono + 1 + (int64_t)random_below(&follow->random, spread_ms);
}

static void trust(struct follow *follow)
{
    follow->compare.suspect = false;
    follow->compare.due = follow->now.mono + follow->settings.check_ms;
}

void follow_keys_opened(struct follow *follow)
{
    follow->compare = (struct follow_compare){0};
    trust(follow);
}

void follow_keys_delivered(struct follow *follow)
{
    trust(follow);
    if (follow->delivered >= follow->compare.expected) {
        follow->compare.expected = 0;
    }
}

static void expect(struct follow *follow, int64_t revision)
{
    struct follow_compare *compare = &follow->compare;
    if (follow->state != FOLLOW_OPEN || revision <= follow->delivered || revision <= compare->expected) {
        return;
    }
    if (compare->expected == 0) {
        compare->expected_until = follow->now.mono + follow->settings.grace_ms;
        compare->in_grace = false;
    }
    compare->expected = revision;
}

void follow_keys_on_success(struct follow *follow)
{
    bool settled = follow->owner.settled;
    if (follow->state == FOLLOW_OFF && settled && !follow->stopped) {
        follow_set_state(follow, FOLLOW_WAITING);
        follow->due = later(follow, FIRST_SPREAD_MS);
    } else if (follow->state == FOLLOW_WAITING && follow->due == NEVER_MS && settled) {
        follow_plan_next(follow);
    }
    expect(follow, follow->owner.known[FOLLOW_RECORD]);
}

/* ---- known keys: the comparison ---- */

static void compare_keys(struct follow *follow)
{
    const int64_t *known = follow->owner.known;
    bool both = known[FOLLOW_CONTROL] >= 0;
    struct registry_request *request = follow_ask(follow, REGISTRY_COMPARE, FOLLOW_ASK_COMPARE);
    request->expect_revision = known[FOLLOW_RECORD];
    request->range_end = both ? follow->settings.ranges[FOLLOW_CONTROL].key : STR("");
    request->at_revision = both ? known[FOLLOW_CONTROL] : 0;
    memcpy(follow->compare.with, known, sizeof(follow->compare.with));
}

/* Without a keepalive to go with, and to make certain what the last one found, it goes alone. */
static bool goes_alone(const struct follow *follow)
{
    return follow->compare.suspect || follow->owner.leaseless;
}

/* It goes with a keepalive, so that it costs no wake-up. One that is long overdue waited for a registry that was
 * away: then it is spread, so that not every agent asks in the second in which the registry is back. */
static void plan_comparison(struct follow *follow, const struct follow_event *event)
{
    int64_t late = follow->now.mono - follow->compare.due;
    bool alone = goes_alone(follow);
    if (follow->state != FOLLOW_OPEN || follow->request_id != 0 || !follow->owner.settled ||
        !(event->type == FOLLOW_ON_SUCCESS || alone) || late < 0) {
        return;
    }
    if (late > (follow->settings.check_ms + follow->settings.grace_ms) / 2 && !alone) {
        follow->compare.due = later(follow, SPREAD_MS);
        return;
    }
    compare_keys(follow);
}

/* The stream may still deliver what the answer has seen. What it delivered meanwhile, or what the owner wrote
 * meanwhile, makes the answer one about the past. */
static void on_difference(struct follow *follow, const struct follow_event *event)
{
    struct follow_compare *compare = &follow->compare;
    bool same =
        follow->owner.settled && memcmp(compare->with, follow->owner.known, sizeof(compare->with)) == 0;
    if (!same) {
        compare->suspect = false;
        compare->due = follow->now.mono;
    } else if (!compare->suspect) {
        compare->suspect = true;
        compare->due = follow->now.mono + follow->settings.grace_ms;
    } else {
        follow_end_silent(follow, "a key has changed and the watch did not deliver it");
        follow_push(follow, FOLLOW_DO_READ_BACK)->revision = event->reply->revision;
    }
}

void follow_keys_on_compared(struct follow *follow, const struct follow_event *event)
{
    const struct registry_reply *reply = event->reply;
    if (reply->failure == REGISTRY_DENIED || reply->failure == REGISTRY_REFUSED) {
        follow->compare.due = follow->now.mono + SLOW_MS;
    } else if (reply->failure != REGISTRY_OK) {
        follow->compare.due = later(follow, SPREAD_MS);
    } else if (reply->succeeded) {
        follow_push(follow, FOLLOW_DO_CONFIRM);
        trust(follow);
    } else {
        on_difference(follow, event);
    }
}

/* ---- known keys: what the owner wrote ---- */

static void check_expected(struct follow *follow)
{
    struct follow_compare *compare = &follow->compare;
    int64_t grace_ms = follow->settings.grace_ms;
    if (compare->expected == 0 || follow->now.mono < compare->expected_until) {
        return;
    }
    if (follow->now.mono - compare->expected_until >= grace_ms && !compare->in_grace) {
        /* This step itself is late: what was delivered may not have been read yet. */
        compare->in_grace = true;
        compare->expected_until = follow->now.mono + grace_ms;
        return;
    }
    follow_end_silent(follow, "the record changed a second ago and the watch did not deliver it");
}

void follow_keys_check(struct follow *follow, const struct follow_event *event)
{
    if (follow->state == FOLLOW_WAITING && follow->due == NEVER_MS && follow->owner.leaseless) {
        follow_plan_next(follow); /* no success of the owner will come */
    }
    check_expected(follow);
    plan_comparison(follow, event);
}

struct window follow_keys_window(const struct follow *follow)
{
    const struct follow_compare *compare = &follow->compare;
    int64_t late_ms = follow->settings.grace_ms / 2;
    struct window window = WINDOW_NEVER;
    if (compare->expected != 0) {
        window = (struct window){compare->expected_until, compare->expected_until + late_ms};
    }
    if (follow->request_id == 0 && follow->owner.settled && goes_alone(follow)) {
        window = window_sooner(window, (struct window){compare->due, compare->due + late_ms});
    }
    return window;
}

/* ---- newest ---- */

/* Exact: a key written unseen is newer than everything delivered, a key deleted unseen is one too many here. */
static bool has_delivered_all(const struct follow *follow)
{
    const struct follow_newest *check = &follow->newest;
    bool counts = !follow->counted || check->count == follow->base + follow->keys;
    return follow->delivered >= check->revision || (check->newest_key <= follow->delivered && counts);
}

static void caught_up(struct follow *follow)
{
    int64_t revision = follow->newest.revision;
    follow->newest.lagging = false;
    follow->delivered = revision > follow->delivered ? revision : follow->delivered;
    follow_certain(follow);
}

void follow_newest_opened(struct follow *follow, const struct follow_event *event)
{
    int64_t revision = event->watch->revision;
    bool behind = revision < follow->seen; /* a member that is behind, or the registry was set back */
    follow_see(follow, revision);
    follow->newest =
        (struct follow_newest){.due = follow->now.mono + follow->settings.check_ms, .revision = revision};
    if (follow->settings.lists || follow->delivered == 0) {
        follow->base = 0;
        follow->counted = true;
    }
    if (revision > 0 && !behind && follow->seen <= follow->delivered) {
        caught_up(follow);
    } else {
        /* What happened before OPENED is on its way; this tells when all of it has come. */
        follow_ask_newest(follow, FOLLOW_ASK_NEWEST, 0);
    }
}

void follow_newest_delivered(struct follow *follow)
{
    follow->uncountable = false;
    if (follow->newest.lagging && has_delivered_all(follow)) {
        caught_up(follow);
    }
}

/* ---- newest: questions ---- */

/* A stream that delivers anything is alive, though it has not come so far: the owner is behind. */
static void on_lag_ended(struct follow *follow)
{
    const struct follow_newest *check = &follow->newest;
    char why[240];
    if (follow->delivered > check->lag_delivered) {
        follow_set_stale(follow, STR("the watch is behind the registry"));
        follow->newest.lagging = false;
        follow_ask_newest(follow, FOLLOW_ASK_NEWEST, 0);
        return;
    }
    snprintf(why, sizeof(why),
             "the watch is open and delivered nothing after revision %" PRId64 ": revision=%" PRId64
             " newest=%" PRId64 " keys=%" PRId64 " held=%" PRId64,
             follow->delivered, check->revision, check->newest_key, check->count,
             follow->base + follow->keys);
    follow_end_silent(follow, why);
}

void follow_newest_check(struct follow *follow)
{
    const struct follow_newest *check = &follow->newest;
    if (follow->state != FOLLOW_OPEN || follow->request_id != 0 ||
        follow->now.mono < follow_newest_window(follow).earliest) {
        return;
    }
    if (check->lagging) {
        on_lag_ended(follow);
    } else if (!follow->counted && !follow->uncountable && follow_can(follow, REGISTRY_CAN_LIST_AT)) {
        follow_ask_newest(follow, FOLLOW_ASK_COUNT, follow->delivered);
    } else if (!follow->synced || follow->seen > follow->delivered) {
        follow_ask_newest(follow, FOLLOW_ASK_NEWEST, 0);
    } else {
        (void)follow_ask(follow, REGISTRY_GET, FOLLOW_ASK_REVISION); /* only its revision counts */
        follow->newest.asked_seen = follow->seen;
    }
}

struct window follow_newest_window(const struct follow *follow)
{
    const struct follow_newest *check = &follow->newest;
    if (follow->request_id != 0) {
        return WINDOW_NEVER;
    }
    return check->lagging ? window_at(check->lag_ends)
                          : (struct window){check->due - follow->settings.check_ms / 4, check->due};
}

/* ---- newest: answers ---- */

static void on_newest(struct follow *follow, const struct follow_event *event)
{
    struct follow_newest *check = &follow->newest;
    bool known =
        follow_can(follow, REGISTRY_CAN_NEWEST_FIRST) || (int64_t)event->listed == event->reply->count;
    check->newest_key = !known ? INT64_MAX : event->listed == 0 ? 0 : event->newest;
    check->count = event->reply->count;
    if (has_delivered_all(follow)) {
        caught_up(follow);
        return;
    }
    check->lagging = true;
    check->lag_ends = follow->now.mono + follow->settings.grace_ms;
    check->lag_delivered = follow->delivered;
}

void follow_newest_on_reply(struct follow *follow, enum follow_ask ask, const struct follow_event *event)
{
    const struct registry_reply *reply = event->reply;
    struct follow_newest *check = &follow->newest;
    check->due = follow->now.mono + follow->settings.check_ms;
    if (reply->failure == REGISTRY_OVERLOADED) {
        return; /* the registry lives; asking at once would make it worse */
    }
    if (ask == FOLLOW_ASK_COUNT && reply->failure == REGISTRY_REFUSED) {
        follow->uncountable = true; /* compacted, or still to come */
        return;
    }
    if (reply->failure != REGISTRY_OK) {
        follow_fail(follow, reply->failure, reply->error);
        return;
    }
    struct follow_store store = {reply->cluster, reply->epoch};
    if (follow_is_other_store(follow, store, reply->revision, check->asked_seen)) {
        return;
    }
    follow_see(follow, reply->revision);
    if (ask == FOLLOW_ASK_COUNT) {
        follow->base = reply->count - check->asked_keys;
        follow->counted = true;
        return;
    }
    check->revision = reply->revision;
    if (ask == FOLLOW_ASK_NEWEST) {
        on_newest(follow, event);
    } else if (reply->revision <= follow->delivered) {
        caught_up(follow);
    }
}
