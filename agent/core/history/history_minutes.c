/* Players of a server and totals of a type, by the minute of the wall clock. */
#include "history_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static const struct history_totals unknown = {.players = HISTORY_UNKNOWN, .seats = HISTORY_UNKNOWN};
static const struct history_totals nothing = {
    .players = HISTORY_UNKNOWN, .seats = HISTORY_UNKNOWN, .known = true};

struct history_type *history_type_get(struct history *history, struct str name)
{
    struct history_type *type;
    HASH_FIND(hh, history->types, name.data, name.size, type);
    if (type == NULL && history->type_count < HISTORY_TYPES_MAX) {
        type = mem_zalloc(sizeof(*type));
        type->name = mem_copy(name.data, name.size);
        type->used_minute = history->facts.minute;
        type->round = history->round.number;
        HASH_ADD_KEYPTR(hh, history->types, type->name, name.size, type);
        history->type_count++;
        history->facts.types = history->types;
    }
    return type;
}

void history_type_free(struct history *history, struct history_type *type)
{
    if (history->round.type == type) {
        history->round.type = type->hh.next;
    }
    HASH_DEL(history->types, type);
    history->type_count--;
    history->facts.types = history->types;
    free(type->name);
    free(type->totals);
    free(type);
}

/* The oldest hour goes at once, so that a minute seldom moves a day. */
void history_type_add(struct history_type *type, const struct history_totals *totals)
{
    enum { SLACK = 60 };
    if (type->count == HISTORY_FLEET_MINUTES + SLACK) {
        type->count -= SLACK;
        memmove(type->totals, type->totals + SLACK, type->count * sizeof(*type->totals));
    }
    type->totals = mem_grow(type->totals, type->count, &type->capacity, sizeof(*type->totals));
    type->totals[type->count++] = *totals;
}

static void note_players(struct history_server *server, int64_t minute, uint32_t players)
{
    if (server->minute > minute || server->minute < minute - HISTORY_PLAYER_MINUTES) {
        memset(server->players, 0xff, sizeof(server->players)); /* HISTORY_UNKNOWN in each */
    } else {
        for (int64_t each = server->minute + 1; each < minute; each++) {
            server->players[each % HISTORY_PLAYER_MINUTES] = HISTORY_UNKNOWN;
        }
    }
    server->players[minute % HISTORY_PLAYER_MINUTES] = players;
    server->minute = minute;
}

/* HISTORY_UNKNOWN is no sum. */
static uint32_t sum(uint32_t before, uint32_t more)
{
    uint64_t all = (before == HISTORY_UNKNOWN ? 0 : (uint64_t)before) + more;
    return all < HISTORY_UNKNOWN ? (uint32_t)all : HISTORY_UNKNOWN - 1;
}

static void count(const struct history *history, struct history_type *type,
                  const struct history_server *server)
{
    const struct view_entry *entry = server->entry;
    type->now.servers[server->status]++;
    type->used_minute = history->count.minute;
    if (entry->has_players) {
        type->now.players = sum(type->now.players, entry->players);
    }
    if (entry->has_capacity) {
        type->now.seats = sum(type->now.seats, entry->capacity);
    }
}

/* The type of a server, of which nothing was counted yet where it is made; NULL: there are too many. */
static struct history_type *counted_type(struct history *history, const struct history_server *server)
{
    unsigned before = HASH_COUNT(history->types);
    struct history_type *type = history_type_get(history, history_type_of(server));
    if (HASH_COUNT(history->types) > before) {
        type->now = nothing;
    }
    return type;
}

static void fill(struct history *history, int64_t minutes, const struct history_totals *totals)
{
    for (struct history_type *type = history->types; type != NULL; type = type->hh.next) {
        for (int64_t i = 0; i < minutes && type->count > 0; i++) {
            history_type_add(type, totals);
        }
    }
}

static void forget_types(struct history *history, bool all)
{
    for (struct history_type *type = history->types, *next; type != NULL; type = next) {
        next = type->hh.next;
        if (all || type->used_minute < history->facts.minute - HISTORY_FLEET_MINUTES) {
            history_type_free(history, type);
        }
    }
}

static void count_server(struct history *history, struct history_server *server)
{
    if (server->gone || server->entry == NULL) {
        return;
    }
    struct history_type *type = counted_type(history, server);
    if (type != NULL) {
        count(history, type, server);
    }
    note_players(server, history->count.minute,
                 server->entry->has_players && server->entry->players != HISTORY_UNKNOWN
                     ? server->entry->players
                     : HISTORY_UNKNOWN);
}

/* The minute can be asked for from now on. `counted`: else its totals are unknown. */
static void end_minute(struct history *history, bool counted)
{
    history->count.running = false;
    history->facts.minute = history->count.minute;
    history->facts.recorded++;
    if (!counted) {
        fill(history, 1, &unknown);
    }
    for (struct history_type *type = history->types; type != NULL && counted; type = type->hh.next) {
        history_type_add(type, &type->now);
    }
    forget_types(history, false);
    history->dirty = true;
}

static void go_on(struct history *history, size_t servers)
{
    struct history_server *server;
    while ((server = history->count.server) != NULL && servers-- > 0) {
        history->count.server = server->hh.next;
        count_server(history, server);
    }
    if (history->count.server == NULL) {
        end_minute(history, true);
    }
}

void history_minute_break(struct history *history)
{
    if (history->count.running) {
        end_minute(history, false);
    }
}

/* What was missed since the last one. */
static void begin_minute(struct history *history, int64_t minute)
{
    int64_t before = history->facts.minute, missed = minute - before - 1;
    history->count = (struct history_count){.running = true, .minute = minute, .server = history->servers};
    if (before != 0 && (minute < before || missed >= HISTORY_FLEET_MINUTES)) {
        forget_types(history, true); /* the times of what was recorded mean nothing now */
    } else if (before != 0 && missed > 0) {
        fill(history, missed, &unknown);
        history->facts.minute += missed; /* with which the totals end */
    }
    for (struct history_type *type = history->types; type != NULL; type = type->hh.next) {
        type->now = nothing;
    }
}

void history_minute(struct history *history)
{
    int64_t minute = history->now.wall / HISTORY_MINUTE_MS;
    if (history->count.running && minute != history->count.minute) {
        go_on(history, SIZE_MAX); /* that late it is done at once */
    }
    if (history->count.running) {
        go_on(history, HISTORY_COUNT_SLICE);
        return;
    }
    if (minute <= history->facts.minute && minute >= history->facts.minute - HISTORY_BACK_MINUTES) {
        return;
    }
    begin_minute(history, minute);
    if (history->facts.synced) {
        go_on(history, HISTORY_COUNT_SLICE);
    } else {
        end_minute(history, false);
    }
}
