/* Commands to servers (docs/design/protocol.md, "Commands to servers"): POST .../commands sends one, GET .../commands/{id} says what
 * became of it. */
#include "commands_internal.h"

#include "outrider/api/common/body.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/command/dispatch.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/os/entropy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_REQUESTS = 5, KEY_MAX = 64 };

struct asked {
    enum dispatch_op op;
    struct server_command command; /* taken over by the operation */
    struct buf type, server;
    struct command_sender *sender; /* SEND, where the audit gets an entry */
    struct api_deferred *deferred;
};

static void free_asked(void *state)
{
    struct asked *asked = state;
    command_fini(&asked->command);
    command_sender_free(asked->sender);
    buf_fini(&asked->type);
    buf_fini(&asked->server);
    free(asked);
}

/* ---- the answer ---- */

static void write_command(const struct asked *asked, const struct server_command *command,
                          struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_text(&json, "id", command->id);
    json_member_string(&json, "type", buf_view(&asked->type));
    json_member_string(&json, "server", buf_view(&asked->server));
    json_member_text(&json, "name", command->name);
    json_member_string(&json, "args", str_of(command->args));
    json_member_text(&json, "from", command->from);
    json_member_time(&json, "at", command->at_wall);
    json_member_time(&json, "until", command->until_wall);
    json_member_text(&json, "state", command_state_name(command->state));
    json_member_text(&json, "text", command->text);
    json_write_object_end(&json);
    reply->status = asked->op == DISPATCH_SEND ? 202 : 200;
}

static void write_failed(const struct dispatch *result, struct api_reply *reply)
{
    if (result->failure == REGISTRY_DENIED) {
        api_refuse(reply, 502, "registry_denied",
                   "the agent that was asked may not write commands: ask one whose user in the registry has "
                   "the role "
                   "`operator` of docs/etcd-roles: %s",
                   result->error);
        return;
    }
    reply->header = API_RETRY_SOON;
    api_refuse(reply, 503, "registry_away", "%s: %s",
               result->op == DISPATCH_READ           ? "the command was not read"
               : result->failure == REGISTRY_UNKNOWN ? "it is not known whether the command was sent; ask "
                                                       "again with the same Idempotency-Key"
                                                     : "the command was not sent",
               result->error);
}

static void write_result(const struct asked *asked, const struct dispatch *result, struct api_reply *reply)
{
    switch (result->result) {
    case DISPATCH_SENT:
    case DISPATCH_KNOWN: write_command(asked, &result->command, reply); break;
    case DISPATCH_NOT_FOUND:
        api_refuse(reply, 404, "no_such_command",
                   "no such command: what became of it is kept for about a minute after its end");
        break;
    case DISPATCH_FOREIGN:
        api_refuse(reply, 409, "foreign_value", "the key of the command has something else: delete it");
        break;
    case DISPATCH_TAKEN:
        api_refuse(reply, 409, "idempotency_key_used", "another command was sent with this Idempotency-Key");
        break;
    case DISPATCH_FULL:
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 503, "inbox_full", "%d commands are in the inbox of this server already",
                   COMMAND_INBOX_MAX);
        break;
    case DISPATCH_FAILED: write_failed(result, reply); break;
    }
}

static void on_done(const struct dispatch *result, void *user)
{
    struct asked *asked = user;
    struct api_reply reply = {0};
    write_result(asked, result, &reply);
    if (asked->op == DISPATCH_SEND) {
        command_tell_sent(asked->sender, api_deferred_attempt(asked->deferred), result,
                          buf_view(&asked->type), buf_view(&asked->server));
        asked->sender = NULL;
    }
    api_deferred_answer(asked->deferred, &reply);
}

static void begin(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct asked *asked = state;
    struct api_context *context = call->context;
    struct server_command command = asked->command;
    asked->deferred = deferred;
    asked->command = (struct server_command){0};
    if (!context->ops->command(context->agent, asked->op, buf_view(&asked->type), buf_view(&asked->server),
                               &command, on_done, asked)) {
        api_deferred_busy(deferred, "too many commands are being sent already");
    }
}

static bool is_segment(struct str text, size_t max)
{
    return text.size > 0 && text.size <= max && memchr(text.data, '/', text.size) == NULL;
}

/* `command` is taken over. */
static void defer(struct api_call *call, enum dispatch_op op, struct server_command *command,
                  struct api_reply *reply)
{
    struct asked *asked = mem_zalloc(sizeof(*asked));
    asked->op = op;
    asked->command = *command;
    asked->sender = op == DISPATCH_SEND ? command_sender_new(call) : NULL;
    buf_str(&asked->type, call->request.type);
    buf_str(&asked->server, call->request.server);
    reply->turn = API_DEFERRED;
    reply->deferral =
        (struct api_deferral){.begin = begin,
                              .state = asked,
                              .free_state = free_asked,
                              .timeout_ms = call->view.config->registry.request_timeout_ms * TIMEOUT_REQUESTS,
                              .in_doubt = "it is not known whether the command was sent; ask again with the "
                                          "same Idempotency-Key"};
}

