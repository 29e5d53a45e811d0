#include "history_internal.h"

struct str history_reason(const struct history_transition *transition)
{
    return (struct str){transition->texts, transition->reason_size};
}

struct str history_by(const struct history_transition *transition)
{
    return (struct str){transition->texts + transition->reason_size, transition->by_size};
}

struct str history_holds(const struct history_transition *transition)
{
    return (struct str){transition->texts + transition->reason_size + transition->by_size,
                        transition->holds_size};
}

const struct history_facts *history_facts(const struct history *history)
{
    return &history->facts;
}

struct str history_type_of(const struct history_server *server)
{
    return (struct str){server->name, server->type_size};
}

struct str history_id_of(const struct history_server *server)
{
    size_t begin = server->type_size + (size_t)1;
    return (struct str){server->name + begin, server->name_size - begin};
}

const struct history_server *history_find(const struct history *history, struct str type, struct str id)
{
    char name[VIEW_TYPE_MAX + 1 + VIEW_ID_MAX];
    struct history_server *server = NULL;
    if (type.size <= VIEW_TYPE_MAX && id.size <= VIEW_ID_MAX && type.size > 0 && id.size > 0) {
        memcpy(name, type.data, type.size);
        name[type.size] = '/';
        memcpy(name + type.size + 1, id.data, id.size);
        HASH_FIND(hh, history->servers, name, type.size + 1 + id.size, server);
    }
    return server;
}

const struct history_transition *history_before(const struct history *history, uint64_t seq)
{
    size_t at = history_place_of(history, seq);
    while (at > history->feed_first && history->feed[at - 1].transition == NULL) {
        at--;
    }
    return at > history->feed_first ? history->feed[at - 1].transition : NULL;
}

uint32_t history_players(const struct history_server *server, int64_t minute)
{
    bool kept = minute > 0 && minute <= server->minute && minute > server->minute - HISTORY_PLAYER_MINUTES;
    return kept ? server->players[minute % HISTORY_PLAYER_MINUTES] : HISTORY_UNKNOWN;
}

const struct history_totals *history_totals(const struct history *history, const struct history_type *type,
                                            int64_t minute)
{
    int64_t back = history->facts.minute - minute;
    if (back < 0 || back >= HISTORY_FLEET_MINUTES || back >= (int64_t)type->count) {
        return NULL;
    }
    const struct history_totals *totals = &type->totals[type->count - 1 - (size_t)back];
    return totals->known ? totals : NULL;
}
