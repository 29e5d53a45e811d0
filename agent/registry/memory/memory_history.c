#include "memory_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* Freed with the history, or when it is undone: what is delivered may be read while the store changes. */
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
    history->list = mem_grow(history->list, history->count, &history->capacity, sizeof(history->list[0]));
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

/* ---- what is delivered ---- */

static void deliver(const struct memory_watch *watch, struct memory *memory,
                    struct registry_watch_event event)
{
    event.id = watch->request.id;
    event.endpoint = STR("memory");
    registry_deliver_event(&memory->registry, &event);
}

static void end(struct memory_watch *watch, struct memory *memory, bool read_anew, int64_t oldest,
                const char *why)
{
    watch->over = true;
    deliver(watch, memory,
            (struct registry_watch_event){.type = REGISTRY_WATCH_ENDED,
                                          .failure = REGISTRY_RETRY,
                                          .read_anew = read_anew,
                                          .oldest = oldest,
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

/* Whether a later change in `changes` is of the same key. */
static bool is_overtaken(const struct registry_change *changes, size_t count, size_t at)
{
    for (size_t later = at + 1; later < count; later++) {
        if (str_eq(changes[later].key, changes[at].key)) {
            return true;
        }
    }
    return false;
}

/* Whether the key did not exist before these changes. */
static bool is_created(const struct registry_change *changes, size_t at)
{
    for (size_t i = 0; i <= at; i++) {
        if (str_eq(changes[i].key, changes[at].key)) {
            return !changes[i].deleted && changes[i].create_revision == changes[i].mod_revision;
        }
    }
    return false;
}

static int by_revision(const void *a, const void *b)
{
    int64_t left = ((const struct registry_change *)a)->mod_revision;
    int64_t right = ((const struct registry_change *)b)->mod_revision;
    return (left > right) - (left < right);
}

/* The difference of two listings: each key once, as it is last; a deletion is of the revision at which it is missed,
 * which is later than every other change. */
static size_t coalesce(struct registry_change *changes, size_t count, int64_t revision)
{
    struct registry_change *kept = mem_resize(NULL, count + 1, sizeof(*kept));
    size_t kept_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_overtaken(changes, count, i) || (changes[i].deleted && is_created(changes, i))) {
            continue;
        }
        kept[kept_count] = changes[i];
        kept[kept_count].mod_revision = changes[i].deleted ? revision : changes[i].mod_revision;
        kept_count++;
    }
    for (size_t i = 0; i < kept_count; i++) {
        changes[i] = kept[i];
    }
    free(kept);
    qsort(changes, kept_count, sizeof(*changes), by_revision);
    return kept_count;
}

static void deliver_changes(const struct memory_history *history, struct memory_watch *watch,
                            struct memory *memory)
{
    bool every = memory_can(memory, REGISTRY_CAN_EVERY_CHANGE);
    struct registry_change *changes = mem_resize(NULL, history->count + 1, sizeof(*changes));
    size_t count = 0;
    for (; watch->at < history->count; watch->at++) {
        struct registry_change change = change_of(&history->list[watch->at]);
        if (change.mod_revision >= watch->request.from_revision && is_watched(&watch->request, change.key)) {
            changes[count++] = change;
        }
    }
    count = every ? count : coalesce(changes, count, memory->revision);
    if (count > 0) {
        deliver(watch, memory,
                (struct registry_watch_event){.type = REGISTRY_WATCH_CHANGED,
                                              .revision = memory->revision,
                                              .changes = changes,
                                              .change_count = count,
                                              .coalesced = !every});
    }
    free(changes);
}

static void opened(struct memory_watch *watch, struct memory *memory, uint64_t cluster)
{
    deliver(watch, memory,
            (struct registry_watch_event){.type = REGISTRY_WATCH_OPENED,
                                          .revision = memory->revision,
                                          .cluster = cluster,
                                          .epoch = memory->epoch});
}

/* As etcd: it opens, and then finds that it cannot begin there. Without a history it does not open at all. */
static void open(const struct memory_history *history, struct memory_watch *watch, struct memory *memory,
                 uint64_t cluster)
{
    int64_t from = watch->request.from_revision;
    watch->opened = true;
    watch->at = from == 0 ? history->count : 0;
    if (from > 0 && from <= memory->revision && !memory_can(memory, REGISTRY_CAN_HISTORY)) {
        end(watch, memory, true, 0, "watch on memory: there is no history to begin in");
        return;
    }
    opened(watch, memory, cluster);
    if (!watch->over && from > 0 && from < history->compacted) {
        struct buf why = {0};
        buf_printf(&why,
                   "watch on memory: revision %" PRId64 " is compacted, %" PRId64 " is the oldest there is",
                   from, history->compacted);
        end(watch, memory, true, history->compacted, buf_text(&why));
        buf_fini(&why);
    }
}

void memory_history_emit(struct memory_history *history, struct memory *memory, uint64_t cluster)
{
    for (struct memory_watch *watch = history->watches; watch != NULL; watch = watch->next) {
        if (!watch->over && !watch->opened) {
            open(history, watch, memory, cluster);
        }
        if (!watch->over) {
            deliver_changes(history, watch, memory);
        }
    }
    free_those_over(history);
}

void memory_history_end(struct memory_history *history, struct memory *memory, bool read_anew,
                        const char *why)
{
    for (struct memory_watch *watch = history->watches; watch != NULL; watch = watch->next) {
        if (!watch->over) {
            end(watch, memory, read_anew, 0, why);
        }
    }
    free_those_over(history);
}

/* ---- a history that is undone ---- */

static void put_back(struct memory *memory, const struct memory_change *change)
{
    struct str key = {change->key, change->key_size};
    struct entry **at = memory_find_entry(memory, key);
    if (change->value == NULL) {
        memory_remove_entry(at);
        return;
    }
    struct entry *entry = *at == NULL ? memory_add_entry(memory, key) : *at;
    blob_unref(entry->value);
    entry->value = blob_ref(change->value);
    entry->mod_revision = change->kv.mod_revision;
    entry->create_revision = change->kv.create_revision;
    entry->lease = change->kv.lease;
}

void memory_history_undo(struct memory_history *history, struct memory *memory, int64_t revision)
{
    size_t kept = 0;
    for (; kept < history->count && history->list[kept].kv.mod_revision <= revision; kept++) {
        put_back(memory, &history->list[kept]);
    }
    for (size_t i = kept; i < history->count; i++) {
        free(history->list[i].key);
        blob_unref(history->list[i].value);
    }
    history->count = kept;
    for (struct memory_watch *watch = history->watches; watch != NULL; watch = watch->next) {
        watch->at = watch->at < kept ? watch->at : kept;
    }
}
