/* Sessions and the servers they are on, as they are held: numbers, indexes, lists. */
#include "session_table_internal.h"

#include "outrider/base/mem.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

/* A free number keeps the next one in place of the pointer, which is odd then. */
static uint32_t take_number(struct session_slots *slots, void *what)
{
    if (slots->free == 0) {
        slots->list = mem_grow(slots->list, slots->count, &slots->capacity, sizeof(slots->list[0]));
        slots->list[slots->count++] = what;
        return slots->count;
    }
    uint32_t number = slots->free;
    slots->free = (uint32_t)((uintptr_t)slots->list[number - 1] >> 1);
    slots->list[number - 1] = what;
    return number;
}

static void give_number(struct session_slots *slots, uint32_t number)
{
    slots->list[number - 1] = (void *)((uintptr_t)slots->free << 1 | 1); // NOLINT: see above
    slots->free = number;
}

struct session_entry *session_table_entry(const struct session_table *table, uint32_t number)
{
    return table->sessions.list[number - 1];
}

struct session_entry *session_table_place(const struct session_table *table, uint32_t number)
{
    void *what = table->sessions.list[number - 1];
    return ((uintptr_t)what & 1) != 0 ? NULL : what;
}

/* ---- texts ---- */

static struct str id_of(const struct session_entry *entry)
{
    return (struct str){entry->text, entry->id_size};
}

static struct str player_of(const struct session_entry *entry)
{
    return (struct str){entry->text + entry->id_size, entry->player_size};
}

static struct str data_of(const struct session_entry *entry)
{
    return (struct str){entry->text + entry->id_size + entry->player_size, entry->data_size};
}

static struct str name_of(const struct session_home *home)
{
    return (struct str){home->name, home->size};
}

static struct str type_of(const struct session_home *home)
{
    return (struct str){home->name, home->type_size};
}

static uint32_t hash_of(const struct session_table *table, struct str text)
{
    return (uint32_t)str_hash(text, table->settings.seed);
}

/* ---- finding ---- */

struct session_entry *session_entry_by_id(const struct session_table *table, struct str id)
{
    uint32_t hash = hash_of(table, id), at = UINT32_MAX;
    struct session_entry *entry;
    while ((entry = session_index_next(&table->by_id, hash, &at)) != NULL) {
        if (str_eq(id_of(entry), id)) {
            return entry;
        }
    }
    return NULL;
}

size_t session_entries_of_player(const struct session_table *table, struct str player,
                                 struct session_entry *ret_entries[static SESSION_TYPES_MAX])
{
    size_t count = 0;
    uint32_t hash = hash_of(table, player), at = UINT32_MAX;
    struct session_entry *entry;
    while (count < SESSION_TYPES_MAX && (entry = session_index_next(&table->by_player, hash, &at)) != NULL) {
        if (str_eq(player_of(entry), player)) {
            ret_entries[count++] = entry;
        }
    }
    return count;
}

struct session_entry *session_entry_by_player(const struct session_table *table, struct str player,
                                              struct str type)
{
    struct session_entry *entries[SESSION_TYPES_MAX];
    size_t count = session_entries_of_player(table, player, entries);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(type_of(entries[i]->home), type)) {
            return entries[i];
        }
    }
    return NULL;
}

struct session_home *session_home_find(const struct session_table *table, struct str server)
{
    uint32_t hash = hash_of(table, server), at = UINT32_MAX;
    struct session_home *home;
    while ((home = session_index_next(&table->by_home, hash, &at)) != NULL) {
        if (str_eq(name_of(home), server)) {
            return home;
        }
    }
    return NULL;
}

/* ---- servers ---- */

static struct session_home *home_make(struct session_table *table, struct str server)
{
    struct session_home *home = session_home_find(table, server);
    if (home != NULL) {
        return home;
    }
    home = mem_zalloc(sizeof(*home) + server.size);
    home->orphaned_upto = INT64_MIN;
    home->size = (uint8_t)server.size;
    home->type_size = (uint8_t)session_type_of(server).size;
    memcpy(home->name, server.data, server.size);
    session_index_add(&table->by_home, hash_of(table, server), home);
    return home;
}

static void gone_unlink(struct session_table *table, struct session_home *home)
{
    *(home->gone_before == NULL ? &table->gone_first : &home->gone_before->gone_after) = home->gone_after;
    *(home->gone_after == NULL ? &table->gone_last : &home->gone_after->gone_before) = home->gone_before;
    home->gone_before = home->gone_after = NULL;
}

