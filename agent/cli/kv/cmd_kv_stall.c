#include "cmd_kv_stall_internal.h"

#include "cmd_kv_internal.h"
#include "outrider/core/config/config.h"
#include "outrider/io/loop/timer.h"

#include <inttypes.h>

enum { ASK_MS = 5000, LAG_MS = 1000, LOOKS_PER_TTL = 2 };

static void stalled(struct kv_stall *stall, struct str why)
{
    kv_stall_closed(stall);
    stall->fn(why, false, stall->user);
}

static void set_back(struct kv_stall *stall, int64_t revision)
{
    struct buf why = {0};
    buf_printf(&why, "etcd was set back: it is at revision %" PRId64 ", and was at %" PRId64, revision,
               stall->seen);
    kv_stall_closed(stall);
    stall->fn(buf_view(&why), true, stall->user);
    buf_fini(&why);
}

static void see(struct kv_stall *stall, int64_t revision)
{
    stall->seen = revision > stall->seen ? revision : stall->seen;
}

/* ---- questions ---- */

static void on_revision(const struct etcd_client_reply *reply, void *user);

static void ask_list(struct kv_stall *stall, int64_t at_revision)
{
    struct registry_request request = {.id = stall->epoch,
                                       .op = REGISTRY_LIST,
                                       .key = stall->range.key,
                                       .range_end = stall->range.end,
                                       .limit = 1,
                                       .newest_first = true,
                                       .at_revision = at_revision,
                                       .timeout_ms = ASK_MS};
    registry_submit(stall->client, &request);
}

/* What it costs etcd while nothing happens: one key looked up, and not sent. */
static void ask_revision(struct kv_stall *stall)
{
    struct etcd_ask ask = {.kind = ETCD_ASK_OP,
                           .op = {.kind = ETCD_GET, .key = stall->range.key, .count_only = true}};
    etcd_client_ask(stall->kv->etcd, &ask, ASK_MS, on_revision, stall);
}

static void ask(struct kv_stall *stall)
{
    stall->asking = true;
    stall->asked = stall->epoch;
    stall->counting = stall->keys < 0 && !stall->uncountable && !stall->behind;
    if (stall->counting) {
        stall->since = 0;
        ask_list(stall, stall->told);
    } else if (stall->expected > stall->told && !stall->behind) {
        ask_list(stall, 0);
    } else {
        ask_revision(stall);
    }
}

static void look(void *user)
{
    struct kv_stall *stall = user;
    if (stall->asking) {
        timer_arm_ms(stall->timer, LAG_MS);
    } else {
        ask(stall);
    }
}

/* ---- answers ---- */

/* Whether the answer is to a question of this watch, and worth reading. Where nobody answers, the stream that
 * comes from there is worth nothing either. */
static bool is_answer(struct kv_stall *stall, enum registry_failure failure, struct str error)
{
    stall->asking = false;
    if (!stall->open || stall->asked != stall->epoch) {
        return false;
    }
    timer_arm_ms(stall->timer, stall->interval_ms);
    if (failure == REGISTRY_RETRY || failure == REGISTRY_UNKNOWN) {
        stalled(stall, error);
    }
    return failure == REGISTRY_OK;
}

static void on_revision(const struct etcd_client_reply *reply, void *user)
{
    struct kv_stall *stall = user;
    if (!is_answer(stall, reply->failure, reply->error)) {
        return;
    }
    if (reply->revision > 0 && reply->revision < stall->seen) {
        set_back(stall, reply->revision);
        return;
    }
    see(stall, reply->revision);
    stall->expected = reply->revision;
    stall->behind = false;
}

static bool has_told_all(const struct kv_stall *stall, const struct registry_reply *reply)
{
    bool newest = reply->item_count == 0 || reply->items[0].kv.mod_revision <= stall->told;
    return newest && (stall->keys < 0 || reply->count == stall->keys + stall->since);
}

/* A stream that tells anything is not deaf, though it may not have told this yet. */
static void on_newest(struct kv_stall *stall, const struct registry_reply *reply)
{
    if (has_told_all(stall, reply)) {
        stall->lag_told = -1;
        stall->expected = 0;
    } else if (stall->lag_told != stall->told) {
        stall->lag_told = stall->told;
        timer_arm_ms(stall->timer, LAG_MS);
    } else {
        struct buf why = {0};
        buf_printf(&why,
                   "the watch is open, but has told nothing after revision %" PRId64
                   " of what etcd has at %" PRId64,
                   stall->told, reply->revision);
        stall->keys = -1; /* should the count be wrong, this is not for ever */
        stalled(stall, buf_view(&why));
        buf_fini(&why);
    }
}

static void on_list(const struct registry_reply *reply, void *user)
{
    struct kv_stall *stall = user;
    bool counting = stall->counting;
    bool good = is_answer(stall, reply->failure, reply->error);
    if (counting) {
        stall->uncountable = !good;
        stall->keys = good ? reply->count : -1;
    } else if (good) {
        on_newest(stall, reply);
    }
}

/* ---- the watch ---- */

void kv_stall_init(struct kv_stall *stall, struct kv *kv, const struct registry_range *range, kv_stall_fn *fn,
                   void *user)
{
    *stall = (struct kv_stall){.kv = kv, .fn = fn, .user = user, .range = *range, .keys = -1, .lag_told = -1};
    if (range->end.size == 0) {
        buf_str(&stall->end, range->key);
        buf_add(&stall->end, "", 1);
        stall->range.end = buf_view(&stall->end);
    }
    stall->interval_ms = kv->config->registry.ttl_ms / LOOKS_PER_TTL;
    stall->timer = timer_new(kv->loop, look, stall);
    stall->client = registry_attach(etcd_registry(kv->etcd), on_list, NULL, stall);
}

void kv_stall_opened(struct kv_stall *stall, int64_t told, int64_t revision)
{
    stall->epoch++;
    stall->open = true;
    stall->told = told;
    stall->behind = revision < stall->seen;
    see(stall, revision);
    stall->keys = told == 0 ? 0 : stall->keys;
    stall->expected = 0;
    stall->lag_told = -1;
    timer_arm_ms(stall->timer, stall->behind ? 0 : stall->interval_ms);
}

void kv_stall_told(struct kv_stall *stall, const struct registry_watch_event *event)
{
    for (size_t i = 0; i < event->change_count; i++) {
        const struct registry_change *change = &event->changes[i];
        stall->since += change->deleted ? -1 : change->create_revision == change->mod_revision ? 1 : 0;
    }
    stall->told = event->revision > stall->told ? event->revision : stall->told;
    stall->uncountable = false;
    see(stall, event->revision);
}

void kv_stall_closed(struct kv_stall *stall)
{
    stall->open = false;
    timer_cancel(stall->timer);
}

void kv_stall_fini(struct kv_stall *stall)
{
    timer_free(stall->timer);
    buf_fini(&stall->end);
}
