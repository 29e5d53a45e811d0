#include "outrider/registry/memory/memory.h"

#include "memory_history_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* As etcd: TTLs in whole seconds, at least two; requests under 1.5 MiB (docs/design/etcd-gateway.md, "Lease
 * ids" and "Errors"). */
enum { TTL_MIN_S = 2, REQUEST_MAX = 1536 * 1024 };

#define CLUSTER UINT64_C(0x6d656d6f7279)

struct entry {
    struct entry *next;
    char *key;
    size_t key_size;
    struct blob *value;
    int64_t mod_revision, create_revision;
    struct registry_lease lease;
};

struct lease {
    struct lease *next;
    struct registry_lease id;
    int64_t ttl_ms, ends_ms;
};

struct pending {
    struct registry_request request; /* its keys and value are ours */
    char *key, *range_end;
};

struct memory {
    struct registry registry;
    struct entry *entries;
    struct lease *leases;
    struct pending *pending;
    size_t pending_count;
    int64_t now_ms, revision;
    struct memory_history history;
    struct buf error;
    struct registry_item *items; /* of the last listing; their bytes: */
    struct buf listed;
};

static struct entry **find_entry(struct memory *memory, struct str key)
{
    struct entry **at = &memory->entries;
    while (*at != NULL && !str_eq((struct str){(*at)->key, (*at)->key_size}, key)) {
        at = &(*at)->next;
    }
    return at;
}

static struct lease **find_lease(struct memory *memory, struct registry_lease id)
{
    struct lease **at = &memory->leases;
    while (*at != NULL && !registry_lease_eq((*at)->id, id)) {
        at = &(*at)->next;
    }
    return at;
}

static void remove_entry(struct entry **at)
{
    struct entry *entry = *at;
    *at = entry->next;
    blob_unref(entry->value);
    free(entry->key);
    free(entry);
}

static void note_deleted(struct memory *memory, const struct entry *entry, int64_t revision)
{
    memory_history_add(&memory->history, (struct str){entry->key, entry->key_size},
                       &(struct registry_kv){.mod_revision = revision}, NULL);
}

/* All keys of a lease go in one revision. */
static void end_lease(struct memory *memory, struct lease **at)
{
    struct lease *lease = *at;
    bool any = false;
    for (struct entry **entry = &memory->entries; *entry != NULL;) {
        if (registry_lease_eq((*entry)->lease, lease->id)) {
            note_deleted(memory, *entry, memory->revision + 1);
            remove_entry(entry);
            any = true;
        } else {
            entry = &(*entry)->next;
        }
    }
    memory->revision += any ? 1 : 0;
    *at = lease->next;
    free(lease);
}

static void fail(struct memory *memory, struct registry_reply *reply, enum registry_failure failure,
                 const char *why)
{
    buf_clear(&memory->error);
    buf_printf(&memory->error, "%s on memory: %s", registry_op_name(reply->op), why);
    reply->failure = failure;
    reply->error = buf_view(&memory->error);
}

static void grant(struct memory *memory, const struct registry_request *request, struct registry_reply *reply)
{
    if (*find_lease(memory, request->lease) != NULL) {
        fail(memory, reply, REGISTRY_LEASE_EXISTS, "lease already exists");
        return;
    }
    int64_t seconds = (request->ttl_ms + 999) / 1000;
    struct lease *lease = mem_zalloc(sizeof(*lease));
    lease->id = request->lease;
    lease->ttl_ms = (seconds < TTL_MIN_S ? TTL_MIN_S : seconds) * 1000;
    lease->ends_ms = memory->now_ms + lease->ttl_ms;
    lease->next = memory->leases;
    memory->leases = lease;
    reply->lease = lease->id;
    reply->ttl_ms = lease->ttl_ms;
}