/* From the end on: a server that went later mostly ends later. */
static void gone_link(struct session_table *table, struct session_home *home)
{
    struct session_home *before = table->gone_last;
    while (before != NULL && before->until > home->until) {
        before = before->gone_before;
    }
    home->gone_before = before;
    home->gone_after = before == NULL ? table->gone_first : before->gone_after;
    *(before == NULL ? &table->gone_first : &before->gone_after) = home;
    *(home->gone_after == NULL ? &table->gone_last : &home->gone_after->gone_before) = home;
}

/* What is orphaned at the server ends at `until`, or sooner where a grace is in progress. */
static void set_until(struct session_table *table, struct session_home *home, int64_t until)
{
    if (home->orphaned > 0) {
        gone_unlink(table, home);
        home->until = until < home->until ? until : home->until;
    } else {
        home->until = until;
    }
    gone_link(table, home);
}

static void tell_unlink(struct session_table *table, struct session_home *home)
{
    struct session_home **at = &table->tell_first;
    while (*at != NULL && *at != home) {
        at = &(*at)->tell_home;
    }
    if (*at != NULL) {
        *at = home->tell_home;
    }
    home->tell_home = NULL;
    home->tell_next = 0;
}

static void tell(struct session_table *table, struct session_home *home, enum session_event_type type,
                 int64_t after_order, int64_t upto)
{
    tell_unlink(table, home);
    if (table->listens && home->first != 0) {
        home->tell = type;
        home->tell_after_order = after_order;
        home->tell_upto = upto;
        home->tell_next = home->first;
        home->tell_home = table->tell_first;
        table->tell_first = home;
    }
}

bool session_home_tell(struct session_table *table, struct session_entry **ret_entry,
                       enum session_event_type *ret_type)
{
    struct session_home *home = table->tell_first;
    if (home == NULL) {
        return false;
    }
    struct session_entry *entry = home->tell_next == 0 ? NULL : session_table_entry(table, home->tell_next);
    *ret_entry = NULL;
    if (entry == NULL || entry->order > home->tell_upto) {
        tell_unlink(table, home);
        return true;
    }
    home->tell_next = entry->after;
    *ret_entry = entry->order > home->tell_after_order ? entry : NULL;
    *ret_type = home->tell;
    return true;
}

static void home_free_if_empty(struct session_table *table, struct session_home *home)
{
    if (home->count > 0) {
        return;
    }
    tell_unlink(table, home);
    session_index_remove(&table->by_home, hash_of(table, name_of(home)), home);
    free(home);
}

size_t session_home_orphan(struct session_table *table, struct session_home *home, int64_t until)
{
    size_t changed = home->count - home->orphaned;
    int64_t before = home->orphaned_upto;
    set_until(table, home, until);
    home->orphaned = home->count;
    home->orphaned_upto = session_table_entry(table, home->last)->order;
    table->facts.orphaned += changed;
    if (changed > 0) {
        tell(table, home, SESSION_ON_ORPHANED, before, home->orphaned_upto);
    }
    return changed;
}

size_t session_home_restore(struct session_table *table, struct session_home *home)
{
    size_t changed = home->orphaned;
    if (changed > 0) {
        int64_t upto = home->orphaned_upto;
        gone_unlink(table, home);
        home->orphaned = 0;
        home->orphaned_upto = INT64_MIN;
        table->facts.orphaned -= changed;
        tell(table, home, SESSION_ON_RESTORED, INT64_MIN, upto);
    }
    return changed;
}

bool session_entry_is_orphaned(const struct session_entry *entry)
{
    return entry->order <= entry->home->orphaned_upto;
}

int64_t session_entry_ends(const struct session_entry *entry)
{
    int64_t until = session_entry_is_orphaned(entry) ? entry->home->until : NEVER_MS;
    return until < entry->expires ? until : entry->expires;
}

/* ---- the list of a server ---- */

static void list_unlink(struct session_table *table, struct session_entry *entry)
{
    struct session_home *home = entry->home;
    if (session_entry_is_orphaned(entry)) {
        table->facts.orphaned--;
        if (--home->orphaned == 0) {
            gone_unlink(table, home);
            home->orphaned_upto = INT64_MIN;
        }
    }
    if (home->tell_next == entry->number) {
        home->tell_next = entry->after;
    }
    *(entry->before == 0 ? &home->first : &session_table_entry(table, entry->before)->after) = entry->after;
    *(entry->after == 0 ? &home->last : &session_table_entry(table, entry->after)->before) = entry->before;
    entry->before = entry->after = 0;
    entry->home = NULL;
    home->count--;
    home_free_if_empty(table, home);
}

