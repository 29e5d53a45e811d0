/* One watch:
 *
 *     open ──> WAITING ──> READING <──> LIVE
 *                 │           │          │
 *                 '─────── OVER <────────'
 *
 * It waits until what comes from now on will be told: the tail is live, or its channels are subscribed. Then it reads what it has
 * missed, by calls of the script, until nothing newer has come meanwhile. What was told is dropped where it comes again. */
#include "redis_registry_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

static void set_state(struct redis_watch *watch, enum watch_state state)
{
    static const bool allowed[4][4] = {
        [WATCH_WAITING] = {[WATCH_READING] = true, [WATCH_OVER] = true},
        [WATCH_READING] = {[WATCH_LIVE] = true, [WATCH_OVER] = true},
        [WATCH_LIVE] = {[WATCH_READING] = true, [WATCH_OVER] = true},
    };
    assert(allowed[watch->state][state]);
    watch->state = state;
}

/* ---- the end ---- */

static void watch_free(void *user)
{
    struct redis_watch *watch = user;
    LL_DELETE(watch->own->watches, watch);
    timer_free(watch->timer);
    deferred_cancel(&watch->release);
    buf_fini(&watch->keys);
    free(watch);
}

/* The tail is stopped, and channels are left, with the last watch that needs them; at the end of the turn, as another watch may be
 * opened at once. */
static void on_release(void *user)
{
    struct redis_watch *watch = user;
    struct redis_registry *own = watch->own;
    bool needs_tail = false;
    if (watch->is_asked) {
        return; /* the answer comes back to it */
    }
    watch_free(watch);
    LL_FOREACH(own->watches, watch)
    {
        needs_tail = needs_tail || (watch->state != WATCH_OVER && !watch->hears);
    }
    if (!needs_tail) {
        tail_stop(own);
    }
    hearing_tidy(own);
}

static void stop(struct redis_watch *watch)
{
    timer_cancel(watch->timer);
    set_state(watch, WATCH_OVER);
    loop_defer(watch->own->loop, &watch->release);
}

static void deliver(const struct redis_watch *watch, struct registry_watch_event event)
{
    event.id = watch->request.id;
    event.endpoint = str_of(redis_registry_server(watch->own));
    registry_deliver_event(&watch->own->registry, &event);
}

static void end(struct redis_watch *watch, struct registry_watch_event event)
{
    struct buf error = {0};
    buf_printf(&error, "watch on redis: %.*s", STR_ARG(event.error));
    event.type = REGISTRY_WATCH_ENDED;
    event.error = buf_view(&error);
    stop(watch);
    deliver(watch, event);
    buf_fini(&error);
}

void watch_end(struct redis_watch *watch, enum registry_failure failure, bool read_anew, const char *why)
{
    end(watch,
        (struct registry_watch_event){.failure = failure, .read_anew = read_anew, .error = str_of(why)});
}

void watches_end(struct redis_registry *own, bool hears, enum registry_failure failure, bool read_anew,
                 const char *why)
{
    struct redis_watch *watch;
    LL_FOREACH(own->watches, watch)
    {
        if (watch->hears == hears && watch->state != WATCH_OVER) {
            watch_end(watch, failure, read_anew, why);
        }
    }
}

static bool is_other(const struct redis_log_head *a, const struct redis_log_head *b)
{
    return a->cluster != b->cluster || a->epoch != b->epoch;
}

static const char other_history[] =
    "the store is another one now, or has another history: all is to be read again";

void watches_meet(struct redis_registry *own, const struct redis_log_head *head)
{
    struct redis_watch *watch;
    LL_FOREACH(own->watches, watch)
    {
        if (watch->is_opened && watch->state != WATCH_OVER && is_other(&watch->head, head)) {
            watch_end(watch, REGISTRY_RETRY, true, other_history);
        }
    }
}

static void on_due(void *user)
{
    struct redis_watch *watch = user;
    const char *known = redis_facts(watch->own->redis).last_error;
    char why[320];
    brief_format(why, sizeof(why), "it did not begin within %" PRId64 " ms%s%s", watch->request.timeout_ms,
                 known[0] != '\0' ? ": " : "", known);
    watch_end(watch, REGISTRY_RETRY, false, why);
}

/* ---- what is told ---- */

static void open_at(struct redis_watch *watch, int64_t revision)
{
    watch->is_opened = true;
    watch->told = watch->request.from_revision > 0 ? watch->request.from_revision - 1 : revision;
    timer_cancel(watch->timer);
    deliver(watch, (struct registry_watch_event){.type = REGISTRY_WATCH_OPENED,
                                                 .revision = revision,
                                                 .cluster = watch->head.cluster,
                                                 .epoch = watch->head.epoch});
}

