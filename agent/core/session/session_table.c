#include "session_table_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct session_table *session_table_new(const struct session_table_settings *settings)
{
    struct session_table *table = mem_zalloc(sizeof(*table));
    table->settings = *settings;
    return table;
}

void session_table_free(struct session_table *table)
{
    if (table == NULL) {
        return;
    }
    session_index_free_all(&table->by_id);
    session_index_free_all(&table->by_home);
    session_index_fini(&table->by_player);
    free(table->sessions.list);
    buf_fini(&table->scratch);
    free(table->items);
    free(table);
}

void session_table_set_max(struct session_table *table, size_t max)
{
    table->settings.max = max;
}

void session_table_listen(struct session_table *table, bool listens)
{
    table->listens = listens;
}

const struct session_table_facts *session_table_facts(const struct session_table *table)
{
    return &table->facts;
}

/* ---- events and ends ---- */

static struct session copy_of(struct queue *events, const struct session *session)
{
    struct session copy = *session;
    copy.id = queue_copy(events, session->id);
    copy.player = queue_copy(events, session->player);
    copy.server = queue_copy(events, session->server);
    copy.type = session_type_of(copy.server);
    copy.data = queue_copy(events, session->data);
    return copy;
}

void session_table_tell(const struct session_table *table, enum session_event_type type,
                        const struct session *session, struct str from, enum session_why why,
                        struct queue *events)
{
    if (table->listens) {
        struct session_event event = {
            .type = type, .session = copy_of(events, session), .from = queue_copy(events, from), .why = why};
        *(struct session_event *)queue_push(events) = event;
    }
}

void session_table_end(struct session_table *table, struct session_entry *entry, enum session_why why,
                       const struct instant *now, struct queue *events)
{
    struct session session = session_entry_view(entry, now);
    session_table_tell(table, SESSION_ON_ENDED, &session, STR(""), why, events);
    session_entry_remove(table, entry);
}

static enum session_why why_over(const struct session_entry *entry)
{
    return session_entry_ends(entry) < entry->expires ? SESSION_SERVER_GONE : SESSION_EXPIRED;
}

/* The entry, if its time is not over yet; ends it if it is. */
static struct session_entry *alive(struct session_table *table, struct session_entry *entry,
                                   const struct instant *now, struct queue *events)
{
    if (entry != NULL && session_entry_ends(entry) <= now->boot) {
        session_table_end(table, entry, why_over(entry), now, events);
        return NULL;
    }
    return entry;
}

void session_table_run(struct session_table *table, const struct instant *now, size_t budget,
                       struct queue *events)
{
    struct session_entry *entry;
    session_wheel_begin(table, now);
    while (budget > 0 && table->gone_first != NULL && table->gone_first->until <= now->boot) {
        entry = session_table_entry(table, table->gone_first->first);
        session_table_end(table, entry, why_over(entry), now, events);
        budget--;
    }
    while ((entry = session_wheel_take(table, now->boot, &budget)) != NULL) {
        session_wheel_add(table, entry);
        if (entry->expires <= now->boot) {
            session_table_end(table, entry, why_over(entry), now, events);
        }
    }
    enum session_event_type type;
    for (; budget > 0 && session_home_tell(table, &entry, &type); budget--) {
        if (entry != NULL) {
            struct session session = session_entry_view(entry, now);
            session_table_tell(table, type, &session, STR(""), SESSION_DELETED, events);
        }
    }
}

int64_t session_table_due(const struct session_table *table, const struct instant *now)
{
    int64_t due = session_wheel_due(table);
    if (table->gone_first != NULL && table->gone_first->until < due) {
        due = table->gone_first->until;
    }
    if (table->tell_first != NULL || due <= now->boot) {
        return now->mono;
    }
    return due == NEVER_MS ? NEVER_MS : now->mono + (due - now->boot);
}

/* ---- requests ---- */

static void fail(struct session_reply *reply, enum session_failure failure, const char *why)
{
    reply->failure = failure;
    reply->error = str_of(why);
}

static void conflict(struct session_reply *reply, const struct session_entry *other,
                     const struct instant *now, const char *why)
{
    fail(reply, SESSION_CONFLICT, why);
    reply->found = other != NULL;
    if (other != NULL) {
        reply->session = session_entry_view(other, now);
    }
}

static void set_end(struct session_table *table, struct session_entry *entry, int64_t touched,
                    int64_t expires)
{
    bool sooner = expires < entry->expires;
    entry->touched = touched;
    entry->expires = expires;
    if (sooner) {
        session_wheel_remove(table, entry);
        session_wheel_add(table, entry);
    }
}

