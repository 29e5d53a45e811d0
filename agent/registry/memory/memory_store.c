/* Keys and leases. */
#include "memory_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

struct entry **memory_find_entry(struct memory *memory, struct str key)
{
    struct entry **at = &memory->entries;
    while (*at != NULL && !str_eq((struct str){(*at)->key, (*at)->key_size}, key)) {
        at = &(*at)->next;
    }
    return at;
}

struct lease **memory_find_lease(struct memory *memory, struct registry_lease id)
{
    struct lease **at = &memory->leases;
    while (*at != NULL && !registry_lease_eq((*at)->id, id)) {
        at = &(*at)->next;
    }
    return at;
}

void memory_free_entry(struct entry *entry)
{
    if (entry != NULL) {
        blob_unref(entry->value);
        free(entry->key);
        free(entry);
    }
}

void memory_remove_entry(struct entry **at)
{
    struct entry *entry = *at;
    *at = entry->next;
    memory_free_entry(entry);
}

void memory_note_deleted(struct memory *memory, const struct entry *entry, int64_t revision)
{
    memory_history_add(&memory->history, (struct str){entry->key, entry->key_size},
                       &(struct registry_kv){.mod_revision = revision}, NULL);
}

/* All keys of a lease go in one revision. */
void memory_end_lease(struct memory *memory, struct lease **at)
{
    struct lease *lease = *at;
    bool any = false;
    for (struct entry **entry = &memory->entries; *entry != NULL;) {
        if (registry_lease_eq((*entry)->lease, lease->id)) {
            memory_note_deleted(memory, *entry, memory->revision + 1);
            memory_remove_entry(entry);
            any = true;
        } else {
            entry = &(*entry)->next;
        }
    }
    memory->revision += any ? 1 : 0;
    *at = lease->next;
    free(lease);
}

struct registry_kv memory_read_entry(const struct entry *entry)
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

struct entry *memory_add_entry(struct memory *memory, struct str key)
{
    struct entry *entry = mem_zalloc(sizeof(*entry));
    entry->key = mem_copy(key.data, key.size);
    entry->key_size = key.size;
    entry->create_revision = memory->revision;
    entry->next = memory->entries;
    memory->entries = entry;
    return entry;
}

/* The client may change the store while it reads the reply, so the reply holds copies. */
void memory_copy_items(struct memory *memory, size_t count)
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
