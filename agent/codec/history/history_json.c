#include "outrider/codec/history/history_json.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/core/history/history_read.h"

static const char *status_word(unsigned status)
{
    return status < STATUS_COUNT ? status_name((enum status)status) : "unknown";
}

static const char *kind_word(unsigned kind)
{
    static const char *const words[HISTORY_KIND_COUNT] = {
        [HISTORY_SEEN] = "seen",       [HISTORY_CAME] = "came",   [HISTORY_STATUS] = "status",
        [HISTORY_REASON] = "reason",   [HISTORY_DRAIN] = "drain", [HISTORY_UNDRAIN] = "undrain",
        [HISTORY_RESTART] = "restart", [HISTORY_WENT] = "went"};
    return words[kind];
}

static const char *end_word(unsigned end)
{
    static const char *const words[HISTORY_END_COUNT] = {[HISTORY_REPLACED] = "restart",
                                                         [HISTORY_LEFT] = "left",
                                                         [HISTORY_EXPIRED] = "lease_expired",
                                                         [HISTORY_DELETED] = "deleted",
                                                         [HISTORY_MISSED] = "missed"};
    return words[end]; /* NULL: it has not ended */
}

static void write_names(struct json_writer *json, const struct history_server *server)
{
    json_member_string(json, "type", history_type_of(server));
    json_member_string(json, "id", history_id_of(server));
}

static void write_drain(struct json_writer *json, const struct history_transition *transition)
{
    json_member_object(json, "drain");
    json_member_array(json, "holds");
    for (struct str rest = history_holds(transition); rest.size > 0;) {
        json_write_string(json, str_split(rest, ',', &rest));
    }
    json_write_array_end(json);
    json_member_string_or_null(json, "by", history_by(transition));
    json_member_string_or_null(json, "reason", history_reason(transition));
    json_write_object_end(json);
}

/* `unsure` says that it was found out later, `after` since when it may have been so: null where even that is not known. */
static void write_transition(struct json_writer *json, const struct history_transition *transition,
                             bool named)
{
    json_write_object(json);
    json_member_uint(json, "seq", transition->seq);
    json_member_time(json, "at", transition->wall);
    json_member_bool(json, "unsure", transition->after_wall != 0);
    json_member_time(json, "after", transition->after_wall > 0 ? transition->after_wall : 0);
    if (named) {
        write_names(json, transition->server);
    }
    json_member_text(json, "kind", kind_word(transition->kind));
    bool comes = transition->kind == HISTORY_SEEN || transition->kind == HISTORY_CAME;
    bool goes = transition->kind == HISTORY_WENT;
    json_member_text(json, "from", comes ? NULL : status_word(transition->from));
    json_member_text(json, "to", goes ? NULL : status_word(transition->to));
    if (transition->kind == HISTORY_DRAIN) {
        write_drain(json, transition);
    } else if (history_reason(transition).size > 0) {
        json_member_string(json, "reason", history_reason(transition));
    }
    json_member_text_if(json, "why", end_word(transition->end));
    json_write_object_end(json);
}

static const char *why_gone(const struct history_server *server)
{
    return server->life_count == 0 ? NULL : end_word(server->lives[server->life_count - 1].end);
}

static void write_record(struct json_writer *json, const struct history_server *server)
{
    json_write_key(json, "record");
    if (server->entry == NULL) {
        json_write_null(json);
    } else {
        record_write_served(server->entry, json->out);
        json->more = true;
    }
}

static void write_gone(struct json_writer *json, const struct history_server *server)
{
    json_write_object(json);
    write_names(json, server);
    json_member_text(json, "status", status_word(server->status));
    json_member_time(json, "goneAt", server->gone_wall);
    json_member_text(json, "why", why_gone(server));
    write_record(json, server);
    json_write_object_end(json);
}

void history_json_gone(const struct history_server *server, struct buf *out)
{
    struct json_writer json = {.out = out};
    write_gone(&json, server);
}

/* ---- one server ---- */

static void write_count(struct json_writer *json, uint32_t count)
{
    if (count == HISTORY_UNKNOWN) {
        json_write_null(json);
    } else {
        json_write_uint(json, count);
    }
}

static void write_lives(struct json_writer *json, const struct history_server *server)
{
    json_member_array(json, "lives");
    for (size_t i = 0; i < server->life_count; i++) {
        const struct history_life *life = &server->lives[i];
        json_write_object(json);
        json_member_time(json, "began", life->began_wall);
        json_member_bool(json, "exact", life->exact);
        json_member_time(json, "ended", life->ended_wall);
        json_member_text(json, "why", end_word(life->end));
        json_write_object_end(json);
    }
    json_write_array_end(json);
}

