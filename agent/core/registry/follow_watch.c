/* The watch: whether it may resume, and what it delivers. */
#include "follow_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool differs(uint64_t known, uint64_t seen)
{
    return known != 0 && seen != 0 && known != seen;
}

bool follow_is_other_store(struct follow *follow, struct follow_store store, int64_t revision, int64_t seen)
{
    char why[128];
    enum follow_cause cause;
    if (differs(follow->store.cluster, store.cluster)) {
        cause = FOLLOW_OTHER_CLUSTER;
        snprintf(why, sizeof(why), "another cluster answers: cluster=%" PRIx64 " expected=%" PRIx64,
                 store.cluster, follow->store.cluster);
    } else if (differs(follow->store.epoch, store.epoch)) {
        cause = FOLLOW_OTHER_PAST;
        snprintf(why, sizeof(why), "the registry may have lost writes: epoch=%" PRIx64 " expected=%" PRIx64,
                 store.epoch, follow->store.epoch);
    } else if (revision > 0 && revision < seen) {
        cause = FOLLOW_SET_BACK;
        snprintf(why, sizeof(why), "the registry was set back: revision=%" PRId64 " before=%" PRId64,
                 revision, seen);
    } else {
        return false;
    }
    follow_read_anew(follow, cause, 0, why);
    return true;
}

/* ---- before it opens ---- */

void follow_resume(struct follow *follow)
{
    if (!follow_can(follow, FOLLOW_PAST_CAN)) {
        follow_open(follow);
        return;
    }
    follow_set_state(follow, FOLLOW_RESUMING);
    follow_ask_newest(follow, FOLLOW_ASK_PAST, follow->delivered);
}

void follow_open(struct follow *follow)
{
    follow_set_state(follow, FOLLOW_OPENING);
    follow->watch_id = ++follow->next_id;
    struct follow_effect *effect = follow_push(follow, FOLLOW_DO_WATCH);
    effect->watch = (struct registry_watch){.id = follow->watch_id,
                                            .range_count = follow->settings.range_count,
                                            .from_revision = follow->positioned ? follow->delivered + 1 : 0,
                                            .timeout_ms = follow->settings.timeout_ms};
    memcpy(effect->watch.ranges, follow->settings.ranges, sizeof(effect->watch.ranges));
}

void follow_on_past(struct follow *follow, const struct follow_event *event)
{
    const struct registry_reply *reply = event->reply;
    struct follow_store store = {reply->cluster, reply->epoch};
    if (reply->failure != REGISTRY_OK && reply->revision_gone) {
        follow_read_anew(follow, FOLLOW_COMPACTED, 0, "the revision to resume from was compacted");
    } else if (reply->failure != REGISTRY_OK) {
        follow_fail(follow, reply->failure, reply->error);
    } else if (follow_is_other_store(follow, store, reply->revision, follow->seen)) {
        return;
    } else if (!event->same_past) {
        follow_read_anew(follow, FOLLOW_OTHER_PAST, 0,
                         "the registry was emptied or set back: it has another past");
    } else {
        follow_see(follow, reply->revision); /* the member that opens the watch may not know it yet */
        follow_open(follow);
    }
}

/* ---- what it delivers ---- */

static void on_opened(struct follow *follow, const struct follow_event *event)
{
    const struct registry_watch_event *watch = event->watch;
    bool newest = follow->settings.check == FOLLOW_CHECK_NEWEST;
    struct follow_store store = {watch->cluster, watch->epoch};
    if (newest && follow_is_other_store(follow, store, 0, 0)) {
        return;
    }
    if (follow->settings.lists && watch->revision > 0 && watch->revision < follow->delivered) {
        /* One member opens a watch, while a read asks them all: this one is behind, or the registry was set
         * back. Resuming begins with a read, which tells. */
        follow_fail(follow, REGISTRY_RETRY, STR("the watch began at an older revision than what is known"));
        return;
    }
    follow_set_state(follow, FOLLOW_OPEN);
    follow->opens++;
    follow->failure = REGISTRY_OK;
    follow->store.cluster = store.cluster != 0 ? store.cluster : follow->store.cluster;
    follow->store.epoch = store.epoch != 0 ? store.epoch : follow->store.epoch;
    follow->delivered = follow->positioned ? follow->delivered : watch->revision;
    follow->positioned = true;
    if (newest) {
        struct follow_effect *effect = follow_push(follow, FOLLOW_DO_OPENED);
        effect->revision = follow->delivered;
        effect->cluster = follow->store.cluster;
        follow_newest_opened(follow, event);
    } else {
        follow_keys_opened(follow);
        follow_set_synced(follow);
        follow_push(follow, FOLLOW_DO_READ_BACK)->revision = watch->revision;
    }
}

static void on_changed(struct follow *follow, const struct follow_event *event)
{
    const struct registry_watch_event *watch = event->watch;
    int64_t newest = watch->revision;
    for (size_t i = 0; i < watch->change_count; i++) {
        newest = watch->changes[i].mod_revision > newest ? watch->changes[i].mod_revision : newest;
    }
    follow->delivered = newest > follow->delivered ? newest : follow->delivered;
    follow_see(follow, newest);
    if (follow->settings.check == FOLLOW_CHECK_KEYS) {
        follow_keys_delivered(follow);
    } else {
        follow_newest_delivered(follow);
    }
}

static void on_ended(struct follow *follow, const struct follow_event *event)
{
    const struct registry_watch_event *watch = event->watch;
    follow->watch_id = 0;
    if (watch->read_anew && follow->settings.lists && !follow_can(follow, REGISTRY_CAN_HISTORY)) {
        follow_fail(follow, REGISTRY_RETRY, STR("a key changed between its listing and the watch"));
        return;
    }
    if (watch->read_anew && follow->settings.check == FOLLOW_CHECK_NEWEST) {
        follow_read_anew(follow, FOLLOW_COMPACTED, watch->oldest,
                         "the revision to resume from was compacted");
        return;
    }
    follow_fail(follow, watch->failure,
                watch->error.size > 0 ? watch->error : STR("the registry ended the watch"));
}

void follow_on_watch(struct follow *follow, const struct follow_event *event)
{
    const struct registry_watch_event *watch = event->watch;
    if (watch->id == 0 || watch->id != follow->watch_id) {
        return;
    }
    switch (watch->type) {
    case REGISTRY_WATCH_OPENED:
        if (follow->state == FOLLOW_OPENING) {
            on_opened(follow, event);
        }
        break;
    case REGISTRY_WATCH_CHANGED: on_changed(follow, event); break;
    case REGISTRY_WATCH_ENDED: on_ended(follow, event); break;
    }
}