/* Whether the key is in one of its ranges, and which. */
static bool is_watched(const struct redis_watch *watch, struct str key, size_t *ret_index)
{
    for (size_t i = 0; i < watch->request.range_count; i++) {
        const struct registry_range *range = &watch->request.ranges[i];
        *ret_index = i;
        if (range->end.size == 0 ? str_eq(key, range->key)
                                 : str_compare(key, range->key) >= 0 &&
                                       (str_eq(range->end, STR("\0")) || str_compare(key, range->end) < 0)) {
            return true;
        }
    }
    return false;
}

/* Notes a change of a single key. Returns false where it was told before. */
static bool is_news(struct redis_watch *watch, size_t index, const struct registry_change *change)
{
    if (!watch->hears) {
        return true;
    }
    if (change->mod_revision <= watch->seen[index]) {
        return false;
    }
    watch->seen[index] = change->mod_revision;
    watch->last[index] = change->deleted ? 0 : change->mod_revision;
    return true;
}

void watch_changes(struct redis_watch *watch, const struct registry_change *changes, size_t count,
                   int64_t revision)
{
    struct registry_change *own = mem_resize(NULL, count + 1, sizeof(*own));
    size_t own_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t index = 0;
        if (changes[i].mod_revision > watch->told && is_watched(watch, changes[i].key, &index) &&
            is_news(watch, index, &changes[i])) {
            own[own_count++] = changes[i];
        }
    }
    bool is_further = revision > watch->told;
    watch->told = is_further ? revision : watch->told;
    if (own_count > 0 || is_further) {
        deliver(watch, (struct registry_watch_event){.type = REGISTRY_WATCH_CHANGED,
                                                     .revision = watch->told,
                                                     .changes = own,
                                                     .change_count = own_count});
    }
    free(own);
}

void watch_hear(struct redis_watch *watch, size_t index, const struct redis_log_entry *entry)
{
    if (watch->state != WATCH_LIVE) {
        watch->news = entry->revision > watch->news ? entry->revision : watch->news;
        return;
    }
    if (entry->revision <= watch->told || entry->revision <= watch->seen[index]) {
        return;
    }
    if (watch->last[index] >= 0 && watch->last[index] != entry->previous) {
        watch->news = entry->revision; /* a message is missing */
        watch_read(watch);
        return;
    }
    watch_changes(watch, &entry->change, 1, entry->more ? entry->revision - 1 : entry->revision);
}

/* ---- what it has missed ---- */

/* Whether everything up to `told` is all that has come. */
static bool is_up_to_date(const struct redis_watch *watch)
{
    const struct tail *tail = &watch->own->tail;
    return watch->hears ? watch->news <= watch->told
                        : tail->state != TAIL_LIVE || tail->next - 1 <= watch->told;
}

/* The entries of an answer become changes. Returns how many, or -1 when it ended the watch. */
static int read_entries(struct redis_watch *watch, const struct redis_reply *answer,
                        struct registry_change *changes)
{
    int count = 0;
    for (size_t i = REDIS_LOG_HEAD + 2; i < answer->count; i++) {
        struct redis_log_entry entry;
        if (redis_log_entry_read(&answer->items[i], &entry) < 0) {
            watch_end(watch, REGISTRY_REFUSED, true,
                      "the log holds what is no change: another program writes to it");
            return -1;
        }
        if (entry.kind == REDIS_LOG_EPOCH) {
            watch_end(watch, REGISTRY_RETRY, true, other_history);
            return -1;
        }
        changes[count++] = entry.change;
    }
    return count;
}

static void tell_gone(struct redis_watch *watch, int64_t oldest)
{
    char why[160];
    snprintf(why, sizeof(why),
             "revision %" PRId64 " is compacted or not there yet, %" PRId64 " is the oldest to begin at",
             watch->told + 1, oldest);
    end(watch, (struct registry_watch_event){
                   .failure = REGISTRY_RETRY, .read_anew = true, .oldest = oldest, .error = str_of(why)});
}

/* The words of an answer: whether the log begins early enough, and how far it was read. */
static int read_words(const struct redis_reply *answer, bool *ret_gone, int64_t *ret_until)
{
    struct str word = redis_text(redis_item(answer, REDIS_LOG_HEAD));
    uint64_t until = 0;
    *ret_gone = str_eq(word, STR("gone"));
    if ((!*ret_gone && !str_eq(word, STR("ok"))) ||
        str_to_u64(redis_text(redis_item(answer, REDIS_LOG_HEAD + 1)), (uint64_t)REGISTRY_REVISION_MAX,
                   &until) < 0) {
        return -1;
    }
    *ret_until = (int64_t)until;
    return 0;
}

static void take_entries(struct redis_watch *watch, const struct redis_reply *answer, int64_t until)
{
    struct registry_change *changes = mem_resize(NULL, answer->count + 1, sizeof(*changes));
    int count = read_entries(watch, answer, changes);
    if (count >= 0) {
        watch_changes(watch, changes, (size_t)count, until);
    }
    free(changes);
}