/* The list is of the same minutes for all servers. */
static void write_players(struct json_writer *json, const struct history *history,
                          const struct history_server *server)
{
    int64_t until = history_facts(history)->minute;
    json_member_object(json, "players");
    json_member_int(json, "step", 60);
    json_member_time(json, "until", until * 60000);
    json_member_array(json, "values");
    for (int64_t minute = until - HISTORY_PLAYER_MINUTES + 1; minute <= until; minute++) {
        write_count(json, history_players(server, minute));
    }
    json_write_array_end(json);
    json_write_object_end(json);
}

static void write_end(struct json_writer *json, const struct history *history, const struct instant *now)
{
    json_member_bool(json, "stale", !history_facts(history)->synced);
    json_member_time(json, "now", now->wall);
    json_write_object_end(json);
}

void history_json_server(const struct history *history, const struct history_server *server,
                         const struct instant *now, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    write_names(&json, server);
    json_member_bool(&json, "online", !server->gone);
    json_member_text(&json, "status", status_word(server->status));
    json_member_time(&json, "goneAt", server->gone_wall);
    json_member_text(&json, "why", server->gone ? why_gone(server) : NULL);
    json_member_array(&json, "transitions");
    for (const struct history_transition *each = server->first; each != NULL; each = each->next) {
        write_transition(&json, each, false);
    }
    json_write_array_end(&json);
    write_lives(&json, server);
    write_players(&json, history, server);
    write_record(&json, server);
    write_end(&json, history, now);
}

/* ---- the fleet ---- */

/* A member of struct history_totals by its number: players, seats, then each status. */
static uint32_t total(const struct history_totals *totals, int which)
{
    return totals == NULL ? HISTORY_UNKNOWN
           : which == 0   ? totals->players
           : which == 1   ? totals->seats
                          : totals->servers[which - 2];
}

static void write_series(struct json_writer *json, const struct history *history,
                         const struct history_type *type, const char *name, int which, int64_t first)
{
    json_member_array(json, name);
    for (int64_t minute = first; minute <= history_facts(history)->minute; minute++) {
        write_count(json, total(history_totals(history, type, minute), which));
    }
    json_write_array_end(json);
}

static int64_t first_minute(const struct history_facts *facts)
{
    size_t longest = 0;
    for (const struct history_type *type = facts->types; type != NULL; type = type->hh.next) {
        longest = type->count > longest ? type->count : longest;
    }
    longest = longest > HISTORY_FLEET_MINUTES ? HISTORY_FLEET_MINUTES : longest;
    return facts->minute - (int64_t)longest + 1;
}

void history_json_series(const struct history *history, struct buf *out)
{
    const struct history_facts *facts = history_facts(history);
    int64_t first = first_minute(facts);
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_int(&json, "minutes", facts->minute - first + 1);
    json_member_int(&json, "step", 60);
    json_member_time(&json, "until", facts->minute * 60000);
    json_member_object(&json, "types");
    for (const struct history_type *type = facts->types; type != NULL; type = type->hh.next) {
        json_member_object(&json, type->name);
        write_series(&json, history, type, "players", 0, first);
        write_series(&json, history, type, "seats", 1, first);
        json_member_object(&json, "servers");
        for (int status = 0; status < VIEW_STATUS_COUNT; status++) {
            write_series(&json, history, type, status_word((unsigned)status), status + 2, first);
        }
        json_write_object_end(&json);
        json_write_object_end(&json);
    }
    json_write_object_end(&json);
}

void history_json_fleet(const struct history *history, struct str series, const struct instant *now,
                        struct buf *out)
{
    struct json_writer json = {.out = out, .more = true};
    buf_str(out, series);
    write_end(&json, history, now);
}

void history_json_offline(const struct history *history, size_t limit, const struct instant *now,
                          struct buf *out)
{
    const struct history_facts *facts = history_facts(history);
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_array(&json, "servers");
    const struct history_server *each = facts->oldest_gone == NULL ? NULL : facts->oldest_gone->prev;
    for (size_t i = 0; i < facts->gone && i < limit; i++, each = each->prev) {
        write_gone(&json, each);
    }
    json_write_array_end(&json);
    json_member_uint(&json, "total", facts->gone);
    write_end(&json, history, now);
}

/* What was there when the history began has not happened: a page of thousands of such lines would say nothing. */
static const struct history_transition *next_active(const struct history *history, uint64_t before)
{
    const struct history_transition *each = history_before(history, before);
    while (each != NULL && each->kind == HISTORY_SEEN) {
        each = history_before(history, each->seq);
    }
    return each;
}

void history_json_activity(const struct history *history, uint64_t before, size_t limit,
                           const struct instant *now, struct buf *out)
{
    struct json_writer json = {.out = out};
    const struct history_transition *each = next_active(history, before);
    json_write_object(&json);
    json_member_array(&json, "transitions");
    for (size_t i = 0; i < limit && each != NULL; i++) {
        write_transition(&json, each, true);
        before = each->seq;
        each = next_active(history, before);
    }
    json_write_array_end(&json);
    json_write_key(&json, "next");
    if (each == NULL) {
        json_write_null(&json);
    } else {
        json_write_uint(&json, before);
    }
    write_end(&json, history, now);
}
