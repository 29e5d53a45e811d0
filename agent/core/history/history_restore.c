#include "outrider/core/history/history_restore.h"

#include "history_internal.h"

#include "outrider/base/mem.h"
#include "outrider/core/registry/registry_request.h"

#include <stdlib.h>
#include <utlist.h>

static bool is_wall(int64_t wall)
{
    return wall >= 0 && wall <= REGISTRY_REVISION_MAX;
}

static bool is_minute(int64_t minute)
{
    return minute >= 0 && minute <= REGISTRY_REVISION_MAX / HISTORY_MINUTE_MS;
}

int history_restore_begin(struct history *history, int64_t wall, int64_t minute)
{
    if (!is_wall(wall) || !is_minute(minute)) {
        return -1;
    }
    history->facts.stale_wall = wall;
    history->facts.minute = minute;
    history->begun = true;
    return 0;
}

struct history_server *history_restore_server(struct history *history, struct str name,
                                              const struct history_server *kept, struct view_entry *entry)
{
    struct str id, type = str_split(name, '/', &id);
    bool full = HASH_COUNT(history->servers) >= history->settings.servers_max;
    if (type.size == 0 || type.size > VIEW_TYPE_MAX || id.size == 0 || id.size > VIEW_ID_MAX || full ||
        memchr(id.data, '/', id.size) != NULL || history_find(history, type, id) != NULL ||
        kept->status >= VIEW_STATUS_COUNT || !is_wall(kept->gone_wall) || !is_minute(kept->minute)) {
        return NULL;
    }
    struct history_server *server = history_server_new(history, name, type.size);
    server->status = kept->status;
    server->drained = kept->drained;
    server->reason_hash = kept->reason_hash;
    server->drain_hash = kept->drain_hash;
    server->minute = kept->minute;
    memcpy(server->players, kept->players, sizeof(server->players));
    server->entry = view_entry_ref(entry);
    if (kept->gone) {
        history_bury(history, server, kept->gone_wall);
    } else {
        history->facts.there++;
    }
    return server;
}

int history_restore_life(struct history_server *server, const struct history_life *life)
{
    bool last = life->end == HISTORY_STILL;
    bool follows = server->life_count == 0 || server->lives[server->life_count - 1].end != HISTORY_STILL;
    if (server->life_count == HISTORY_LIVES_MAX || life->end >= HISTORY_END_COUNT || !follows ||
        !is_wall(life->began_wall) || !is_wall(life->ended_wall) || last != (life->ended_wall == 0)) {
        return -1;
    }
    server->lives = mem_resize(server->lives, server->life_count + 1, sizeof(*server->lives));
    server->lives[server->life_count++] = *life;
    return 0;
}

int history_restore_transition(struct history *history, struct history_server *server,
                               const struct history_transition *kept, const struct str texts[3])
{
    if (server->transition_count == HISTORY_TRANSITIONS_MAX || kept->kind >= HISTORY_KIND_COUNT ||
        kept->end >= HISTORY_END_COUNT || kept->from >= VIEW_STATUS_COUNT || kept->to >= VIEW_STATUS_COUNT ||
        !is_wall(kept->wall) || kept->after_wall < -1 || kept->after_wall > REGISTRY_REVISION_MAX ||
        kept->seq == 0 || (server->last != NULL && kept->seq <= server->last->seq)) {
        return -1;
    }
    for (int i = 0; i < 3; i++) {
        if (texts[i].size > HISTORY_TEXT_MAX || !str_is_utf8(texts[i])) {
            return -1;
        }
    }
    (void)history_append(history, server, kept, texts);
    return 0;
}

struct history_type *history_restore_type(struct history *history, struct str name)
{
    struct history_type *type;
    HASH_FIND(hh, history->types, name.data, name.size, type);
    if (type != NULL || name.size == 0 || name.size > VIEW_TYPE_MAX) {
        return NULL;
    }
    return history_type_get(history, name);
}

int history_restore_totals(struct history_type *type, const struct history_totals *totals)
{
    if (type->count == HISTORY_FLEET_MINUTES) {
        return -1;
    }
    history_type_add(type, totals);
    return 0;
}

static int by_going(const struct history_server *a, const struct history_server *b)
{
    return a->gone_wall < b->gone_wall ? -1 : a->gone_wall > b->gone_wall;
}

int history_restore_end(struct history *history, uint64_t next_seq)
{
    history->next_seq = next_seq;
    if (next_seq == 0 || next_seq > INT64_MAX || !history_link(history) ||
        history_before(history, UINT64_MAX) != history_before(history, next_seq)) {
        return -1;
    }
    DL_SORT(history->gone, by_going);
    history->facts.oldest_gone = history->gone;
    history_fit_gone(history);
    history_fit(history);
    return 0;
}
