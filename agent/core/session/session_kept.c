/* What is kept of a table over a restart: changes out, changes in. */
#include "session_table_internal.h"

/* Not beyond what a TTL may be, so that a clock that was wrong does not keep a session for ever. */
static int64_t boot_of(int64_t wall, const struct instant *now)
{
    int64_t left = wall > now->wall + SESSION_TTL_MAX_MS   ? SESSION_TTL_MAX_MS
                   : wall < now->wall - SESSION_TTL_MAX_MS ? -SESSION_TTL_MAX_MS
                                                           : wall - now->wall;
    return now->boot + left;
}

static void set_times(struct session_table *table, struct session_entry *entry, const struct session *session,
                      const struct instant *now)
{
    entry->touched = boot_of(session->touched_ms, now);
    entry->expires = boot_of(session->expires_ms, now);
    session_wheel_remove(table, entry);
    session_wheel_add(table, entry);
}

/* Whatever has the id, or the player and type, makes room. */
static void forget(struct session_table *table, struct session_entry *entry)
{
    if (entry != NULL) {
        session_entry_remove(table, entry);
    }
}

static void apply_put(struct session_table *table, const struct session_change *change,
                      const struct instant *now)
{
    const struct session *session = &change->session;
    struct session_entry *others[SESSION_TYPES_MAX];
    forget(table, session_entry_by_id(table, session->id));
    forget(table, session_entry_by_player(table, session->player, session_type_of(session->server)));
    if (session_entries_of_player(table, session->player, others) == SESSION_TYPES_MAX) {
        return;
    }
    session_wheel_begin(table, now);
    struct session_entry *entry = session_entry_add(table, session);
    entry->created_wall = session->created_ms;
    entry->expires = now->boot;
    session_wheel_add(table, entry);
    set_times(table, entry, session, now);
    if (change->until_ms != 0) {
        session_entry_orphan(table, entry, boot_of(change->until_ms, now));
    }
}

/* The server of the change, without those whose grace was over when the change was made: their end is not kept. */
static struct session_home *settle(struct session_table *table, const struct session_change *change,
                                   const struct instant *now)
{
    struct str server = change->session.server;
    struct session_home *home = session_home_find(table, server);
    int64_t then = boot_of(change->session.touched_ms, now);
    while (home != NULL && home->orphaned > 0 && home->until <= then) {
        session_entry_remove(table, session_table_entry(table, home->first));
        home = session_home_find(table, server);
    }
    return home;
}

void session_table_apply(struct session_table *table, const struct session_change *change,
                         const struct instant *now)
{
    struct session_entry *entry;
    struct session_home *home;
    switch (change->kind) {
    case SESSION_CHANGE_NONE: break;
    case SESSION_CHANGE_PUT: apply_put(table, change, now); break;
    case SESSION_CHANGE_TOUCH:
        entry = session_entry_by_id(table, change->session.id);
        if (entry != NULL) {
            set_times(table, entry, &change->session, now);
        }
        break;
    case SESSION_CHANGE_END: forget(table, session_entry_by_id(table, change->session.id)); break;
    case SESSION_CHANGE_ORPHAN:
    case SESSION_CHANGE_RESTORE:
        home = settle(table, change, now);
        if (home != NULL && change->kind == SESSION_CHANGE_ORPHAN) {
            session_home_orphan(table, home, boot_of(change->until_ms, now));
        } else if (home != NULL) {
            session_home_restore(table, home);
        }
        break;
    }
}

bool session_table_next(const struct session_table *table, const struct instant *now, uint32_t *cursor,
                        size_t *budget, struct session_change *ret_change)
{
    while (*cursor<table->sessions.count && * budget> 0) {
        const struct session_entry *entry = session_table_place(table, ++*cursor);
        (*budget)--;
        if (entry == NULL) {
            continue;
        }
        struct session session = session_entry_view(entry, now);
        bool orphaned = session.state == SESSION_ORPHANED;
        session.expires_ms = now->wall + (entry->expires - now->boot);
        *ret_change =
            (struct session_change){.kind = SESSION_CHANGE_PUT,
                                    .session = session,
                                    .until_ms = orphaned ? now->wall + (entry->home->until - now->boot) : 0};
        return true;
    }
    return false;
}
