/* The lines of a server about commands: its results, and its calls of other servers. */
#include "dispatches_internal.h"
#include "server_inbox_internal.h"
#include "status_peer_internal.h"

#include "outrider/base/mem.h"
#include "outrider/codec/command/command_line.h"
#include "outrider/io/line/line_socket.h"
#include "outrider/os/entropy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* One that was called and has not answered. */
struct status_call {
    struct status_call *next;
    struct status_sockets *sockets; /* NULL: they are gone */
    struct line_peer *peer;         /* NULL: likewise */
    char id[ULID_LENGTH + 1];
};

static bool fail(struct status_line_error *error, enum status_line_fault fault, const char *what,
                 const char *hint)
{
    (void)status_line_fail(error, fault, str_of(what));
    snprintf(error->hint, sizeof(error->hint), "%s", hint);
    return false;
}

/* ---- results ---- */

static bool take_result(struct status_sockets *sockets, const struct command_line *line, struct buf *reply,
                        struct status_line_error *error)
{
    static const char *const why[INBOX_VERDICT_COUNT] = {
        [INBOX_UNKNOWN] = "no such command was delivered",
        [INBOX_DECIDED] = "the command has another result already",
        [INBOX_TOO_LATE] = "the time of the command is over",
    };
    struct agent *agent = sockets->agent;
    if (agent->inbox == NULL) {
        return fail(error, STATUS_LINE_FIXED, "result", "status.accept names no command");
    }
    enum inbox_verdict verdict = server_inbox_result(agent->inbox, line->id, line->good, line->text);
    if (verdict != INBOX_TAKEN) {
        return fail(error, STATUS_LINE_VALUE, "result", why[verdict]);
    }
    struct instant now = agent_now();
    struct server_drain drain = server_drain(agent->router->server, &now);
    status_line_ok(reply, drain.on, drain.left_ms);
    return true;
}

/* ---- calls ---- */

static void remove_call(struct status_call *call)
{
    struct status_call **at = call->sockets == NULL ? NULL : &call->sockets->calls;
    while (at != NULL && *at != call) {
        at = &(*at)->next;
    }
    if (at != NULL) {
        *at = call->next;
    }
    free(call);
}

static void on_answered(const struct dispatch *dispatch, void *user)
{
    struct status_call *call = user;
    if (call->peer != NULL) {
        const struct server_command *command = &dispatch->command;
        bool known = dispatch->result == DISPATCH_KNOWN, good = known && command->state == COMMAND_OK;
        struct str text = str_of(command->text);
        char kind[sizeof("result ") + ULID_LENGTH];
        struct buf event = {0}, why = {0};
        snprintf(kind, sizeof(kind), "result %s", call->id);
        if (known && command->state == COMMAND_EXPIRED) {
            text = STR("expired");
        } else if (!known) {
            buf_printf(&why, "%s",
                       dispatch->result == DISPATCH_FULL ? "the inbox is full"
                       : dispatch->error[0] != '\0'      ? dispatch->error
                                                         : "not sent");
            text = command_is_text(buf_view(&why)) ? buf_view(&why) : STR("not sent");
        }
        command_result_event(str_of(call->id), good, text, &event);
        line_peer_event(call->peer, kind, buf_view(&event));
        buf_fini(&event);
        buf_fini(&why);
    }
    remove_call(call);
}

static bool may_call(const struct config *config, struct str type)
{
    for (size_t i = 0; i < config->status.call_count; i++) {
        if (str_eq(type, str_of(config->status.call[i]))) {
            return true;
        }
    }
    return false;
}

static void fill(const struct agent *agent, const struct command_line *line,
                 struct server_command *ret_command)
{
    struct instant now = agent_now();
    uint8_t random[10];
    char from[2 * COMMAND_FROM_MAX];
    entropy_fill(random, sizeof(random));
    snprintf(from, sizeof(from), "%s/%s", agent->config->server.type, agent->id);
    *ret_command = (struct server_command){.at_wall = now.wall, .until_wall = now.wall + COMMAND_TTL_MS};
    ulid_format(now.wall, random, ret_command->id);
    command_make_from(str_of(from), ret_command->from);
    snprintf(ret_command->name, sizeof(ret_command->name), "%.*s", STR_ARG(line->name));
    ret_command->args = line->text.size == 0 ? NULL : mem_copy(line->text.data, line->text.size);
}

static bool take_call(struct status_sockets *sockets, struct line_peer *peer, const struct command_line *line,
                      struct buf *reply, struct status_line_error *error)
{
    struct agent *agent = sockets->agent;
    struct server_command command;
    if (!may_call(agent->config, line->type)) {
        return fail(error, STATUS_LINE_FIXED, "call", "status.call does not have that type");
    }
    if (agent->dispatches == NULL) {
        agent->dispatches = dispatches_new(agent);
    }
    fill(agent, line, &command);
    struct status_call *call = mem_zalloc(sizeof(*call));
    *call = (struct status_call){.next = sockets->calls, .sockets = sockets, .peer = peer};
    snprintf(call->id, sizeof(call->id), "%s", command.id);
    sockets->calls = call;
    if (!dispatches_begin(agent->dispatches, DISPATCH_CALL, line->type, line->server, &command, on_answered,
                          call)) {
        remove_call(call);
        return fail(error, STATUS_LINE_RANGE, "call", "too many calls wait for their answers");
    }
    peer->held = true; /* its answer is to come */
    buf_printf(reply, "OK id=%s", call->id);
    return true;
}

/* ---- lines ---- */

bool status_commands_take(struct status_sockets *sockets, struct line_peer *peer, struct str line)
{
    struct status_peer *state = peer->data;
    struct status_line_error error = {0};
    struct command_line parsed;
    struct error err;
    struct buf reply = {0};
    bool fits = line.size <= STATUS_LINE_MAX && command_line_parse(line, &parsed, &err) == 0;
    if (line.size > STATUS_LINE_MAX || parsed.kind == COMMAND_LINE_NONE) {
        return false;
    }
    bool result = parsed.kind == COMMAND_LINE_RESULT;
    if (!fits) {
        fits = fail(&error, STATUS_LINE_VALUE, result ? "result" : "call", err.text);
    } else {
        fits = result ? take_result(sockets, &parsed, &reply, &error)
                      : take_call(sockets, peer, &parsed, &reply, &error);
    }
    if (fits) {
        state->bad_in_a_row = 0;
        sockets->agent->counters.lines_ok++;
        status_replies_say(&state->replies, peer, 0, buf_view(&reply));
    } else {
        status_sockets_reject(sockets, peer, &error);
    }
    buf_fini(&reply);
    return true;
}

void status_commands_forget(struct status_sockets *sockets, const struct line_peer *peer)
{
    for (struct status_call *each = sockets->calls; each != NULL; each = each->next) {
        each->peer = each->peer == peer ? NULL : each->peer;
    }
}

/* The dispatches, which point to them, end without a call. */
void status_commands_free(struct status_sockets *sockets)
{
    while (sockets->calls != NULL) {
        remove_call(sockets->calls);
    }
}
