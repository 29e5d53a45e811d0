#include "view_internal.h"

void view_update_facts(struct view *view)
{
    static const char *const states[FOLLOW_STATE_COUNT] = {
        [FOLLOW_OFF] = "off",          [FOLLOW_WAITING] = "waiting", [FOLLOW_LISTING] = "listing",
        [FOLLOW_RESUMING] = "opening", [FOLLOW_OPENING] = "opening", [FOLLOW_OPEN] = "watching"};
    struct view_facts *facts = &view->facts;
    facts->state = states[view->follow.state];
    facts->following = view->follow.state != FOLLOW_OFF;
    facts->synced = view->follow.synced;
    facts->stalls = view->follow.silences;
    facts->opens = view->follow.opens;
    facts->entries = view->table.entries;
    facts->count = view->table.count;
    facts->json_bytes = view->table.json_bytes;
    facts->types = view->table.types;
    facts->tombstone_count = HASH_COUNT(view->tombstones);
    facts->unreadable = view->unreadable.count;
    facts->name_count = view->unreadable.name_count;
}

const struct view_facts *view_facts(const struct view *view)
{
    return &view->facts;
}

uint64_t view_stamp(const struct view *view)
{
    return view->facts.cluster ^ view->facts.trust;
}

int64_t view_age(const struct view *view, const struct instant *now)
{
    if (!view->facts.known) {
        return -1;
    }
    return view->follow.synced || now->boot < view->true_boot ? 0 : now->boot - view->true_boot;
}

const struct view_entry *view_find(const struct view *view, struct str type, struct str id)
{
    char key[1024];
    struct str first = str_of(view->first);
    size_t size = first.size + type.size + 1 + id.size;
    if (type.size == 0 || type.size > VIEW_TYPE_MAX || id.size == 0 || id.size > VIEW_ID_MAX ||
        size > sizeof(key)) {
        return NULL;
    }
    memcpy(key, first.data, first.size);
    memcpy(key + first.size, type.data, type.size);
    key[first.size + type.size] = '/';
    memcpy(key + first.size + type.size + 1, id.data, id.size);
    return view_table_get(&view->table, (struct str){key, size});
}

const struct view_entry *view_find_id(const struct view *view, struct str id, size_t *ret_count)
{
    const struct view_entry *found = NULL;
    *ret_count = 0;
    for (const struct view_type *type = view->table.types; type != NULL; type = type->hh.next) {
        const struct view_entry *entry = view_find(view, type->name, id);
        if (entry != NULL) {
            found = entry;
            (*ret_count)++;
        }
    }
    return found;
}

const struct view_tombstone *view_tombstone_next(const struct view *view, const struct view_tombstone *after)
{
    const struct view_tombstone_node *tombstone = (const struct view_tombstone_node *)(const void *)after;
    tombstone = tombstone == NULL ? view->tombstones : tombstone->hh.next;
    return tombstone == NULL ? NULL : &tombstone->stone;
}

const struct view_mark *view_mark_next(const struct view *view, const struct view_mark *after)
{
    const struct view_mark_node *node = (const struct view_mark_node *)(const void *)after;
    node = node == NULL ? view->marks.oldest : node->hh.next;
    return node == NULL ? NULL : &node->mark;
}

int view_resume(const struct view *view, int64_t revision, uint64_t cluster, uint64_t *ret_cursor)
{
    if (!view->facts.known || cluster != view_stamp(view) || revision > view->follow.delivered) {
        return -1;
    }
    return view_log_find(view->log, revision, ret_cursor);
}
