#include "watch_internal.h"

#include "catalog_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* ---- the end of a watch ---- */

static void watch_free(void *user)
{
    struct consul_watch *watch = user;
    LL_DELETE(watch->consul->watches, watch);
    for (size_t i = 0; i < watch->request.range_count; i++) {
        consul_range_fini(&watch->ranges[i]);
    }
    consul_ask_fini(&watch->identity);
    timer_free(watch->due);
    deferred_cancel(&watch->release);
    buf_fini(&watch->keys);
    buf_fini(&watch->trail);
    free(watch);
}

/* No event is delivered any more. The memory is freed at the end of the turn: this may be within a callback of any of its parts. */
static void stop(struct consul_watch *watch)
{
    for (size_t i = 0; i < watch->request.range_count; i++) {
        consul_range_stop(&watch->ranges[i]);
    }
    consul_ask_fini(&watch->identity);
    timer_cancel(watch->due);
    watch->over = true;
    loop_defer(watch->consul->loop, &watch->release);
}

static const char *endpoint_name(const struct consul_watch *watch)
{
    return watch->consul->endpoints.list[watch->identity.endpoint].name;
}

static void deliver(const struct consul_watch *watch, struct registry_watch_event event)
{
    event.id = watch->request.id;
    event.endpoint = str_of(endpoint_name(watch));
    registry_deliver_event(&watch->consul->registry, &event);
}

static void end(struct consul_watch *watch, enum registry_failure failure, bool read_anew, const char *why)
{
    struct buf error = {0};
    if (why != NULL) {
        buf_printf(&error, "watch on %s: %s", endpoint_name(watch), why);
    } else {
        buf_str(&error, buf_view(&watch->trail));
    }
    stop(watch);
    deliver(watch, (struct registry_watch_event){.type = REGISTRY_WATCH_ENDED,
                                                 .failure = failure,
                                                 .read_anew = read_anew,
                                                 .error = buf_view(&error)});
    buf_fini(&error);
}

void consul_watch_fail(struct consul_watch *watch, enum registry_failure failure, const char *why)
{
    /* Nothing is unknown after a question. */
    end(watch, failure == REGISTRY_UNKNOWN ? REGISTRY_RETRY : failure, false, why);
}

void consul_watch_read_anew(struct consul_watch *watch, const char *why)
{
    end(watch, REGISTRY_RETRY, true, why);
}

static void on_due(void *user)
{
    struct consul_watch *watch = user;
    char why[80];
    snprintf(why, sizeof(why), "it did not begin within %" PRId64 " ms", watch->request.timeout_ms);
    recheck_failed(&watch->consul->recheck, watch->identity.endpoint, why);
    consul_watch_fail(watch, REGISTRY_RETRY, why);
}

/* ---- what it delivers ---- */

/* Every range is known up to it. */
static int64_t told(const struct consul_watch *watch)
{
    int64_t lowest = INT64_MAX;
    for (size_t i = 0; i < watch->request.range_count; i++) {
        lowest = watch->ranges[i].known.index < lowest ? watch->ranges[i].known.index : lowest;
    }
    return lowest > watch->revision ? lowest : watch->revision;
}

void consul_watch_deliver(struct watch_range *range)
{
    struct consul_watch *watch = range->watch;
    struct consul_changes *changes = &range->changes;
    struct consul_listing before = range->known; /* deleted keys point there */
    range->known = (struct consul_listing){0};
    consul_listing_keep(&range->known, &range->now, range->range, range->now_index);
    consul_see(watch->consul, range->now_index);
    for (size_t i = 0; i < changes->count; i++) {
        changes->list[i].key = consul_slashed(changes->list[i].key, range->slash);
    }
    consul_changes_sort(changes);
    if (changes->count > 0) {
        deliver(watch, (struct registry_watch_event){.type = REGISTRY_WATCH_CHANGED,
                                                     .revision = told(watch),
                                                     .changes = changes->list,
                                                     .change_count = changes->count,
                                                     .coalesced = true});
    }
    consul_changes_fini(changes);
    consul_kvs_fini(&range->now);
    consul_listing_fini(&before);
}

/* What changed since the first revision wanted is not told by Consul, only that something did. */
static bool is_unchanged(const struct consul_watch *watch)
{
    for (size_t i = 0; i < watch->request.range_count; i++) {
        if (watch->ranges[i].known.index >= watch->request.from_revision) {
            return false;
        }
    }
    return true;
}