static void keepalive(struct memory *memory, const struct registry_request *request,
                      struct registry_reply *reply)
{
    struct lease *lease = *find_lease(memory, request->lease);
    if (lease == NULL) {
        fail(memory, reply, REGISTRY_LEASE_LOST, "the lease does not exist any more");
        return;
    }
    lease->ends_ms = memory->now_ms + lease->ttl_ms;
    reply->ttl_ms = lease->ttl_ms;
}

static void revoke(struct memory *memory, const struct registry_request *request)
{
    struct lease **lease = find_lease(memory, request->lease);
    if (*lease != NULL) {
        end_lease(memory, lease);
    }
}

static void time_to_live(struct memory *memory, const struct registry_request *request,
                         struct registry_reply *reply)
{
    const struct lease *lease = *find_lease(memory, request->lease);
    reply->ttl_known = true;
    reply->ttl_ms = lease == NULL ? -1 : (lease->ends_ms - memory->now_ms) / 1000 * 1000;
}

static struct registry_kv read_entry(const struct entry *entry)
{
    if (entry == NULL) {
        return (struct registry_kv){0};
    }
    return (struct registry_kv){.found = true,
                                .value = blob_view(entry->value),
                                .mod_revision = entry->mod_revision,
                                .create_revision = entry->create_revision,
                                .lease = entry->lease};
}

static struct entry *add_entry(struct memory *memory, struct str key)
{
    struct entry *entry = mem_zalloc(sizeof(*entry));
    entry->key = mem_copy(key.data, key.size);
    entry->key_size = key.size;
    entry->create_revision = memory->revision;
    entry->next = memory->entries;
    memory->entries = entry;
    return entry;
}

/* Whether the comparison of a put or delete holds; otherwise the reply says how the key is. */
static bool is_as_expected(const struct entry *entry, const struct registry_request *request,
                           struct registry_reply *reply)
{
    reply->succeeded = (entry == NULL ? 0 : entry->mod_revision) == request->expect_revision;
    if (!reply->succeeded) {
        reply->kv = read_entry(entry);
    }
    return reply->succeeded;
}

/* The comparison comes first: etcd looks at the lease only when it is about to write. */
static void put(struct memory *memory, const struct registry_request *request, struct registry_reply *reply)
{
    struct entry *entry = *find_entry(memory, request->key);
    if (blob_view(request->value).size + 3 * request->key.size >= REQUEST_MAX) {
        fail(memory, reply, REGISTRY_REFUSED, "request is too large");
        return;
    }
    if (!is_as_expected(entry, request, reply)) {
        return;
    }
    if (!registry_lease_is_none(request->lease) && *find_lease(memory, request->lease) == NULL) {
        reply->succeeded = false;
        fail(memory, reply, REGISTRY_LEASE_LOST, "requested lease not found");
        return;
    }
    memory->revision++;
    entry = entry == NULL ? add_entry(memory, request->key) : entry;
    entry->mod_revision = memory->revision;
    entry->lease = request->lease;
    struct blob *old = entry->value;
    entry->value = blob_ref(request->value);
    blob_unref(old);
    struct registry_kv kv = read_entry(entry);
    memory_history_add(&memory->history, request->key, &kv, entry->value);
}

static void delete_key(struct memory *memory, const struct registry_request *request,
                       struct registry_reply *reply)
{
    struct entry **entry = find_entry(memory, request->key);
    if (is_as_expected(*entry, request, reply) && *entry != NULL) {
        memory->revision++;
        note_deleted(memory, *entry, memory->revision);
        remove_entry(entry);
    }
}

static int by_key(const void *a, const void *b)
{
    return str_compare(((const struct registry_item *)a)->key, ((const struct registry_item *)b)->key);
}

static int by_revision(const void *a, const void *b)
{
    int64_t left = ((const struct registry_item *)a)->kv.mod_revision;
    int64_t right = ((const struct registry_item *)b)->kv.mod_revision;
    return (left < right) - (left > right);
}