static struct session_entry *change(struct session_table *table, struct session_entry *entry,
                                    const struct session *to, const struct instant *now, struct queue *events)
{
    struct session was = session_entry_view(entry, now);
    bool moved = !str_eq(was.server, to->server), orphaned = was.state == SESSION_ORPHANED;
    char from[SESSION_SERVER_MAX];
    size_t from_size = was.server.size;
    memcpy(from, was.server.data, from_size); /* what it is a view of may end with this session */
    if (moved || orphaned) {
        session_entry_move(table, entry, to->server, false);
    }
    entry = session_entry_set_data(table, entry, to->data);
    struct session is = session_entry_view(entry, now);
    if (moved) {
        session_table_tell(table, SESSION_ON_MOVED, &is, (struct str){from, from_size}, SESSION_DELETED,
                           events);
    } else if (orphaned) {
        session_table_tell(table, SESSION_ON_RESTORED, &is, STR(""), SESSION_DELETED, events);
    }
    return entry;
}

/* Whether there is room for a session more, of a player that has none of the type. */
static bool has_room(const struct session_table *table, struct str player, struct session_reply *reply)
{
    struct session_entry *others[SESSION_TYPES_MAX];
    if (table->facts.count >= table->settings.max) {
        fail(reply, SESSION_FULL, "there are sessions.max sessions");
        return false;
    }
    if (session_entries_of_player(table, player, others) == SESSION_TYPES_MAX) {
        fail(reply, SESSION_FULL, "the player has sessions of 16 server types");
        return false;
    }
    return true;
}

static struct session_entry *create(struct session_table *table, const struct session_request *request,
                                    const struct instant *now)
{
    session_wheel_begin(table, now);
    struct session_entry *entry = session_entry_add(table, &request->session);
    entry->created_wall = now->wall;
    entry->touched = now->boot;
    entry->expires = now->boot + request->ttl_ms;
    session_wheel_add(table, entry);
    return entry;
}

static bool is_as_expected(const struct session_request *request, const struct session_entry *current,
                           const struct instant *now)
{
    switch (request->expect) {
    case SESSION_EXPECT_ANY: return true;
    case SESSION_EXPECT_NONE: return current == NULL;
    case SESSION_EXPECT_ID:
        return current != NULL && str_eq(session_entry_view(current, now).id, request->replaces) &&
               (request->version == 0 || session_entry_view(current, now).version == request->version);
    }
    return false;
}

static void put(struct session_table *table, const struct session_request *request, const struct instant *now,
                struct session_reply *reply, struct queue *events)
{
    const struct session *session = &request->session;
    struct session_entry *holder = alive(table, session_entry_by_id(table, session->id), now, events);
    struct session_entry *current =
        alive(table, session_entry_by_player(table, session->player, session->type), now, events);
    if (!is_as_expected(request, current, now)) {
        conflict(reply, current, now, "the player's session is not the one expected");
        return;
    }
    if (holder != NULL && holder != current) {
        conflict(reply, holder, now, "the id is that of a session of another player or type");
        return;
    }
    if (current == NULL && !has_room(table, session->player, reply)) {
        return;
    }
    struct session_entry *entry;
    if (holder != NULL) {
        entry = change(table, holder, session, now, events);
        set_end(table, entry, now->boot, now->boot + request->ttl_ms);
        reply->found = true;
    } else {
        if (current != NULL) {
            buf_str(&table->scratch, session_entry_view(current, now).id);
            session_table_end(table, current, SESSION_REPLACED, now, events);
        }
        entry = create(table, request, now);
    }
    reply->replaced = buf_view(&table->scratch);
    reply->session = session_entry_view(entry, now);
    if (!reply->found) {
        session_table_tell(table, SESSION_ON_CREATED, &reply->session, STR(""), SESSION_DELETED, events);
    }
}

static void find(struct session_table *table, const struct session_request *request,
                 const struct instant *now, struct session_reply *reply, struct queue *events)
{
    struct session_entry *entries[SESSION_TYPES_MAX], *best = NULL;
    size_t count = session_entries_of_player(table, request->player, entries);
    for (size_t i = 0; i < count; i++) {
        struct session_entry *entry = alive(table, entries[i], now, events);
        bool fits = entry != NULL &&
                    (request->type.size == 0 || str_eq(session_entry_view(entry, now).type, request->type));
        best = fits && (best == NULL || entry->touched > best->touched) ? entry : best;
    }
    reply->found = best != NULL;
    if (best != NULL) {
        reply->session = session_entry_view(best, now);
    }
}

