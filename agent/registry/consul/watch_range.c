#include "watch_internal.h"

#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <inttypes.h>
#include <stdio.h>

/* Consul answers after `wait` and up to a sixteenth more. */
enum { WAIT_S = 60, WAIT_LIMIT_MS = WAIT_S * 1000 * 17 / 16 + 10000 };

/* Between two questions. A large range that changes all the time, and one that is woken for nothing, is asked about once a second. */
enum { INTERVAL_MIN_MS = 100, INTERVAL_MAX_MS = 1000, LARGE = 64 * 1024 };

/* A server that has not heard of its leader for longer is not asked for what it knows itself. */
enum { STALE_MAX_MS = 1000 };

/* Of those that are missing at once so many are asked for; the others went the same way. */
enum { PROVEN_MAX = CONSUL_OPS_MAX - 1 };

static void on_answer(struct consul_ask *ask, const struct consul_answer *answer);

static bool is_single(const struct watch_range *range)
{
    return range->range.end.size == 0;
}

static void ask(struct watch_range *range, enum range_step step, const char *query, int64_t timeout_ms)
{
    char whole[128];
    snprintf(whole, sizeof(whole), "?%s%s", is_single(range) || step == RANGE_PROBING ? "" : "recurse&",
             query);
    range->step = step;
    range->sent_mono = clock_mono_ms();
    range->ask.method = HTTP_GET;
    range->ask.is_long = true;
    range->ask.is_pinned = true;
    range->ask.endpoint = range->watch->identity.endpoint;
    range->ask.timeout_ms = timeout_ms;
    buf_clear(&range->ask.body);
    if (step == RANGE_PROBING) {
        struct buf probe = {0};
        buf_str(&probe, range->prefix);
        buf_str(&probe, STR("outrider-probe"));
        consul_path(&range->ask.path, buf_view(&probe), whole);
        buf_fini(&probe);
    } else {
        consul_path(&range->ask.path, range->prefix, whole);
    }
    buf_clear(range->ask.trail);
    consul_ask_send(&range->ask);
}

void consul_range_open(struct watch_range *range)
{
    const char *problem =
        is_single(range) ? consul_key_problem(range->prefix) : consul_prefix_problem(range->prefix);
    if (problem != NULL) {
        consul_watch_fail(range->watch, REGISTRY_REFUSED, problem);
    } else {
        ask(range, RANGE_OPENING, "consistent", range->watch->request.timeout_ms);
    }
}

void consul_range_poll(struct watch_range *range)
{
    char query[96];
    snprintf(query, sizeof(query), "index=%" PRId64 "&wait=%ds%s", range->known.index, WAIT_S,
             range->consistent ? "" : "&stale");
    ask(range, RANGE_POLLING, query, WAIT_LIMIT_MS);
}

static void on_pause_over(void *user)
{
    consul_range_poll(user);
}

/* The next question comes an interval after this one, which is at once where this one waited. */
static void go_on(struct watch_range *range)
{
    int64_t took_ms = clock_mono_ms() - range->sent_mono;
    int64_t most_ms = range->is_cheap ? INTERVAL_MIN_MS : INTERVAL_MAX_MS;
    range->interval_ms = range->interval_ms < most_ms ? range->interval_ms : most_ms;
    if (took_ms >= range->interval_ms) {
        range->interval_ms = INTERVAL_MIN_MS;
        consul_range_poll(range);
        return;
    }
    range->step = RANGE_PAUSED;
    timer_arm_ms(range->pause, range->interval_ms - took_ms);
    range->interval_ms = range->interval_ms < most_ms / 2 ? range->interval_ms * 2 : most_ms;
}

/* ---- what is missing ---- */

/* A token that has lost its rights, and another store, look as if the keys were deleted. */
static void prove(struct watch_range *range)
{
    struct consul_op ops[CONSUL_OPS_MAX] = {consul_id_check(range->watch->consul)};
    size_t count = 1;
    for (size_t i = 0; i < range->changes.count && count <= PROVEN_MAX; i++) {
        if (range->changes.list[i].deleted) {
            ops[count++] =
                (struct consul_op){.verb = CONSUL_CHECK_INDEX, .key = range->changes.list[i].key, .index = 1};
        }
    }
    range->step = RANGE_PROVING;
    range->ask.method = HTTP_PUT;
    range->ask.timeout_ms = range->watch->request.timeout_ms;
    buf_clear(&range->ask.path);
    buf_str(&range->ask.path, STR("/v1/txn"));
    buf_clear(&range->ask.body);
    consul_txn_encode(ops, count, STR(""), &range->ask.body);
    consul_ask_send(&range->ask);
}

static void deliver(struct watch_range *range)
{
    const struct consul_watch *watch = range->watch;
    range->is_cheap = range->is_cheap && range->changes.count > 0;
    consul_watch_deliver(range);
    if (!watch->over) {
        go_on(range);
    }
}