static void add_if_inside(struct memory *memory, const struct entry *entry,
                          const struct registry_request *request, size_t *count)
{
    struct str key = {entry->key, entry->key_size};
    if (str_compare(key, request->key) < 0 || str_compare(key, request->range_end) >= 0) {
        return;
    }
    memory->items = mem_resize(memory->items, *count + 1, sizeof(memory->items[0]));
    memory->items[*count] = (struct registry_item){.key = key, .kv = read_entry(entry)};
    (*count)++;
}

/* Whoever is told may change the store: what he is told is a copy. */
static void copy_items(struct memory *memory, size_t count)
{
    buf_clear(&memory->listed);
    for (size_t i = 0; i < count; i++) {
        buf_str(&memory->listed, memory->items[i].key);
        buf_str(&memory->listed, memory->items[i].kv.value);
    }
    const char *at = buf_text(&memory->listed);
    for (size_t i = 0; i < count; i++) {
        memory->items[i].key.data = at;
        at += memory->items[i].key.size;
        memory->items[i].kv.value.data = at;
        at += memory->items[i].kv.value.size;
    }
}

/* What was is not kept: another revision than the present one is gone. */
static void list(struct memory *memory, const struct registry_request *request, struct registry_reply *reply)
{
    if (request->at_revision > 0 && request->at_revision != memory->revision) {
        reply->revision_gone = true;
        fail(memory, reply, REGISTRY_REFUSED,
             request->at_revision < memory->revision ? "required revision has been compacted"
                                                     : "required revision is a future revision");
        return;
    }
    size_t count = 0;
    for (const struct entry *entry = memory->entries; entry != NULL; entry = entry->next) {
        add_if_inside(memory, entry, request, &count);
    }
    if (count > 0) {
        qsort(memory->items, count, sizeof(memory->items[0]), request->newest_first ? by_revision : by_key);
    }
    size_t limit =
        request->limit > 0 && request->limit < REGISTRY_LIST_MAX ? (size_t)request->limit : REGISTRY_LIST_MAX;
    copy_items(memory, count < limit ? count : limit);
    reply->items = memory->items;
    reply->item_count = count < limit ? count : limit;
    reply->count = (int64_t)count;
}

static bool is_at(struct memory *memory, struct str key, int64_t revision)
{
    const struct entry *entry = *find_entry(memory, key);
    return (entry == NULL ? 0 : entry->mod_revision) == revision;
}

static void compare(struct memory *memory, const struct registry_request *request,
                    struct registry_reply *reply)
{
    reply->succeeded =
        is_at(memory, request->key, request->expect_revision) &&
        (request->range_end.size == 0 || is_at(memory, request->range_end, request->at_revision));
}

static bool has_key(enum registry_op op)
{
    return op == REGISTRY_GET || op == REGISTRY_PUT || op == REGISTRY_DELETE || op == REGISTRY_LIST ||
           op == REGISTRY_PROVE || op == REGISTRY_COMPARE;
}

static void execute(struct memory *memory, const struct registry_request *request,
                    struct registry_reply *reply)
{
    if (has_key(request->op) && request->key.size == 0) {
        fail(memory, reply, REGISTRY_REFUSED, "key is not provided");
        return;
    }
    switch (request->op) {
    case REGISTRY_GRANT: grant(memory, request, reply); break;
    case REGISTRY_KEEPALIVE: keepalive(memory, request, reply); break;
    case REGISTRY_REVOKE: revoke(memory, request); break;
    case REGISTRY_LEASE_TTL: time_to_live(memory, request, reply); break;
    case REGISTRY_GET: reply->kv = read_entry(*find_entry(memory, request->key)); break;
    case REGISTRY_PUT: put(memory, request, reply); break;
    case REGISTRY_DELETE: delete_key(memory, request, reply); break;
    case REGISTRY_LIST: list(memory, request, reply); break;
    case REGISTRY_PROVE: break; /* everybody may do everything here */
    case REGISTRY_COMPARE: compare(memory, request, reply); break;
    case REGISTRY_OP_COUNT: fail(memory, reply, REGISTRY_REFUSED, "no such operation"); break;
    }
}