/* ---- the request ---- */

struct body {
    struct server_command command; /* its name and its arguments, which are its own */
    int64_t ttl_ms;
};

static struct str string_of(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

static int take_member(void *user, const char *name, const json_t *value, struct error *err)
{
    struct body *body = user;
    struct str text = string_of(value);
    if (strcmp(name, "name") == 0) {
        if (!json_is_string(value) || !command_is_name(text)) {
            return error_set(err, ERROR_INVALID, "name: must be 1 to %d of a-z, 0-9, `_`, `.` and `-`",
                             COMMAND_NAME_MAX);
        }
        snprintf(body->command.name, sizeof(body->command.name), "%.*s", STR_ARG(text));
        return 0;
    }
    if (strcmp(name, "args") == 0) {
        if (!json_is_string(value) || !command_is_args(text)) {
            return error_set(err, ERROR_INVALID, "args: must be a string of at most %d bytes without NUL",
                             COMMAND_ARGS_MAX);
        }
        free(body->command.args);
        body->command.args = mem_copy(text.data, text.size);
        return 0;
    }
    if (strcmp(name, "ttl") != 0) {
        return API_MEMBER_UNKNOWN;
    }
    if (!json_is_string(value) || duration_parse(text, &body->ttl_ms) < 0 ||
        body->ttl_ms < COMMAND_TTL_MIN_MS || body->ttl_ms > COMMAND_TTL_MAX_MS) {
        return error_set(err, ERROR_INVALID,
                         "ttl: must be a duration from \"1s\" to \"1h\", such as \"30s\"");
    }
    return 0;
}

/* With a key the id follows from it, so that whichever agent is asked again finds the same command. */
static void make_id(const struct api_call *call, int64_t now_wall, const char *from, char *ret_id)
{
    uint8_t bytes[16];
    struct str key = call->request.idempotency_key;
    int64_t when = now_wall;
    entropy_fill(bytes, sizeof(bytes));
    if (key.size > 0) {
        struct buf all = {0};
        buf_printf(&all, "%s\n%.*s\n%.*s\n%.*s", from, STR_ARG(call->request.type),
                   STR_ARG(call->request.server), STR_ARG(key));
        uint64_t halves[2] = {str_hash(buf_view(&all), 1), str_hash(buf_view(&all), 2)};
        memcpy(bytes, halves, sizeof(bytes));
        when = (int64_t)(halves[1] >> 17);
        buf_fini(&all);
    }
    ulid_format(when, bytes, ret_id);
}

static void name_sender(const struct api_call *call, char ret_from[static COMMAND_FROM_MAX + 1])
{
    char from[sizeof("op:") + ACCESS_NAME_MAX];
    const char *name = call->request.who.name;
    snprintf(from, sizeof(from), "op:%s", name[0] == '\0' ? "anonymous" : name);
    command_make_from(str_of(from), ret_from);
}

static bool check_target(struct api_call *call, struct api_reply *reply)
{
    const struct api_request *request = &call->request;
    if (view_find(call->view.fleet.view, request->type, request->server) == NULL) {
        api_refuse(reply, 404, "no_such_service", "no service %.*s/%.*s",
                   (int)(request->type.size < 128 ? request->type.size : 128), request->type.data,
                   (int)(request->server.size < 128 ? request->server.size : 128), request->server.data);
        return false;
    }
    if (request->idempotency_key.size > KEY_MAX) {
        api_refuse(reply, 400, "bad_header", "Idempotency-Key: longer than %d bytes", KEY_MAX);
        return false;
    }
    return true;
}

void api_command_post(struct api_call *call, struct api_reply *reply)
{
    struct body body = {.ttl_ms = COMMAND_TTL_MS};
    struct server_command *command = &body.command;
    if (!check_target(call, reply)) {
        return;
    }
    json_t *json = api_body_read(call, "a command takes name, args and ttl", take_member, &body, reply);
    if (json == NULL || command->name[0] == '\0') {
        if (json != NULL) {
            api_refuse(reply, 400, "bad_body", "name: missing");
        }
        json_decref(json);
        command_fini(command);
        return;
    }
    json_decref(json);
    command_tell_asked(call->attempt, command);
    name_sender(call, command->from);
    command->at_wall = call->view.now.wall;
    command->until_wall = command->at_wall + body.ttl_ms;
    make_id(call, command->at_wall, command->from, command->id);
    defer(call, DISPATCH_SEND, command, reply);
}

void api_command(struct api_call *call, struct api_reply *reply)
{
    const struct api_request *request = &call->request;
    struct server_command command = {0};
    if (!is_segment(request->type, VIEW_TYPE_MAX) || !is_segment(request->server, VIEW_ID_MAX) ||
        !ulid_valid(request->id)) {
        api_refuse(reply, 404, "no_such_command", "no such command");
        return;
    }
    snprintf(command.id, sizeof(command.id), "%.*s", STR_ARG(request->id));
    defer(call, DISPATCH_READ, &command, reply);
}
