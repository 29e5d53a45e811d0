#include "memory_history_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* Never freed before the history is: what was told may be read while the store changes. */
struct memory_change {
    char *key;
    size_t key_size;
    struct blob *value; /* NULL: deleted */
    struct registry_kv kv;
};

struct memory_watch {
    struct memory_watch *next;
    struct registry_watch request;
    struct buf keys; /* what the request's ranges point to */
    bool opened, over;
    size_t at; /* first change in the list not yet looked at */
};

void memory_history_add(struct memory_history *history, struct str key, const struct registry_kv *kv,
                        struct blob *value)
{
    if (history->count == history->capacity) {
        history->capacity = history->capacity == 0 ? 64 : history->capacity * 2;
        history->list = mem_resize(history->list, history->capacity, sizeof(history->list[0]));
    }
    history->list[history->count++] = (struct memory_change){
        .key = mem_copy(key.data, key.size), .key_size = key.size, .value = blob_ref(value), .kv = *kv};
}

/* ---- watches ---- */

static void watch_free(struct memory_watch *watch)
{
    buf_fini(&watch->keys);
    free(watch);
}

static void free_those_over(struct memory_history *history)
{
    for (struct memory_watch **at = &history->watches; *at != NULL;) {
        struct memory_watch *watch = *at;
        if (watch->over) {
            *at = watch->next;
            watch_free(watch);
        } else {
            at = &watch->next;
        }
    }
}

void memory_history_fini(struct memory_history *history)
{
    while (history->watches != NULL) {
        struct memory_watch *watch = history->watches;
        history->watches = watch->next;
        watch_free(watch);
    }
    for (size_t i = 0; i < history->count; i++) {
        free(history->list[i].key);
        blob_unref(history->list[i].value);
    }
    free(history->list);
    *history = (struct memory_history){0};
}

void memory_history_watch(struct memory_history *history, const struct registry_watch *request)
{
    struct memory_watch *watch = mem_zalloc(sizeof(*watch));
    watch->request = *request;
    for (size_t i = 0; i < request->range_count; i++) {
        buf_str(&watch->keys, request->ranges[i].key);
        buf_str(&watch->keys, request->ranges[i].end);
    }
    const char *at = watch->keys.data;
    for (size_t i = 0; i < request->range_count; i++) {
        struct registry_range *range = &watch->request.ranges[i];
        range->key.data = at;
        range->end.data = at + range->key.size;
        at += range->key.size + range->end.size;
    }
    watch->next = history->watches;
    history->watches = watch;
}

void memory_history_unwatch(struct memory_history *history, uint64_t id)
{
    for (struct memory_watch *watch = history->watches; watch != NULL; watch = watch->next) {
        watch->over = watch->over || watch->request.id == id;
    }
}

/* ---- what they are told ---- */

static void tell(const struct memory_watch *watch, struct registry *registry,
                 struct registry_watch_event event)
{
    event.id = watch->request.id;
    event.endpoint = STR("memory");
    registry_deliver_event(registry, &event);
}

static void end(struct memory_watch *watch, struct registry *registry, int64_t compacted, const char *why)
{
    watch->over = true;
    tell(watch, registry,
         (struct registry_watch_event){.type = REGISTRY_WATCH_ENDED,
                                       .failure = REGISTRY_RETRY,
                                       .read_anew = compacted > 0,
                                       .oldest = compacted,
                                       .error = str_of(why)});
}

static bool is_watched(const struct registry_watch *watch, struct str key)
{
    for (size_t i = 0; i < watch->range_count; i++) {
        const struct registry_range *range = &watch->ranges[i];
        if (range->end.size == 0 ? str_eq(key, range->key)
                                 : str_compare(key, range->key) >= 0 && str_compare(key, range->end) < 0) {
            return true;
        }
    }
    return false;
}

static struct registry_change change_of(const struct memory_change *change)
{
    return (struct registry_change){.deleted = change->value == NULL,
                                    .key = {change->key, change->key_size},
                                    .value = blob_view(change->value),
                                    .mod_revision = change->kv.mod_revision,
                                    .create_revision = change->kv.create_revision,
                                    .lease = change->kv.lease};
}

static void tell_changes(const struct memory_history *history, struct memory_watch *watch,
                         struct registry *registry, int64_t revision)
{
    struct registry_change *changes = mem_resize(NULL, history->count + 1, sizeof(*changes));
    size_t count = 0;
    for (; watch->at < history->count; watch->at++) {
        struct registry_change change = change_of(&history->list[watch->at]);
        if (change.mod_revision >= watch->request.from_revision && is_watched(&watch->request, change.key)) {
            changes[count++] = change;
        }
    }
    if (count > 0) {
        tell(watch, registry,
             (struct registry_watch_event){.type = REGISTRY_WATCH_CHANGED,
                                           .revision = revision,
                                           .changes = changes,
                                           .change_count = count});
    }
    free(changes);
}

/* As etcd: it opens, and then finds that it cannot begin where it was to. */
static void open(const struct memory_history *history, struct memory_watch *watch, struct registry *registry,
                 int64_t revision, uint64_t cluster)
{
    int64_t from = watch->request.from_revision;
    watch->opened = true;
    watch->at = from == 0 ? history->count : 0;
    tell(watch, registry,
         (struct registry_watch_event){
             .type = REGISTRY_WATCH_OPENED, .revision = revision, .cluster = cluster});
    if (!watch->over && from > 0 && from < history->compacted) {
        struct buf why = {0};
        buf_printf(&why,
                   "watch on memory: revision %" PRId64 " is compacted, %" PRId64 " is the oldest there is",
                   from, history->compacted);
        end(watch, registry, history->compacted, buf_text(&why));
        buf_fini(&why);
    }
}

void memory_history_emit(struct memory_history *history, struct registry *registry, int64_t revision,
                         uint64_t cluster)
{
    for (struct memory_watch *watch = history->watches; watch != NULL; watch = watch->next) {
        if (!watch->over && !watch->opened) {
            open(history, watch, registry, revision, cluster);
        }
        if (!watch->over) {
            tell_changes(history, watch, registry, revision);
        }
    }
    free_those_over(history);
}

void memory_history_cut(struct memory_history *history, struct registry *registry)
{
    for (struct memory_watch *watch = history->watches; watch != NULL; watch = watch->next) {
        if (!watch->over) {
            end(watch, registry, 0, "watch on memory: connection reset");
        }
    }
    free_those_over(history);
}
