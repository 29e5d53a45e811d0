/* Requests: kept until memory_run, then answered in order. */
#include "memory_internal.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* As etcd: TTLs in whole seconds, at least two (docs/design/etcd-gateway.md, "Lease ids"). */
enum { TTL_MIN_S = 2 };

#define CLUSTER UINT64_C(0x6d656d6f7279)

void memory_fail(struct memory *memory, struct registry_reply *reply, enum registry_failure failure,
                 const char *why)
{
    buf_clear(&memory->error);
    buf_printf(&memory->error, "%s on memory: %s", registry_op_name(reply->op), why);
    reply->failure = failure;
    reply->error = buf_view(&memory->error);
}

static void grant(struct memory *memory, const struct registry_request *request, struct registry_reply *reply)
{
    if (*memory_find_lease(memory, request->lease) != NULL) {
        memory_fail(memory, reply, REGISTRY_LEASE_EXISTS, "lease already exists");
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
    struct lease *lease = *memory_find_lease(memory, request->lease);
    if (lease == NULL) {
        memory_fail(memory, reply, REGISTRY_LEASE_LOST, "the lease does not exist any more");
        return;
    }
    lease->ends_ms = memory->now_ms + lease->ttl_ms;
    reply->ttl_ms = lease->ttl_ms;
}

static void revoke(struct memory *memory, const struct registry_request *request)
{
    struct lease **lease = memory_find_lease(memory, request->lease);
    if (*lease != NULL) {
        memory_end_lease(memory, lease);
    }
}

static void time_to_live(struct memory *memory, const struct registry_request *request,
                         struct registry_reply *reply)
{
    const struct lease *lease = *memory_find_lease(memory, request->lease);
    reply->ttl_known = true;
    reply->ttl_ms = lease == NULL ? -1 : (lease->ends_ms - memory->now_ms) / 1000 * 1000;
}

/* A put or a delete that did not find what it expected has read its key. */
static void transact_short(struct memory *memory, const struct registry_txn *txn,
                           struct registry_reply *reply)
{
    memory_transact(memory, txn, reply);
    if (reply->item_count > 0) {
        reply->kv = reply->items[0].kv;
    }
    reply->items = NULL;
    reply->item_count = 0;
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
    memory->items[*count] = (struct registry_item){.key = key, .kv = memory_read_entry(entry)};
    (*count)++;
}

/* What was is not kept: another revision than the present one is gone. */
static void list(struct memory *memory, const struct registry_request *request, struct registry_reply *reply)
{
    if (request->at_revision > 0 && request->at_revision != memory->revision) {
        reply->revision_gone = true;
        memory_fail(memory, reply, REGISTRY_REFUSED,
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
    memory_copy_items(memory, count < limit ? count : limit);
    reply->items = memory->items;
    reply->item_count = count < limit ? count : limit;
    reply->count = (int64_t)count;
}

static bool has_key(enum registry_op op)
{
    return op == REGISTRY_GET || op == REGISTRY_LIST;
}

static void execute(struct memory *memory, const struct pending *pending, struct registry_reply *reply)
{
    const struct registry_request *request = &pending->request;
    if (has_key(request->op) && request->key.size == 0) {
        memory_fail(memory, reply, REGISTRY_REFUSED, "key is not provided");
        return;
    }
    switch (request->op) {
    case REGISTRY_GRANT: grant(memory, request, reply); break;
    case REGISTRY_KEEPALIVE: keepalive(memory, request, reply); break;
    case REGISTRY_REVOKE: revoke(memory, request); break;
    case REGISTRY_LEASE_TTL: time_to_live(memory, request, reply); break;
    case REGISTRY_GET: reply->kv = memory_read_entry(*memory_find_entry(memory, request->key)); break;
    case REGISTRY_LIST: list(memory, request, reply); break;
    case REGISTRY_PUT:
    case REGISTRY_DELETE:
    case REGISTRY_PROVE:
    case REGISTRY_COMPARE: transact_short(memory, pending->txn, reply); break;
    case REGISTRY_TXN: memory_transact(memory, pending->txn, reply); break;
    case REGISTRY_OP_COUNT: memory_fail(memory, reply, REGISTRY_REFUSED, "no such operation"); break;
    }
}

static void pending_fini(struct pending *pending)
{
    registry_txn_free(pending->txn);
    free(pending->key);
    free(pending->range_end);
}

/* The client may submit, advance and read: the value is held until its callback returns. */
static void answer(struct memory *memory, const struct pending *pending)
{
    const struct registry_request *request = &pending->request;
    struct registry_reply reply = {
        .id = request->id, .op = request->op, .endpoint = STR("memory"), .cluster = CLUSTER};
    execute(memory, pending, &reply);
    const struct entry *entry =
        request->op == REGISTRY_GET && reply.kv.found ? *memory_find_entry(memory, request->key) : NULL;
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
        answer(memory, &batch[i]);
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
            memory_end_lease(memory, lease);
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
    return memory_read_entry(*memory_find_entry((struct memory *)registry, key));
}

static struct registry_txn *keep_txn(const struct registry_request *request)
{
    struct registry_txn txn;
    registry_txn_of(request, &txn);
    return registry_txn_copy(&txn);
}

static void memory_submit(struct registry *registry, const struct registry_request *request)
{
    struct memory *memory = (struct memory *)registry;
    memory->pending = mem_resize(memory->pending, memory->pending_count + 1, sizeof(memory->pending[0]));
    struct pending *pending = &memory->pending[memory->pending_count++];
    *pending = (struct pending){.request = *request,
                                .key = mem_copy(request->key.data, request->key.size),
                                .range_end = mem_copy(request->range_end.data, request->range_end.size),
                                .txn = keep_txn(request)};
    pending->request.key.data = pending->key;
    pending->request.range_end.data = pending->range_end;
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
        memory_remove_entry(&memory->entries);
    }
    while (memory->leases != NULL) {
        memory_end_lease(memory, &memory->leases);
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