void consul_watch_ready(struct consul_watch *watch)
{
    watch->revision = watch->request.from_revision > 0 ? watch->request.from_revision - 1 : 0;
    for (size_t i = 0; i < watch->request.range_count; i++) {
        const struct watch_range *range = &watch->ranges[i];
        if (range->step != RANGE_READY) {
            return;
        }
        watch->revision = range->known.index > watch->revision ? range->known.index : watch->revision;
    }
    if (watch->request.from_revision > 0 && !is_unchanged(watch)) {
        consul_watch_read_anew(watch, "there is no history to begin in, and a key has changed");
        return;
    }
    watch->opened = true;
    timer_cancel(watch->due);
    consul_see(watch->consul, watch->revision);
    consul_catalog_watched(watch->consul->catalog);
    deliver(watch, (struct registry_watch_event){.type = REGISTRY_WATCH_OPENED,
                                                 .revision = watch->revision,
                                                 .cluster = watch->consul->cluster});
    for (size_t i = 0; i < watch->request.range_count && !watch->over; i++) {
        consul_range_poll(&watch->ranges[i]);
    }
}

/* ---- its beginning ---- */

static void on_identity(struct consul_ask *ask, const struct consul_answer *answer)
{
    struct consul_watch *watch =
        (struct consul_watch *)((char *)ask - offsetof(struct consul_watch, identity));
    struct consul_kvs kvs = {0};
    if (answer->failure != REGISTRY_OK) {
        consul_watch_fail(watch, answer->failure, NULL);
    } else if (answer->status == 404 && answer->head.index > 0) {
        consul_forget(watch->consul);
        consul_watch_fail(watch, REGISTRY_RETRY, "outrider/id is not there: the next request makes it");
    } else if (consul_kvs_decode(answer->body, &kvs) < 0 || kvs.count != 1 ||
               !str_eq(kvs.list[0].key, CONSUL_ID)) {
        consul_kvs_fini(&kvs);
        consul_ask_reject(ask, "outrider/id cannot be read; is it Consul 1.8 or later?");
    } else {
        consul_identify(watch->consul, ask->endpoint, &kvs.list[0]);
        consul_kvs_fini(&kvs);
        for (size_t i = 0; i < watch->request.range_count && !watch->over; i++) {
            consul_range_open(&watch->ranges[i]);
        }
    }
}

static void copy_ranges(struct consul_watch *watch)
{
    struct str *texts[2 * REGISTRY_RANGES_MAX];
    for (size_t i = 0; i < watch->request.range_count; i++) {
        texts[2 * i] = &watch->request.ranges[i].key;
        texts[2 * i + 1] = &watch->request.ranges[i].end;
    }
    buf_keep(&watch->keys, texts, 2 * watch->request.range_count);
}

void consul_watch_open(struct registry *registry, const struct registry_watch *request)
{
    struct consul *consul = (struct consul *)registry;
    struct consul_watch *watch = mem_zalloc(sizeof(*watch));
    LL_PREPEND(consul->watches, watch);
    watch->consul = consul;
    watch->request = *request;
    copy_ranges(watch);
    watch->release = (struct deferred){.fn = watch_free, .user = watch};
    watch->due = timer_new(consul->loop, on_due, watch);
    timer_arm_ms(watch->due, request->timeout_ms);
    watch->identity = (struct consul_ask){.consul = consul,
                                          .fn = on_identity,
                                          .name = "watch",
                                          .trail = &watch->trail,
                                          .method = HTTP_GET,
                                          .timeout_ms = request->timeout_ms};
    for (size_t i = 0; i < request->range_count; i++) {
        consul_range_init(&watch->ranges[i], watch, watch->request.ranges[i]);
    }
    consul_path(&watch->identity.path, CONSUL_ID, "?consistent");
    consul_ask_send(&watch->identity);
}

void consul_watch_close(struct registry *registry, uint64_t id)
{
    struct consul_watch *watch = ((struct consul *)registry)->watches;
    while (watch != NULL && (watch->over || watch->request.id != id)) {
        watch = watch->next;
    }
    if (watch != NULL) {
        stop(watch);
    }
}

/* ---- what watches know ---- */

static const struct watch_range *range_of(const struct consul *consul, struct str prefix)
{
    for (const struct consul_watch *watch = consul->watches; watch != NULL; watch = watch->next) {
        for (size_t i = 0; watch->opened && !watch->over && i < watch->request.range_count; i++) {
            const struct watch_range *range = &watch->ranges[i];
            if (range->range.end.size > 0 && str_eq(range->prefix, prefix) &&
                str_eq(range->range.key, prefix)) {
                return range;
            }
        }
    }
    return NULL;
}

bool consul_watch_knows(const struct consul *consul, struct str prefix)
{
    return range_of(consul, prefix) != NULL;
}

bool consul_watch_has(const struct consul *consul, struct str prefix, struct str key)
{
    const struct watch_range *range = range_of(consul, prefix);
    size_t low = 0, high = range == NULL ? 0 : range->known.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(range->known.list[middle].key, key);
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

void consul_watches_fini(struct consul *consul)
{
    while (consul->watches != NULL) {
        watch_free(consul->watches);
    }
}