/* Every delivery may close the watch. */
static void take_answer(struct redis_watch *watch, const struct redis_reply *answer)
{
    const struct tail *tail = &watch->own->tail;
    struct redis_log_head head;
    bool is_gone = false;
    int64_t until = 0;
    if (redis_log_head_read(answer, &head) < 0 || read_words(answer, &is_gone, &until) < 0) {
        watch_end(watch, REGISTRY_REFUSED, false,
                  "the script answered something else: the namespace is used by something else");
        return;
    }
    if ((watch->is_opened && is_other(&watch->head, &head)) || watch->asked_news > head.revision) {
        watch_end(watch, REGISTRY_RETRY, true, other_history);
        return;
    }
    if (!watch->is_opened) {
        watch->head = head;
        /* what the tail has read already does not come again */
        bool is_behind = !watch->hears && tail->state == TAIL_LIVE && tail->next - 1 > head.revision;
        open_at(watch, is_behind ? tail->next - 1 : head.revision);
    }
    if (watch->state != WATCH_OVER && is_gone) {
        tell_gone(watch, until);
    } else if (watch->state != WATCH_OVER) {
        take_entries(watch, answer, until);
    }
    if (watch->state == WATCH_OVER) {
        return;
    }
    if (until < head.revision || !is_up_to_date(watch)) {
        watch_read(watch);
    } else {
        set_state(watch, WATCH_LIVE);
    }
}

static void on_read(const struct redis_result *result, void *user)
{
    struct redis_watch *watch = user;
    watch->is_asked = false;
    if (watch->state == WATCH_OVER) {
        loop_defer(watch->own->loop, &watch->release);
    } else if (result->outcome == REDIS_DONE) {
        take_answer(watch, result->reply);
    } else {
        enum registry_failure failure = redis_registry_failure(result->outcome);
        watch_end(watch, failure == REGISTRY_UNKNOWN ? REGISTRY_RETRY : failure, false, result->why);
    }
}

void watch_read(struct redis_watch *watch)
{
    struct redis_registry *own = watch->own;
    struct args args;
    struct buf ends = {0};
    size_t bytes = 0;
    if (watch->state != WATCH_READING) {
        set_state(watch, WATCH_READING);
    }
    args_init(&args, own, "since");
    args_number(&args, watch->is_opened                   ? watch->told + 1
                       : watch->request.from_revision > 0 ? watch->request.from_revision
                                                          : 0);
    for (size_t i = 0; i < watch->request.range_count; i++) {
        bytes += watch->request.ranges[i].key.size + 1;
    }
    buf_reserve(&ends, bytes);
    for (size_t i = 0; i < watch->request.range_count; i++) {
        const struct registry_range *range = &watch->request.ranges[i];
        size_t before = ends.size;
        args_text(&args, range->key);
        if (range->end.size > 0) {
            args_text(&args, range->end);
            continue;
        }
        buf_str(&ends, range->key); /* of a key alone: right behind it */
        buf_add(&ends, "\0", 1);
        args_text(&args, (struct str){ends.data + before, ends.size - before});
    }
    watch->is_asked = true;
    watch->asked_news = watch->news;
    redis_registry_call(own, &args, false, SINCE_TIMEOUT_MS, true, on_read, watch);
    args_fini(&args);
    buf_fini(&ends);
}

/* ---- the backend ---- */

static void copy_ranges(struct redis_watch *watch)
{
    for (size_t i = 0; i < watch->request.range_count; i++) {
        buf_str(&watch->keys, watch->request.ranges[i].key);
        buf_str(&watch->keys, watch->request.ranges[i].end);
    }
    const char *at = watch->keys.data;
    for (size_t i = 0; i < watch->request.range_count; i++) {
        struct registry_range *range = &watch->request.ranges[i];
        range->key.data = at;
        range->end.data = at + range->key.size;
        at += range->key.size + range->end.size;
    }
}

void watch_open(struct registry *registry, const struct registry_watch *request)
{
    struct redis_registry *own = (struct redis_registry *)registry;
    struct redis_watch *watch = mem_zalloc(sizeof(*watch));
    LL_PREPEND(own->watches, watch);
    watch->own = own;
    watch->request = *request;
    watch->hears = true;
    copy_ranges(watch);
    for (size_t i = 0; i < request->range_count; i++) {
        watch->hears = watch->hears && request->ranges[i].end.size == 0;
        watch->last[i] = -1;
    }
    watch->release = (struct deferred){.fn = on_release, .user = watch};
    watch->timer = timer_new(own->loop, on_due, watch);
    timer_arm_ms(watch->timer, request->timeout_ms);
    if (watch->hears) {
        hearing_add(watch);
    } else if (own->tail.state == TAIL_LIVE) {
        watch_read(watch);
    } else {
        tail_start(own);
    }
}

void watch_close(struct registry *registry, uint64_t id)
{
    struct redis_watch *watch;
    LL_FOREACH(((struct redis_registry *)registry)->watches, watch)
    {
        if (watch->state != WATCH_OVER && watch->request.id == id) {
            stop(watch);
            return;
        }
    }
}

void watches_fini(struct redis_registry *own)
{
    while (own->watches != NULL) {
        watch_free(own->watches);
    }
}