/* The session as it was, with texts that outlive it. */
static void end(struct session_table *table, struct session_entry *entry,
                const struct session_request *request, const struct instant *now, struct session_reply *reply,
                struct queue *events)
{
    struct session was = session_entry_view(entry, now);
    struct str *const texts[] = {&was.id, &was.player, &was.type, &was.server, &was.data};
    buf_keep(&table->scratch, texts, COUNT_OF(texts));
    session_table_end(table, entry, request->why, now, events);
    reply->session = was;
}

static void by_id(struct session_table *table, const struct session_request *request,
                  const struct instant *now, struct session_reply *reply, struct queue *events)
{
    struct session_entry *entry = alive(table, session_entry_by_id(table, request->session_id), now, events);
    reply->found = entry != NULL;
    if (entry == NULL) {
        return;
    }
    if (request->op == SESSION_END) {
        end(table, entry, request, now, reply, events);
        return;
    }
    if (request->op == SESSION_TOUCH) {
        set_end(table, entry, now->boot, now->boot + request->ttl_ms);
    }
    reply->session = session_entry_view(entry, now);
}

/* Those whose grace is over end first: they neither return nor shorten the grace of others. */
static size_t sweep(struct session_table *table, const struct session_request *request,
                    const struct instant *now, struct queue *events)
{
    struct session_home *home = session_home_find(table, request->server);
    while (home != NULL && home->orphaned > 0 && home->until <= now->boot) {
        struct session_entry *first = session_table_entry(table, home->first);
        session_table_end(table, first, why_over(first), now, events);
        home = session_home_find(table, request->server);
    }
    if (home == NULL) {
        return 0;
    }
    return request->op == SESSION_ORPHAN ? session_home_orphan(table, home, now->boot + request->ttl_ms)
                                         : session_home_restore(table, home);
}

/* What is to be kept of what was done: its texts are the reply's or the request's. */
static struct session_change change_of(const struct session_table *table,
                                       const struct session_request *request, const struct instant *now,
                                       const struct session_reply *reply)
{
    struct session_change none = {.kind = SESSION_CHANGE_NONE, .session = reply->session};
    if (reply->failure != SESSION_OK) {
        return none;
    }
    struct session_change made = none;
    const struct session_entry *entry;
    switch (request->op) {
    case SESSION_PUT: made.kind = SESSION_CHANGE_PUT; return made;
    case SESSION_TOUCH:
        if (!reply->found) {
            return none;
        }
        made.kind = SESSION_CHANGE_TOUCH;
        entry = session_entry_by_id(table, reply->session.id);
        made.session.expires_ms = now->wall + (entry->expires - now->boot);
        return made;
    case SESSION_END: made.kind = reply->found ? SESSION_CHANGE_END : SESSION_CHANGE_NONE; return made;
    case SESSION_ORPHAN:
    case SESSION_RESTORE:
        if (reply->count > 0) {
            made.kind = request->op == SESSION_ORPHAN ? SESSION_CHANGE_ORPHAN : SESSION_CHANGE_RESTORE;
            made.session.server = request->server;
            made.session.touched_ms = now->wall;
            const struct session_home *home = session_home_find(table, request->server);
            made.until_ms = home->orphaned > 0 ? now->wall + (home->until - now->boot) : 0;
        }
        return made;
    case SESSION_GET:
    case SESSION_FIND:
    case SESSION_LIST:
    case SESSION_OP_COUNT: break;
    }
    return none;
}

void session_table_request(struct session_table *table, const struct session_request *request,
                           const struct instant *now, struct session_reply *ret_reply,
                           struct session_change *ret_change, struct queue *events)
{
    buf_clear(&table->scratch);
    *ret_reply = (struct session_reply){.id = request->id, .op = request->op};
    switch (request->op) {
    case SESSION_GET:
    case SESSION_TOUCH:
    case SESSION_END: by_id(table, request, now, ret_reply, events); break;
    case SESSION_FIND: find(table, request, now, ret_reply, events); break;
    case SESSION_PUT: put(table, request, now, ret_reply, events); break;
    case SESSION_LIST: session_table_list(table, request, now, ret_reply); break;
    case SESSION_ORPHAN:
    case SESSION_RESTORE: ret_reply->count = sweep(table, request, now, events); break;
    case SESSION_OP_COUNT: fail(ret_reply, SESSION_INVALID, "no such operation"); break;
    }
    *ret_change = change_of(table, request, now, ret_reply);
}