static void list_link(struct session_table *table, struct session_entry *entry, struct session_home *home,
                      bool front)
{
    entry->home = home;
    entry->order = front ? --table->first_order : ++table->last_order;
    entry->before = front ? 0 : home->last;
    entry->after = front ? home->first : 0;
    *(entry->before == 0 ? &home->first : &session_table_entry(table, entry->before)->after) = entry->number;
    *(entry->after == 0 ? &home->last : &session_table_entry(table, entry->after)->before) = entry->number;
    home->count++;
    /* In front are orphaned ones alone: those of an orphaned server, and those that session_table_apply adds so. */
    if (session_entry_is_orphaned(entry)) {
        home->orphaned++;
        table->facts.orphaned++;
    }
}

void session_entry_move(struct session_table *table, struct session_entry *entry, struct str server,
                        bool front)
{
    struct session_home *home = home_make(table, server);
    home->count++; /* it stays, also where this was its only session */
    list_unlink(table, entry);
    home->count--;
    list_link(table, entry, home, front);
}

void session_entry_orphan(struct session_table *table, struct session_entry *entry, int64_t until)
{
    struct session_home *home = entry->home;
    session_entry_move(table, entry, name_of(home), true);
    set_until(table, home, until);
    if (home->orphaned == 0) { /* else it is before others that are orphaned, and so is itself */
        home->orphaned = 1;
        home->orphaned_upto = entry->order;
        table->facts.orphaned++;
    }
}

/* ---- sessions ---- */

struct session_entry *session_entry_add(struct session_table *table, const struct session *session)
{
    size_t size = session->id.size + session->player.size + session->data.size;
    struct session_entry *entry = mem_zalloc(offsetof(struct session_entry, text) + size);
    entry->id_size = (uint8_t)session->id.size;
    entry->player_size = (uint16_t)session->player.size;
    entry->data_size = (uint16_t)session->data.size;
    memcpy(entry->text, session->id.data, session->id.size);
    memcpy(entry->text + entry->id_size, session->player.data, session->player.size);
    if (session->data.size > 0) {
        memcpy(entry->text + entry->id_size + entry->player_size, session->data.data, session->data.size);
    }
    entry->number = take_number(&table->sessions, entry);
    session_index_add(&table->by_id, hash_of(table, session->id), entry);
    session_index_add(&table->by_player, hash_of(table, session->player), entry);
    list_link(table, entry, home_make(table, session->server), false);
    table->facts.count++;
    table->facts.text_bytes += size;
    return entry;
}

static struct session_entry *resize(struct session_table *table, struct session_entry *entry, size_t size)
{
    const void *was = entry;
    entry = mem_resize(entry, 1, size);
    if (entry != was) {
        session_index_moved(&table->by_id, hash_of(table, id_of(entry)), was, entry);
        session_index_moved(&table->by_player, hash_of(table, player_of(entry)), was, entry);
        table->sessions.list[entry->number - 1] = entry;
    }
    return entry;
}

struct session_entry *session_entry_set_data(struct session_table *table, struct session_entry *entry,
                                             struct str data)
{
    if (str_eq(data, data_of(entry))) {
        return entry;
    }
    size_t names = (size_t)entry->id_size + entry->player_size;
    table->facts.text_bytes = table->facts.text_bytes - entry->data_size + data.size;
    if (data.size != entry->data_size) {
        entry = resize(table, entry, offsetof(struct session_entry, text) + names + data.size);
    }
    entry->data_size = (uint16_t)data.size;
    if (data.size > 0) {
        memcpy(entry->text + names, data.data, data.size);
    }
    return entry;
}

void session_entry_remove(struct session_table *table, struct session_entry *entry)
{
    session_wheel_remove(table, entry);
    list_unlink(table, entry);
    session_index_remove(&table->by_id, hash_of(table, id_of(entry)), entry);
    session_index_remove(&table->by_player, hash_of(table, player_of(entry)), entry);
    table->facts.count--;
    table->facts.text_bytes -= (size_t)entry->id_size + entry->player_size + entry->data_size;
    give_number(&table->sessions, entry->number);
    free(entry);
}

struct session session_entry_view(const struct session_entry *entry, const struct instant *now)
{
    return (struct session){.id = id_of(entry),
                            .player = player_of(entry),
                            .type = type_of(entry->home),
                            .server = name_of(entry->home),
                            .data = data_of(entry),
                            .state = session_entry_is_orphaned(entry) ? SESSION_ORPHANED : SESSION_ACTIVE,
                            .version = (uint64_t)entry->touched,
                            .created_ms = entry->created_wall,
                            .touched_ms = now->wall + (entry->touched - now->boot),
                            .expires_ms = now->wall + (session_entry_ends(entry) - now->boot)};
}
