#include "history_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/base/queue.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    SERVERS_MAX = 100000,
    GONE_MAX = 5000,
    GONE_MS = 24 * 60 * 60 * 1000,
    BYTES_MAX = 16 << 20,
    RECORD_BYTES = 8 << 20
};

/* ---- servers ---- */

static void emit(struct history *history, enum history_effect_type type, const struct history_server *server)
{
    struct history_effect *effect = queue_push(history->effects);
    *effect = (struct history_effect){.type = type};
    if (server != NULL) {
        effect->type_size = server->type_size;
        effect->name_size = server->name_size;
        memcpy(effect->name, server->name, server->name_size);
    }
}

struct history_server *history_server_new(struct history *history, struct str name, size_t type_size)
{
    struct history_server *server = mem_zalloc(sizeof(*server));
    server->name = mem_copy(name.data, name.size);
    server->name_size = (uint16_t)name.size;
    server->type_size = (uint16_t)type_size;
    server->round = history->round.number;
    memset(server->players, 0xff, sizeof(server->players));
    HASH_ADD_KEYPTR(hh, history->servers, server->name, server->name_size, server);
    history->facts.servers = history->servers;
    return server;
}

static size_t record_size(const struct history_server *server)
{
    return server->entry == NULL ? 0 : blob_view(server->entry->json).size;
}

/* Out of those that are gone. */
static void unearth(struct history *history, struct history_server *server)
{
    DL_DELETE(history->gone, server);
    history->facts.oldest_gone = history->gone;
    history->facts.gone--;
    history->gone_bytes -= record_size(server);
    server->gone = false;
    server->gone_wall = 0;
}

void history_forget(struct history *history, struct history_server *server)
{
    if (server->gone) {
        unearth(history, server);
    } else {
        history->facts.there--;
    }
    history_drop_all(history, server);
    if (history->count.server == server) {
        history->count.server = server->hh.next;
    }
    if (history->round.server == server) {
        history->round.server = server->hh.next;
    }
    HASH_DEL(history->servers, server);
    history->facts.servers = history->servers;
    view_entry_unref(server->entry);
    free(server->lives);
    free(server->name);
    free(server);
}

void history_bury(struct history *history, struct history_server *server, int64_t wall)
{
    server->gone = true;
    server->gone_wall = wall;
    DL_APPEND(history->gone, server);
    history->facts.oldest_gone = history->gone;
    history->facts.gone++;
    history->gone_bytes += record_size(server);
}

/* The last that went stays, whatever its size. */
void history_fit_gone(struct history *history)
{
    while (history->facts.gone > history->settings.gone_max ||
           (history->gone_bytes > history->settings.record_bytes && history->facts.gone > 1)) {
        history_forget(history, history->gone);
    }
}

static void expire(struct history *history)
{
    while (history->gone != NULL &&
           history->now.wall - history->gone->gone_wall >= history->settings.gone_ms) {
        history_forget(history, history->gone);
        history->dirty = true;
    }
}

/* The server of the record; made where there is none and room, for which the oldest of those that are gone goes. NULL: no room. */
static struct history_server *get(struct history *history, const struct view_entry *entry, bool *ret_made)
{
    struct str type = view_entry_type(entry), id = view_entry_id(entry);
    struct str name = {type.data, type.size + 1 + id.size}; /* as they stand in the key */
    struct history_server *server;
    HASH_FIND(hh, history->servers, name.data, name.size, server);
    *ret_made = server == NULL;
    if (server != NULL) {
        return server;
    }
    if (HASH_COUNT(history->servers) >= history->settings.servers_max && history->gone != NULL) {
        history_forget(history, history->gone);
    }
    if (HASH_COUNT(history->servers) >= history->settings.servers_max) {
        history->facts.untracked++;
        return NULL;
    }
    history->facts.there++;
    return history_server_new(history, name, type.size);
}

/* ---- lives ---- */

static struct history_life *last_life(struct history_server *server)
{
    return server->life_count == 0 ? NULL : &server->lives[server->life_count - 1];
}

