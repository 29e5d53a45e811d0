/* Known keys: when their watch opens, and whether it delivers what the registry has. */
#include "follow_internal.h"

#include "outrider/base/mem.h"

#include <string.h>

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

/* ---- the comparison ---- */

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

/* ---- what the owner wrote ---- */

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
