/* The check by newest key and count, beside a watch of one range. */
#include "follow_internal.h"

#include <inttypes.h>
#include <stdio.h>

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

/* ---- questions ---- */

static void ask_revision(struct follow *follow)
{
    (void)follow_ask(follow, REGISTRY_GET, FOLLOW_ASK_REVISION); /* only its revision counts */
    follow->newest.asked_seen = follow->seen;
}

/* A stream that delivers anything is alive, though it may not have come so far. */
static void on_lag_ended(struct follow *follow)
{
    const struct follow_newest *check = &follow->newest;
    char why[240];
    if (follow->delivered > check->lag_delivered) {
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
        ask_revision(follow);
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

/* ---- answers ---- */

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
