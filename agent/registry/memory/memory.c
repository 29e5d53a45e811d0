/* Requests: kept until memory_run, then answered in order. */
#include "memory_internal.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* What is undone never comes back under a revision that was used. */
enum { EPOCH_STEP = 1 << 20 };

#define CLUSTER UINT64_C(0x6d656d6f7279)

void memory_fail(struct memory *memory, struct registry_reply *reply, enum registry_failure failure,
                 const char *why)
{
    buf_clear(&memory->error);
    buf_printf(&memory->error, "%s on memory: %s", registry_op_name(reply->op), why);
    reply->failure = failure;
    reply->error = buf_view(&memory->error);
}

/* A put or a delete that did not find what it expected has read its key. A put says the revision of its key, which is an
 * old one where nothing changed. */
static void transact_short(struct memory *memory, const struct pending *pending, struct registry_reply *reply)
{
    memory_transact(memory, pending->txn, reply);
    if (reply->item_count > 0) {
        reply->kv = reply->items[0].kv;
    } else if (reply->succeeded && reply->op == REGISTRY_PUT) {
        reply->revision = (*memory_find_entry(memory, pending->request.key))->mod_revision;
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
    bool endless = str_eq(request->range_end, STR("\0"));
    if (str_compare(key, request->key) < 0 || (!endless && str_compare(key, request->range_end) >= 0)) {
        return;
    }
    memory->items = mem_resize(memory->items, *count + 1, sizeof(memory->items[0]));
    memory->items[*count] = (struct registry_item){.key = key, .kv = memory_read_entry(entry)};
    (*count)++;
}

/* What was is not kept: where a listing is of a revision, another one than the present is gone. */
static bool is_gone(const struct memory *memory, int64_t revision)
{
    return revision > memory->revision ||
           (revision > 0 && revision < memory->revision && memory_can(memory, REGISTRY_CAN_LIST_AT));
}

static size_t page_size(const struct memory *memory, const struct registry_request *request)
{
    int64_t most = memory->kind->limits.page_max;
    if (!memory_can(memory, REGISTRY_CAN_PAGE)) {
        return SIZE_MAX;
    }
    return request->limit > 0 && request->limit < most ? (size_t)request->limit : (size_t)most;
}

static void list(struct memory *memory, const struct registry_request *request, struct registry_reply *reply)
{
    if (is_gone(memory, request->at_revision)) {
        reply->revision_gone = true;
        memory_fail(memory, reply, REGISTRY_REFUSED,
                    request->at_revision < memory->revision ? "required revision has been compacted"
                                                            : "required revision is a future revision");
        return;
    }
    size_t count = 0, most = page_size(memory, request);
    for (const struct entry *entry = memory->entries; entry != NULL; entry = entry->next) {
        add_if_inside(memory, entry, request, &count);
    }
    bool newest_first = request->newest_first && memory_can(memory, REGISTRY_CAN_NEWEST_FIRST);
    if (count > 0) {
        qsort(memory->items, count, sizeof(memory->items[0]), newest_first ? by_revision : by_key);
    }
    reply->item_count = count < most ? count : most;
    memory_copy_items(memory, reply->item_count);
    reply->items = memory->items;
    reply->count = (int64_t)count;
}

static bool is_key(const struct memory *memory, struct str key)
{
    return key.size > 0 && (str_is_utf8(key) || memory_can(memory, REGISTRY_CAN_ANY_BYTES));
}

static void execute(struct memory *memory, const struct pending *pending, struct registry_reply *reply)
{
    const struct registry_request *request = &pending->request;
    switch (request->op) {
    case REGISTRY_GRANT:
    case REGISTRY_KEEPALIVE:
    case REGISTRY_REVOKE:
    case REGISTRY_LEASE_TTL: memory_lease(memory, request, reply); break;
    case REGISTRY_GET:
        if (!is_key(memory, request->key)) {
            memory_fail(memory, reply, REGISTRY_REFUSED, "key is not provided, or none here");
            return;
        }
        reply->kv = memory_read_entry(*memory_find_entry(memory, request->key));
        break;
    case REGISTRY_LIST: list(memory, request, reply); break;
    case REGISTRY_PUT:
        memory_tick(memory);
        transact_short(memory, pending, reply);
        break;
    case REGISTRY_DELETE:
    case REGISTRY_PROVE:
    case REGISTRY_COMPARE: transact_short(memory, pending, reply); break;
    case REGISTRY_TXN:
        memory_tick(memory);
        memory_transact(memory, pending->txn, reply);
        break;
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
    struct registry_reply reply = {.id = request->id,
                                   .op = request->op,
                                   .endpoint = STR("memory"),
                                   .cluster = CLUSTER,
                                   .epoch = memory->epoch};
    execute(memory, pending, &reply);
    const struct entry *entry =
        request->op == REGISTRY_GET && reply.kv.found ? *memory_find_entry(memory, request->key) : NULL;
    struct blob *held = entry == NULL ? NULL : blob_ref(entry->value);
    reply.revision = reply.revision > 0 ? reply.revision : memory->revision;
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
    if (memory->history.watches != NULL) {
        memory_tick(memory); /* a backend that is watched ends leases itself */
    }
    memory_history_emit(&memory->history, memory, CLUSTER);
    return count;
}

void memory_advance(struct registry *registry, int64_t ms)
{
    memory_pass((struct memory *)registry, ms);
}

/* Keys as they were at `revision`, from the history; changes after it are forgotten. */
static void undo(struct memory *memory, int64_t revision)
{
    while (memory->entries != NULL) {
        memory_remove_entry(&memory->entries);
    }
    memory_history_undo(&memory->history, memory, revision);
}

void memory_fail_over(struct registry *registry, int64_t revision)
{
    struct memory *memory = (struct memory *)registry;
    undo(memory, revision);
    memory->epoch++;
    memory->revision += EPOCH_STEP;
    memory->history.compacted = memory->revision + 1;
    memory_renew_all(memory);
    memory_history_end(&memory->history, memory, true, "watch on memory: another epoch began");
}

void memory_renew(struct registry *registry)
{
    memory_renew_all((struct memory *)registry);
}

void memory_compact(struct registry *registry, int64_t revision)
{
    ((struct memory *)registry)->history.compacted = revision;
}

void memory_cut(struct registry *registry)
{
    struct memory *memory = (struct memory *)registry;
    memory_history_end(&memory->history, memory, false, "watch on memory: connection reset");
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

struct registry *memory_new(const struct memory_kind *kind)
{
    static const struct registry_backend backend = {.name = "memory",
                                                    .submit = memory_submit,
                                                    .watch = memory_watch,
                                                    .unwatch = memory_unwatch,
                                                    .free = memory_free};
    struct memory *memory = mem_zalloc(sizeof(*memory));
    registry_init(&memory->registry, &backend);
    memory->registry.can = kind->can;
    memory->registry.limits = &kind->limits;
    memory->kind = kind;
    memory->epoch = memory_can(memory, REGISTRY_CAN_KEEP) ? 0 : 1;
    memory->revision = 1;
    return &memory->registry;
}