static void begin_life(struct history_server *server, int64_t began, bool exact)
{
    if (server->life_count == HISTORY_LIVES_MAX) {
        server->life_count--;
        memmove(server->lives, server->lives + 1, server->life_count * sizeof(*server->lives));
    }
    server->lives = mem_resize(server->lives, server->life_count + 1, sizeof(*server->lives));
    server->lives[server->life_count++] = (struct history_life){.began_wall = began, .exact = exact};
}

static void end_life(struct history_server *server, int64_t wall, enum history_end end)
{
    struct history_life *life = last_life(server);
    if (life != NULL && life->end == HISTORY_STILL) {
        life->ended_wall = wall > 0 ? wall : 1;
        life->end = (uint8_t)end;
    }
}

/* Follows the process of the server. Returns whether another one took its place. */
static bool follow_life(const struct history *history, struct history_server *server, int64_t started)
{
    struct history_life *life = last_life(server);
    bool lasts = life != NULL && life->end == HISTORY_STILL;
    if (life != NULL && life->exact && started == life->began_wall) {
        life->ended_wall = 0; /* only its record was gone */
        life->end = HISTORY_STILL;
        return false;
    }
    if (lasts && started == 0) {
        return false;
    }
    if (lasts && !life->exact) {
        life->began_wall = started;
        life->exact = true;
        return false;
    }
    end_life(server, history->now.wall, HISTORY_REPLACED);
    begin_life(server, started == 0 ? history->now.wall : started, started != 0);
    return lasts;
}

/* ---- changes ---- */

static uint64_t drain_hash(const struct history_sight *sight)
{
    uint64_t hash = str_hash(sight->holds, sight->drained ? 1 : 0);
    return str_hash(sight->drain_reason, str_hash(sight->drain_by, hash));
}

/* What is new of a server that was there. */
static void compare(struct history *history, struct history_server *server, const struct history_sight *sight,
                    bool restarted)
{
    const struct str none = {NULL, 0};
    struct history_transition made = {.from = server->status, .to = sight->entry->status};
    const struct str reason[3] = {sight->reason, none, none};
    const struct str drain[3] = {sight->drain_reason, sight->drain_by, sight->holds};
    const struct str nothing[3] = {none, none, none};
    if (restarted) {
        made.kind = HISTORY_RESTART;
        made.to = server->status;
        history_add(history, server, &made, nothing);
        made.to = sight->entry->status;
    }
    if (made.from != made.to || str_hash(sight->reason, 0) != server->reason_hash) {
        made.kind = made.from != made.to ? HISTORY_STATUS : HISTORY_REASON;
        history_add(history, server, &made, reason);
        made.from = made.to;
    }
    if (sight->drained && drain_hash(sight) != server->drain_hash) {
        made.kind = HISTORY_DRAIN;
        history_add(history, server, &made, drain);
    } else if (!sight->drained && server->drained) {
        made.kind = HISTORY_UNDRAIN;
        history_add(history, server, &made, nothing);
    }
}

static void come(struct history *history, struct history_server *server, const struct history_sight *sight)
{
    struct history_transition made = {.kind = history->begun ? HISTORY_CAME : HISTORY_SEEN,
                                      .from = sight->entry->status,
                                      .to = sight->entry->status};
    const struct str reason[3] = {sight->reason, {NULL, 0}, {NULL, 0}};
    const struct str drain[3] = {sight->drain_reason, sight->drain_by, sight->holds};
    history_add(history, server, &made, reason);
    if (sight->drained) {
        made.kind = HISTORY_DRAIN;
        history_add(history, server, &made, drain);
    }
}

static void sighted(struct history *history, const struct history_sight *sight)
{
    bool made;
    struct history_server *server = get(history, sight->entry, &made);
    if (server == NULL) {
        return;
    }
    bool comes = made || server->gone;
    if (server->gone) {
        unearth(history, server);
        history->facts.there++;
    }
    bool restarted = follow_life(history, server, sight->started_wall);
    if (comes) {
        come(history, server, sight);
    } else {
        compare(history, server, sight, restarted);
    }
    struct view_entry *before = server->entry;
    server->entry = view_entry_ref(sight->entry);
    view_entry_unref(before);
    server->status = sight->entry->status;
    server->reason_hash = str_hash(sight->reason, 0);
    server->drained = sight->drained;
    server->drain_hash = drain_hash(sight);
}