static void on_proven(struct watch_range *range, const struct consul_answer *answer)
{
    struct consul_watch *watch = range->watch;
    struct consul_txn_answer proof = {0};
    bool denied = false;
    if (answer->status == 404 ||
        consul_txn_decode(answer->status, answer->body, CONSUL_OPS_MAX, &proof) < 0) {
        consul_ask_reject(&range->ask, "no transaction's");
        return;
    }
    for (size_t i = 0; i < proof.refusal_count; i++) {
        denied = denied || proof.refusals[i].reason == CONSUL_DENIED;
    }
    bool other = consul_txn_refusal(&proof, 0) != NULL;
    consul_txn_answer_fini(&proof);
    if (denied) {
        consul_watch_fail(
            watch, REGISTRY_DENIED,
            "keys are missing because the token may not read them any more (docs/registries.md, \"Consul\")");
    } else if (other) {
        consul_forget(watch->consul);
        consul_watch_read_anew(watch, "another store answers");
    } else {
        deliver(range);
    }
}

/* ---- answers ---- */

static void on_first(struct watch_range *range, const struct consul_kvs *kvs, int64_t index)
{
    consul_listing_keep(&range->known, kvs, range->range, index);
    if (kvs->count == 0 && !is_single(range)) {
        ask(range, RANGE_PROBING, "consistent", range->watch->request.timeout_ms);
    } else {
        range->step = RANGE_READY;
        consul_watch_ready(range->watch);
    }
}

static void set_back(struct watch_range *range)
{
    struct consul *consul = range->watch->consul;
    consul->seen = 0;
    consul_forget(consul);
    consul_watch_read_anew(range->watch, "the store was set back");
}

/* An answer from before, and one that came early with nothing new: is it still the same store? Only a plain read tells. */
static bool must_read(const struct watch_range *range, int64_t index)
{
    bool early = clock_mono_ms() - range->sent_mono < WAIT_S * INT64_C(1000);
    return range->step == RANGE_POLLING &&
           (index < range->known.index || (index == range->known.index && early));
}

static void on_next(struct watch_range *range, int64_t index)
{
    struct consul_watch *watch = range->watch;
    if (must_read(range, index)) {
        ask(range, RANGE_READING, "consistent", watch->request.timeout_ms);
        return;
    }
    consul_changes_fini(&range->changes);
    range->now_index = index;
    consul_diff(&range->known, &range->now, range->range, index, watch->revision, &range->changes);
    if (range->changes.set_back) {
        set_back(range);
    } else if (range->changes.deleted > 0) {
        prove(range);
    } else {
        deliver(range);
    }
}

/* Reads the body; returns whether it is a listing. */
static bool read_listing(struct watch_range *range, const struct consul_answer *answer)
{
    bool empty = answer->status == 404;
    consul_kvs_fini(&range->now);
    range->is_cheap = answer->body.size < LARGE;
    return answer->head.index > 0 && answer->status != 409 &&
           (empty || consul_kvs_decode(answer->body, &range->now) == 0);
}

static void on_listing(struct watch_range *range, const struct consul_answer *answer)
{
    bool old = !answer->head.has_leader || answer->head.last_contact > STALE_MAX_MS;
    if (!read_listing(range, answer)) {
        consul_ask_reject(&range->ask, answer->head.index > 0 ? "no listing" : "no X-Consul-Index");
    } else if (range->step == RANGE_OPENING) {
        on_first(range, &range->now, answer->head.index);
    } else if (range->step == RANGE_POLLING && old && !range->consistent) {
        range->consistent = true;
        go_on(range);
    } else {
        on_next(range, answer->head.index);
    }
}

static void on_answer(struct consul_ask *ask, const struct consul_answer *answer)
{
    struct watch_range *range = (struct watch_range *)((char *)ask - offsetof(struct watch_range, ask));
    if (answer->failure != REGISTRY_OK) {
        consul_watch_fail(range->watch, answer->failure, NULL);
    } else if (range->step == RANGE_PROVING) {
        on_proven(range, answer);
    } else if (range->step == RANGE_PROBING) {
        range->step = RANGE_READY;
        consul_watch_ready(range->watch);
    } else {
        on_listing(range, answer);
    }
}

/* ---- its life ---- */

void consul_range_init(struct watch_range *range, struct consul_watch *watch, struct registry_range wanted)
{
    range->watch = watch;
    range->slash = wanted.key.size > 0 && wanted.key.data[0] == '/';
    range->range = consul_range(wanted);
    range->prefix =
        is_single(range) ? range->range.key : consul_range_prefix(range->range.key, range->range.end);
    range->interval_ms = INTERVAL_MIN_MS;
    range->pause = timer_new(watch->consul->loop, on_pause_over, range);
    range->ask = (struct consul_ask){
        .consul = watch->consul, .fn = on_answer, .name = "watch", .trail = &watch->trail};
}

void consul_range_stop(struct watch_range *range)
{
    consul_ask_fini(&range->ask);
    timer_cancel(range->pause);
}

void consul_range_fini(struct watch_range *range)
{
    consul_ask_fini(&range->ask);
    timer_free(range->pause);
    consul_listing_fini(&range->known);
    consul_kvs_fini(&range->now);
    consul_changes_fini(&range->changes);
}
