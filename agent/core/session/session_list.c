/* Pages. A cursor is a place: of all sessions and of a player's, the number to go on at; of a server's, number and order of the
 * last one given, so that its successor is found although it may have ended meanwhile. */
#include "session_table_internal.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Places looked at for one page of all sessions: ended ones leave gaps. */
enum { LOOK_MAX = 100000 };

static void add(struct session_table *table, const struct session_entry *entry, const struct instant *now,
                struct session_reply *reply)
{
    table->items[reply->count++] = session_entry_view(entry, now);
}

static void go_on_at(struct session_table *table, struct session_reply *reply, uint32_t number, int64_t order)
{
    int size = snprintf(table->cursor, sizeof(table->cursor),
                        order == 0 ? "%" PRIx32 : "%" PRIx32 ".%" PRIx64, number, (uint64_t)order);
    reply->next = (struct str){table->cursor, (size_t)size};
}

static bool is_over(const struct session_entry *entry, const struct instant *now)
{
    return session_entry_ends(entry) <= now->boot;
}

static bool read_hex(struct str text, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        int digit = hex_value(text.data[i]);
        if (digit < 0 || i == 16) {
            return false;
        }
        value = value << 4 | (unsigned)digit;
    }
    *ret_value = value;
    return text.size > 0;
}

/* NUMBER or NUMBER.ORDER in hexadecimal; empty: the beginning. */
static bool read_cursor(struct str text, uint32_t *ret_number, int64_t *ret_order)
{
    uint64_t number = 0, order = 0;
    struct str rest, first = str_split(text, '.', &rest);
    if (text.size > 0 && !read_hex(first, &number)) {
        return false;
    }
    if (first.size < text.size && !read_hex(rest, &order)) {
        return false;
    }
    *ret_number = (uint32_t)number;
    *ret_order = (int64_t)order;
    return number <= UINT32_MAX;
}

static void list_all(struct session_table *table, uint32_t number, size_t limit, const struct instant *now,
                     struct session_reply *reply)
{
    size_t looked = 0;
    for (number = number == 0 ? 1 : number; number <= table->sessions.count; number++) {
        if (reply->count == limit || looked++ == LOOK_MAX) {
            go_on_at(table, reply, number, 0);
            return;
        }
        const struct session_entry *entry = session_table_place(table, number);
        if (entry != NULL && !is_over(entry, now)) {
            add(table, entry, now, reply);
        }
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = (*(struct session_entry *const *)a)->number,
             right = (*(struct session_entry *const *)b)->number;
    return (left > right) - (left < right);
}

static void list_player(struct session_table *table, const struct session_request *request, uint32_t number,
                        size_t limit, const struct instant *now, struct session_reply *reply)
{
    struct session_entry *entries[SESSION_TYPES_MAX];
    size_t count = session_entries_of_player(table, request->player, entries);
    qsort(entries, count, sizeof(entries[0]), by_number);
    for (size_t i = 0; i < count; i++) {
        bool fits = entries[i]->number >= number && !is_over(entries[i], now) &&
                    (request->server.size == 0 ||
                     str_eq(session_entry_view(entries[i], now).server, request->server));
        if (fits && reply->count == limit) {
            go_on_at(table, reply, entries[i]->number, 0);
            return;
        }
        if (fits) {
            add(table, entries[i], now, reply);
        }
    }
}

/* The first session after the one that was given last. Where that one is no longer there, the list is walked to its place. */
static uint32_t successor(const struct session_table *table, const struct session_home *home, uint32_t number,
                          int64_t order)
{
    const struct session_entry *last =
        number == 0 || number > table->sessions.count ? NULL : session_table_place(table, number);
    if (last != NULL && last->home == home && last->order == order) {
        return last->after;
    }
    uint32_t at = home->first;
    while (number != 0 && at != 0 && session_table_entry(table, at)->order <= order) {
        at = session_table_entry(table, at)->after;
    }
    return at;
}

static void list_server(struct session_table *table, struct str server, uint32_t number, int64_t order,
                        size_t limit, const struct instant *now, struct session_reply *reply)
{
    const struct session_home *home = session_home_find(table, server);
    const struct session_entry *last = NULL;
    uint32_t at = home == NULL ? 0 : successor(table, home, number, order);
    for (; at != 0; at = last->after) {
        if (reply->count == limit) {
            go_on_at(table, reply, last->number, last->order);
            return;
        }
        last = session_table_entry(table, at);
        if (!is_over(last, now)) {
            add(table, last, now, reply);
        }
    }
}

void session_table_list(struct session_table *table, const struct session_request *request,
                        const struct instant *now, struct session_reply *reply)
{
    uint32_t number;
    int64_t order;
    if (!read_cursor(request->after, &number, &order)) {
        reply->failure = SESSION_INVALID;
        reply->error = STR("list on memory: after is none of ours");
        return;
    }
    size_t limit =
        request->limit == 0 || request->limit > SESSION_PAGE_MAX ? SESSION_PAGE_MAX : request->limit;
    if (limit > table->item_capacity || table->items == NULL) {
        table->items = mem_resize(table->items, limit, sizeof(table->items[0]));
        table->item_capacity = limit;
    }
    if (request->player.size > 0) {
        list_player(table, request, number, limit, now, reply);
    } else if (request->server.size > 0) {
        list_server(table, request->server, number, order, limit, now, reply);
    } else {
        list_all(table, number, limit, now, reply);
    }
    reply->sessions = table->items;
}
