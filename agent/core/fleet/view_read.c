#include "outrider/base/blob.h"
#include "view_internal.h"

const char *view_state_name(enum view_state state)
{
    static const char *const names[] = {[VIEW_OFF] = "off",
                                        [VIEW_LISTING] = "listing",
                                        [VIEW_OPENING] = "opening",
                                        [VIEW_WATCHING] = "watching",
                                        [VIEW_WAITING] = "waiting"};
    return (size_t)state < COUNT_OF(names) ? names[state] : "unknown";
}

enum view_state view_state(const struct view *view)
{
    static const enum view_state states[FOLLOW_STATE_COUNT] = {
        [FOLLOW_OFF] = VIEW_OFF,          [FOLLOW_WAITING] = VIEW_WAITING, [FOLLOW_LISTING] = VIEW_LISTING,
        [FOLLOW_RESUMING] = VIEW_OPENING, [FOLLOW_OPENING] = VIEW_OPENING, [FOLLOW_OPEN] = VIEW_WATCHING};
    return states[view->follow.state];
}

bool view_known(const struct view *view)
{
    return view->known;
}

bool view_waking(const struct view *view)
{
    return view->waking;
}

bool view_synced(const struct view *view)
{
    return view->follow.synced;
}

int64_t view_age(const struct view *view, const struct instant *now)
{
    if (!view->known) {
        return -1;
    }
    return view_synced(view) || now->boot < view->true_boot ? 0 : now->boot - view->true_boot;
}

int64_t view_true_wall(const struct view *view)
{
    return view->true_wall;
}

int64_t view_revision(const struct view *view)
{
    return view->revision;
}

uint64_t view_cluster(const struct view *view)
{
    return view->cluster;
}

size_t view_count(const struct view *view)
{
    return view->table.count;
}

const struct view_entry *view_at(const struct view *view, size_t index)
{
    return index < view->table.count ? view->table.entries[index] : NULL;
}

size_t view_json_bytes(const struct view *view)
{
    return view->stats.json_bytes;
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
    for (size_t i = 0; i < view->stats.type_count; i++) {
        const struct view_entry *entry = view_find(view, view_type_at(view, i), id);
        if (entry != NULL) {
            found = entry;
            (*ret_count)++;
        }
    }
    return found;
}

size_t view_tombstone_count(const struct view *view)
{
    return HASH_COUNT(view->tombstones.oldest);
}

const struct view_tombstone *view_tombstone_next(const struct view *view, const struct view_tombstone *after)
{
    const struct view_tombstone_node *tombstone = (const struct view_tombstone_node *)(const void *)after;
    tombstone = tombstone == NULL ? view->tombstones.oldest : tombstone->hh.next;
    return tombstone == NULL ? NULL : &tombstone->stone;
}

size_t view_type_count(const struct view *view)
{
    return view->stats.type_count;
}

struct str view_type_at(const struct view *view, size_t index)
{
    const struct view_type_row *row = &view->stats.types[index];
    return (struct str){row->name, row->name_size};
}

size_t view_type_servers(const struct view *view, size_t index, unsigned status)
{
    return view->stats.types[index].servers[status];
}

size_t view_status_count(const struct view *view, unsigned status)
{
    return view->stats.servers[status];
}

size_t view_unreadable_count(const struct view *view)
{
    return view->unreadable.count;
}

size_t view_unreadable_names(const struct view *view)
{
    return view->unreadable.name_count;
}

struct str view_unreadable_key(const struct view *view, size_t index)
{
    const struct view_unreadable_name *name = &view->unreadable.names[index];
    return (struct str){name->key, name->key_size};
}

struct str view_unreadable_why(const struct view *view, size_t index)
{
    return str_of(view->unreadable.names[index].why);
}

const struct view_log *view_log(const struct view *view)
{
    return view->log;
}

int view_resume(const struct view *view, int64_t revision, uint64_t cluster, uint64_t *ret_cursor)
{
    if (!view->known || cluster != view->cluster || revision > view->follow.delivered) {
        return -1;
    }
    return view_log_find(view->log, revision, ret_cursor);
}

struct str view_prefix(const struct view *view)
{
    return str_of(view->prefix);
}

const char *view_last_error(const struct view *view)
{
    return view->follow.last_error;
}

uint64_t view_listings(const struct view *view)
{
    return view->listings;
}

uint64_t view_stalls(const struct view *view)
{
    return view->follow.silences;
}

uint64_t view_opens(const struct view *view)
{
    return view->follow.opens;
}
