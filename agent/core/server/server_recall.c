/* What an attached server had reported before its agent was restarted. Its connection ended with the agent, so nothing
 * shows that the same process comes back; yet mostly it does, a moment later, and says the same again. Until then the
 * record must not lose its players (docs/design/protocol.md, "Restart").
 *
 *     adopted ──> recalled ──each value that is said again──> reported
 *                    │
 *                    └── another status word, the life ends, RECALL_MS over ──> forgotten, as far as it was not said again
 *
 * A status word is recalled only where probes show whether it may still be true. The watchdog and MAINPID are not: the
 * process may be another one. */
#include "server_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

enum { RECALL_MS = 5000 };

enum {
    RECALLED_STATUS = 1,
    RECALLED_TEXT = 2,
    RECALLED_PLAYERS = 4,
    RECALLED_CAPACITY = 8,
    RECALLED_PORTS = 16,
    RECALLED_SELF = 32,
    RECALLED_RELOAD = 64
};

void server_recall_clear(struct server *server)
{
    for (size_t i = 0; i < server->recalled.label_count; i++) {
        free(server->recalled.labels[i]);
    }
    server->recalled = (struct server_recalled){.due = NEVER_MS};
}

static unsigned fields_of(const struct server *server, const struct status_message *message)
{
    const struct server_report *live = &server->reported;
    bool silent = live->status == REPORTED_NOTHING;
    unsigned fields = 0;
    fields |= message->reported != REPORTED_NOTHING && silent ? RECALLED_STATUS : 0;
    fields |= message->has_text && silent && live->text == NULL ? RECALLED_TEXT : 0;
    fields |= message->has_players && !live->has_players ? RECALLED_PLAYERS : 0;
    fields |= message->has_capacity && !live->has_capacity ? RECALLED_CAPACITY : 0;
    fields |= message->port_count > 0 && live->port_count == 0 ? RECALLED_PORTS : 0;
    fields |= message->drain && (server->applied_holds & 1u << HOLD_SELF) == 0 ? RECALLED_SELF : 0;
    fields |= message->reloading && (server->applied_holds & 1u << HOLD_RELOAD) == 0 ? RECALLED_RELOAD : 0;
    return fields;
}

bool server_recall(struct server *server, const struct status_message *message, const struct instant *now,
                   struct status_message *ret_older)
{
    const struct config *config = server->config;
    const enum reported_status said = server->reported.status;
    if (said != REPORTED_NOTHING && said != message->reported) {
        return false;
    }
    struct status_message older = *message;
    older.has_mainpid = older.has_watchdog = older.heartbeat = false;
    if (config->probes_given && config->probe_count == 0) {
        older.reported = REPORTED_NOTHING;
    }
    server_recall_clear(server);
    struct server_recalled *recalled = &server->recalled;
    recalled->fields = fields_of(server, &older);
    recalled->status = said == REPORTED_NOTHING ? message->reported : REPORTED_NOTHING;
    recalled->due = now->mono + RECALL_MS;
    for (size_t i = 0; i < older.label_count; i++) {
        if (!server_has_label(server, older.labels[i].name)) {
            recalled->labels[recalled->label_count++] =
                mem_copy(older.labels[i].name.data, older.labels[i].name.size);
        }
    }
    *ret_older = older;
    return true;
}

static void confirm_label(struct server_recalled *recalled, struct str name)
{
    for (size_t i = 0; i < recalled->label_count; i++) {
        if (str_eq(str_of(recalled->labels[i]), name)) {
            free(recalled->labels[i]);
            recalled->labels[i] = recalled->labels[--recalled->label_count];
            return;
        }
    }
}

static void forget(struct server *server, struct queue *effects)
{
    struct server_report *reported = &server->reported;
    struct server_recalled *recalled = &server->recalled;
    if ((recalled->fields & RECALLED_STATUS) != 0) {
        reported->status = REPORTED_NOTHING;
    }
    if ((recalled->fields & RECALLED_TEXT) != 0) {
        free(reported->text);
        reported->text = NULL;
        server_read_text(server);
    }
    if ((recalled->fields & RECALLED_PLAYERS) != 0) {
        reported->has_players = false;
    }
    if ((recalled->fields & RECALLED_CAPACITY) != 0) {
        reported->has_capacity = false;
    }
    if ((recalled->fields & RECALLED_PORTS) != 0) {
        server_forget_ports(server, effects);
    }
    if ((recalled->fields & RECALLED_SELF) != 0) {
        hold_clear(&server->holds[HOLD_SELF]);
    }
    if ((recalled->fields & RECALLED_RELOAD) != 0) {
        hold_clear(&server->holds[HOLD_RELOAD]);
    }
    for (size_t i = 0; i < recalled->label_count; i++) {
        server_remove_label(server, str_of(recalled->labels[i]));
    }
    server_recall_clear(server);
    server_effect(effects, SERVER_DO_SAVE);
}

void server_recall_confirm(struct server *server, const struct status_message *message, struct queue *effects)
{
    struct server_recalled *recalled = &server->recalled;
    bool word = message->reported != REPORTED_NOTHING;
    if (recalled->due == NEVER_MS) {
        return;
    }
    if (word && recalled->status != REPORTED_NOTHING && message->reported != recalled->status) {
        forget(server, effects);
        return;
    }
    recalled->status = word ? REPORTED_NOTHING : recalled->status;
    recalled->fields &=
        ~(unsigned)((word ? RECALLED_STATUS | RECALLED_TEXT : 0) | (message->has_text ? RECALLED_TEXT : 0) |
                    (message->has_players ? RECALLED_PLAYERS : 0) |
                    (message->has_capacity ? RECALLED_CAPACITY : 0) |
                    (message->port_count > 0 ? RECALLED_PORTS : 0) |
                    (message->drain || message->undrain ? RECALLED_SELF : 0) |
                    (message->reloading || message->reported == REPORTED_READY ? RECALLED_RELOAD : 0));
    for (size_t i = 0; i < message->label_count; i++) {
        confirm_label(recalled, message->labels[i].name);
    }
}

void server_recall_end(struct server *server, const struct instant *now, struct queue *effects)
{
    if (now->mono >= server->recalled.due) {
        forget(server, effects);
    }
}