static void pending_fini(struct pending *pending)
{
    blob_unref(pending->request.value);
    free(pending->key);
    free(pending->range_end);
}

/* Whoever is told may submit, advance and read: the value told is held until then. */
static void answer(struct memory *memory, const struct registry_request *request)
{
    struct registry_reply reply = {
        .id = request->id, .op = request->op, .endpoint = STR("memory"), .cluster = CLUSTER};
    execute(memory, request, &reply);
    const struct entry *entry = reply.kv.found ? *find_entry(memory, request->key) : NULL;
    struct blob *held = entry == NULL ? NULL : blob_ref(entry->value);
    reply.revision = memory->revision;
    registry_deliver(&memory->registry, &reply);
    blob_unref(held);
}

size_t memory_run(struct registry *registry)
{
    struct memory *memory = (struct memory *)registry;
    struct pending *batch = memory->pending;
    size_t count = memory->pending_count;
    memory->pending = NULL;
    memory->pending_count = 0;
    for (size_t i = 0; i < count; i++) {
        answer(memory, &batch[i].request);
        pending_fini(&batch[i]);
    }
    free(batch);
    memory_history_emit(&memory->history, registry, memory->revision, CLUSTER);
    return count;
}

void memory_advance(struct registry *registry, int64_t ms)
{
    struct memory *memory = (struct memory *)registry;
    memory->now_ms += ms;
    for (struct lease **lease = &memory->leases; *lease != NULL;) {
        if ((*lease)->ends_ms <= memory->now_ms) {
            end_lease(memory, lease);
        } else {
            lease = &(*lease)->next;
        }
    }
}

void memory_compact(struct registry *registry, int64_t revision)
{
    ((struct memory *)registry)->history.compacted = revision;
}

void memory_cut(struct registry *registry)
{
    memory_history_cut(&((struct memory *)registry)->history, registry);
}

struct registry_kv memory_read(struct registry *registry, struct str key)
{
    return read_entry(*find_entry((struct memory *)registry, key));
}

static void memory_submit(struct registry *registry, const struct registry_request *request)
{
    struct memory *memory = (struct memory *)registry;
    memory->pending = mem_resize(memory->pending, memory->pending_count + 1, sizeof(memory->pending[0]));
    struct pending *pending = &memory->pending[memory->pending_count++];
    *pending = (struct pending){.request = *request,
                                .key = mem_copy(request->key.data, request->key.size),
                                .range_end = mem_copy(request->range_end.data, request->range_end.size)};
    pending->request.key.data = pending->key;
    pending->request.range_end.data = pending->range_end;
    blob_ref(request->value);
}

static void memory_watch(struct registry *registry, const struct registry_watch *watch)
{
    memory_history_watch(&((struct memory *)registry)->history, watch);
}

static void memory_unwatch(struct registry *registry, uint64_t id)
{
    memory_history_unwatch(&((struct memory *)registry)->history, id);
}

static void memory_free(struct registry *registry)
{
    struct memory *memory = (struct memory *)registry;
    while (memory->entries != NULL) {
        remove_entry(&memory->entries);
    }
    while (memory->leases != NULL) {
        end_lease(memory, &memory->leases);
    }
    for (size_t i = 0; i < memory->pending_count; i++) {
        pending_fini(&memory->pending[i]);
    }
    free(memory->pending);
    memory_history_fini(&memory->history);
    free(memory->items);
    buf_fini(&memory->listed);
    buf_fini(&memory->error);
    registry_fini(registry);
    free(memory);
}

struct registry *memory_new(void)
{
    static const struct registry_backend backend = {.name = "memory",
                                                    .submit = memory_submit,
                                                    .watch = memory_watch,
                                                    .unwatch = memory_unwatch,
                                                    .free = memory_free};
    struct memory *memory = mem_zalloc(sizeof(*memory));
    registry_init(&memory->registry, &backend);
    memory->revision = 1;
    return &memory->registry;
}