static void go(struct history *history, struct history_server *server, enum history_end end)
{
    const struct str nothing[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct history_transition made = {
        .kind = HISTORY_WENT, .end = (uint8_t)end, .from = server->status, .to = server->status};
    history_add(history, server, &made, nothing);
    end_life(server, history->now.wall, end);
    history->facts.there--;
    emit(history, HISTORY_DO_OFFLINE, server);
    history_bury(history, server, history->now.wall);
    history_fit_gone(history);
}

static void gone(struct history *history, const struct view_entry *entry, bool clean)
{
    struct str type = view_entry_type(entry), id = view_entry_id(entry);
    const struct history_server *found = history_find(history, type, id);
    if (found == NULL || found->gone) {
        return;
    }
    struct history_server *server;
    HASH_FIND(hh, history->servers, found->name, found->name_size, server);
    go(history, server, clean ? HISTORY_LEFT : entry->leased ? HISTORY_EXPIRED : HISTORY_DELETED);
}

/* Those that were kept and that the view has not told of went while the agent was away. */
static void reconcile(struct history *history)
{
    struct history_server *server = history->servers, *next;
    for (; server != NULL; server = next) {
        next = server->hh.next;
        while (next != NULL && next->gone) { /* it may have to make room for this one */
            next = next->hh.next;
        }
        if (!server->gone && server->entry == NULL) {
            go(history, server, HISTORY_MISSED);
        }
    }
}

/* ---- public ---- */

struct history *history_new(const struct history_settings *settings)
{
    struct history *history = mem_zalloc(sizeof(*history));
    struct history_settings *own = &history->settings;
    *own = *settings;
    own->servers_max = own->servers_max == 0 ? SERVERS_MAX : own->servers_max;
    own->gone_max = own->gone_max == 0 ? GONE_MAX : own->gone_max;
    own->gone_ms = own->gone_ms == 0 ? GONE_MS : own->gone_ms;
    own->bytes_max = own->bytes_max == 0 ? BYTES_MAX : own->bytes_max;
    own->record_bytes = own->record_bytes == 0 ? RECORD_BYTES : own->record_bytes;
    history->next_seq = 1;
    return history;
}

void history_free(struct history *history)
{
    if (history == NULL) {
        return;
    }
    while (history->servers != NULL) {
        history_forget(history, history->servers);
    }
    while (history->types != NULL) {
        history_type_free(history, history->types);
    }
    free(history->feed);
    free(history);
}

static void set_synced(struct history *history, bool synced)
{
    if (synced && !history->facts.synced) {
        reconcile(history);
        history->begun = true;
        history->facts.stale_wall = 0;
    } else if (!synced && history->facts.synced) {
        history->facts.stale_wall = history->now.wall;
        history_minute_break(history);
    }
    history->facts.synced = synced;
}

void history_step(struct history *history, const struct history_event *event, struct queue *effects)
{
    history->now = event->now;
    history->effects = effects;
    switch (event->type) {
    case HISTORY_ON_TICK:
        history_minute(history);
        expire(history);
        if (!history->count.running && history->dirty && history->saved_minute != history->facts.minute) {
            history->saved_minute = history->facts.minute;
            history->dirty = false;
            emit(history, HISTORY_DO_SAVE, NULL);
        }
        break;
    case HISTORY_ON_SIGHTED: sighted(history, event->sight); break;
    case HISTORY_ON_GONE: gone(history, event->entry, event->clean); break;
    case HISTORY_ON_SYNCED: set_synced(history, true); break;
    case HISTORY_ON_STALE: set_synced(history, false); break;
    }
}

struct window history_deadline(const struct history *history, const struct instant *now)
{
    if (history->count.running) {
        return window_at(now->mono); /* in the next turn of the loop */
    }
    return window_at(now->mono + HISTORY_MINUTE_MS - now->wall % HISTORY_MINUTE_MS);
}
