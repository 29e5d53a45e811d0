/* Transactions. */
#include "memory_internal.h"

#include "outrider/base/mem.h"

static bool holds(struct memory *memory, const struct registry_compare *compare)
{
    const struct entry *entry = *memory_find_entry(memory, compare->key);
    switch (compare->kind) {
    case REGISTRY_IF_REVISION: return (entry == NULL ? 0 : entry->mod_revision) == compare->revision;
    case REGISTRY_IF_PRESENT: return entry != NULL;
    case REGISTRY_IF_VALUE: return entry != NULL && str_eq(blob_view(entry->value), compare->value);
    case REGISTRY_IF_LEASE:
        return registry_lease_eq(entry == NULL ? (struct registry_lease){0} : entry->lease, compare->lease);
    }
    return false;
}

/* What a branch would write, as etcd counts it; and the first lease it names that does not exist, if any. */
static const char *branch_problem(struct memory *memory, const struct registry_action *actions, size_t count,
                                  enum registry_failure *ret_failure)
{
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == REGISTRY_WRITE && !registry_lease_is_none(actions[i].lease) &&
            *memory_find_lease(memory, actions[i].lease) == NULL) {
            *ret_failure = REGISTRY_LEASE_LOST;
            return "requested lease not found";
        }
    }
    return NULL;
}

static bool are_keys(const struct memory *memory, const struct registry_txn *txn)
{
    bool all = true;
    for (size_t i = 0; i < txn->then_count; i++) {
        all = all && str_is_utf8(txn->then[i].key);
    }
    for (size_t i = 0; i < txn->otherwise_count; i++) {
        all = all && str_is_utf8(txn->otherwise[i].key);
    }
    return all || memory_can(memory, REGISTRY_CAN_ANY_BYTES);
}

static bool is_too_large(const struct memory *memory, const struct registry_txn *txn)
{
    size_t bytes = 0;
    for (size_t i = 0; i < txn->compare_count; i++) {
        bytes += txn->compares[i].key.size + txn->compares[i].value.size;
    }
    for (size_t i = 0; i < txn->then_count; i++) {
        bytes += txn->then[i].key.size + blob_view(txn->then[i].value).size;
    }
    for (size_t i = 0; i < txn->otherwise_count; i++) {
        bytes += txn->otherwise[i].key.size + blob_view(txn->otherwise[i].value).size;
    }
    return bytes >= memory->kind->limits.value_max;
}

/* Whether the key is as the write would leave it, which is no change of its own to some registries. */
static bool is_same(const struct memory *memory, const struct entry *entry,
                    const struct registry_action *action)
{
    return entry != NULL && !memory_can(memory, REGISTRY_CAN_REVISE_SAME) &&
           registry_lease_eq(entry->lease, action->lease) &&
           str_eq(blob_view(entry->value), blob_view(action->value));
}

/* Returns the value that was there, which a read of the same branch may borrow. */
static struct blob *write_key(struct memory *memory, const struct registry_action *action, int64_t revision)
{
    struct entry *entry = *memory_find_entry(memory, action->key);
    if (is_same(memory, entry, action)) {
        return NULL;
    }
    memory->revision = revision;
    entry = entry == NULL ? memory_add_entry(memory, action->key) : entry;
    entry->mod_revision = revision;
    entry->lease = action->lease;
    struct blob *old = entry->value;
    entry->value = action->value == NULL ? blob_new(STR("")) : blob_ref(action->value);
    struct registry_kv kv = memory_read_entry(entry);
    memory_history_add(&memory->history, action->key, &kv, entry->value);
    return old;
}

/* Returns the entry that was there, which a read of the same branch may borrow; NULL: none. */
static struct entry *remove_key(struct memory *memory, const struct registry_action *action, int64_t revision)
{
    struct entry **at = memory_find_entry(memory, action->key), *entry = *at;
    if (entry != NULL) {
        memory->revision = revision;
        memory_note_deleted(memory, entry, revision);
        *at = entry->next;
    }
    return entry;
}

static void read_key(struct memory *memory, const struct registry_action *action, size_t *count)
{
    const struct entry *entry = *memory_find_entry(memory, action->key);
    memory->items = mem_resize(memory->items, *count + 1, sizeof(memory->items[0]));
    memory->items[*count] = entry == NULL ? (struct registry_item){0}
                                          : (struct registry_item){.key = {entry->key, entry->key_size},
                                                                   .kv = memory_read_entry(entry)};
    (*count)++;
}

/* The whole branch at one revision, in order; nothing of it fails any more. */
static void carry_out(struct memory *memory, const struct registry_action *actions, size_t count,
                      struct registry_reply *reply)
{
    int64_t revision = memory->revision + 1;
    struct blob *replaced[REGISTRY_TXN_MAX] = {0};
    struct entry *removed[REGISTRY_TXN_MAX] = {0};
    size_t reads = 0;
    for (size_t i = 0; i < count; i++) {
        switch (actions[i].kind) {
        case REGISTRY_READ: read_key(memory, &actions[i], &reads); break;
        case REGISTRY_WRITE: replaced[i] = write_key(memory, &actions[i], revision); break;
        case REGISTRY_REMOVE: removed[i] = remove_key(memory, &actions[i], revision); break;
        }
    }
    memory_copy_items(memory, reads);
    for (size_t i = 0; i < count; i++) {
        blob_unref(replaced[i]);
        memory_free_entry(removed[i]);
    }
    reply->items = memory->items;
    reply->item_count = reads;
}

/* The comparisons come first: etcd looks at a lease only when it is about to write. */
void memory_transact(struct memory *memory, const struct registry_txn *txn, struct registry_reply *reply)
{
    const char *problem = registry_txn_problem(txn);
    enum registry_failure failure = REGISTRY_REFUSED;
    if (problem == NULL && !are_keys(memory, txn)) {
        problem = "a key is not UTF-8";
    }
    if (problem == NULL && is_too_large(memory, txn)) {
        problem = "request is too large";
    }
    bool all = problem == NULL;
    for (size_t i = 0; all && i < txn->compare_count; i++) {
        all = holds(memory, &txn->compares[i]);
    }
    const struct registry_action *actions = all ? txn->then : txn->otherwise;
    size_t count = all ? txn->then_count : txn->otherwise_count;
    if (problem == NULL) {
        problem = branch_problem(memory, actions, count, &failure);
    }
    if (problem != NULL) {
        memory_fail(memory, reply, failure, problem);
        return;
    }
    reply->succeeded = all;
    carry_out(memory, actions, count, reply);
}
