/* /api/sessions and /api/players/{player}/session: each request is one of the store's. */
#include "sessions_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/base/ulid.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/session/session_json.h"
#include "outrider/core/config/config.h"
#include "outrider/os/entropy.h"

#include <stdlib.h>

/* How long the store may take. */
enum { STORE_MS = 5000 };

/* A request of the store for one of HTTP. */
struct asked {
    struct session_request request;
    struct session_body body;
    struct session_parameters parameters;
    char id[ULID_LENGTH + 1]; /* made here */
    struct api_deferred *deferred;
};

bool sessions_need_store(const struct api_call *call, struct api_reply *reply)
{
    if (call->view.sessions != NULL) {
        return true;
    }
    api_refuse(reply, 503, "sessions_off",
               "this agent keeps no sessions (sessions.store is off): ask an observer, or one of those that "
               "share a Redis");
    return false;
}

static void free_asked(void *state)
{
    struct asked *asked = state;
    session_body_fini(&asked->body);
    session_parameters_fini(&asked->parameters);
    free(asked);
}

/* ---- answers ---- */

static void write_session(struct json_writer *json, const struct session *session)
{
    json_write_object(json);
    session_json_members(json, session);
    json_write_object_end(json);
}

static void write_one(const struct session_reply *result, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    reply->status = result->op == SESSION_PUT && !result->found ? 201 : 200;
    json_write_object(&json);
    session_json_members(&json, &result->session);
    if (result->replaced.size > 0) {
        json_member_string(&json, "replaced", result->replaced);
    }
    json_write_object_end(&json);
}

static void write_list(const struct session_reply *result, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_array(&json, "sessions");
    for (size_t i = 0; i < result->count; i++) {
        write_session(&json, &result->sessions[i]);
    }
    json_write_array_end(&json);
    json_member_string_or_null(&json, "next", result->next);
    json_write_object_end(&json);
}

/* The error of a conflict has the session that is in the way, so that the caller need not ask for it. */
static void write_conflict(const struct session_reply *result, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    reply->status = 409;
    reply->code = "session_conflict";
    json_write_object(&json);
    json_member_object(&json, "error");
    json_member_text(&json, "code", "session_conflict");
    json_member_string(&json, "message", result->error);
    json_write_object_end(&json);
    json_write_key(&json, "session");
    if (result->found) {
        write_session(&json, &result->session);
    } else {
        json_write_null(&json);
    }
    json_write_object_end(&json);
}

static void write_reply(const struct session_reply *result, struct api_reply *reply)
{
    switch (result->failure) {
    case SESSION_OK: break;
    case SESSION_CONFLICT: write_conflict(result, reply); return;
    case SESSION_INVALID: api_refuse(reply, 400, "bad_session", "%.*s", STR_ARG(result->error)); return;
    case SESSION_FULL:
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 503, "session_store_full", "%.*s", STR_ARG(result->error));
        return;
    case SESSION_AWAY:
    case SESSION_FAILURE_COUNT:
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 503, "session_store_away",
                   "the session store could not be reached, or could not keep the change; ask again: %.*s",
                   STR_ARG(result->error));
        return;
    }
    if (result->op == SESSION_LIST) {
        write_list(result, reply);
    } else if (result->op != SESSION_PUT && !result->found) {
        api_refuse(reply, 404, "no_session", "there is no such session");
    } else {
        write_one(result, reply);
    }
}

static void on_done(const struct session_reply *result, void *user)
{
    struct asked *asked = user;
    struct api_reply reply = {0};
    write_reply(result, &reply);
    api_deferred_answer(asked->deferred, &reply);
}

/* ---- requests ---- */

static void begin(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct asked *asked = state;
    asked->deferred = deferred;
    call->context->ops->session(call->context->agent, &asked->request, on_done, asked);
}

static void defer(struct asked *asked, struct api_reply *reply)
{
    reply->turn = API_DEFERRED;
    reply->deferral = (struct api_deferral){.begin = begin,
                                            .state = asked,
                                            .free_state = free_asked,
                                            .timeout_ms = STORE_MS + 1000,
                                            .code = "session_store_away",
                                            .in_doubt = "it may have been done; ask again"};
}

static struct asked *ask(const struct api_call *call, enum session_op op)
{
    struct asked *asked = mem_zalloc(sizeof(*asked));
    asked->request = (struct session_request){.op = op,
                                              .session_id = call->request.id,
                                              .ttl_ms = call->context->config->sessions.ttl_ms,
                                              .why = SESSION_DELETED,
                                              .timeout_ms = STORE_MS};
    return asked;
}

/* A request by the id in its path, with at most an empty object as its body. */
static void by_id(struct api_call *call, enum session_op op, struct api_reply *reply)
{
    struct str body = str_trim(str_skip_bom(call->request.body));
    const char *problem = session_id_problem(call->request.id);
    if (!sessions_need_store(call, reply)) {
        return;
    }
    if (problem != NULL) {
        api_refuse(reply, 400, "bad_session", "id %s", problem);
    } else if (body.size > 0 && !str_eq(body, STR("{}")) && op != SESSION_GET) {
        api_refuse(reply, 400, "bad_body", "the body must be empty, or {}");
    } else {
        defer(ask(call, op), reply);
    }
}

void api_session(struct api_call *call, struct api_reply *reply)
{
    by_id(call, SESSION_GET, reply);
}

void api_session_delete(struct api_call *call, struct api_reply *reply)
{
    by_id(call, SESSION_END, reply);
}

void api_session_touch(struct api_call *call, struct api_reply *reply)
{
    by_id(call, SESSION_TOUCH, reply);
}

/* What the members say of each other and of the path. NULL: nothing is wrong. */
static const char *members_problem(const struct session_body *body, struct str path_id)
{
    if (!body->has_player || !body->has_server) {
        return "a session has player and server";
    }
    if (path_id.size > 0 && body->has_id && !str_eq(body->session.id, path_id)) {
        return "id: is another than that of the path";
    }
    if (body->has_type && !str_eq(body->session.type, session_type_of(body->session.server))) {
        return "type: is another than that of the server";
    }
    if (body->has_id && str_eq(body->session.id, STR("subscribe"))) {
        return "id: subscribe is a path";
    }
    return NULL;
}

static void make_id(struct asked *asked, const struct api_view *view)
{
    uint8_t entropy[10];
    entropy_fill(entropy, sizeof(entropy));
    ulid_format(view->now.wall, entropy, asked->id);
    asked->request.session.id = str_of(asked->id);
}

static void put(struct api_call *call, struct str path_id, struct api_reply *reply)
{
    struct error err;
    if (!sessions_need_store(call, reply)) {
        return;
    }
    struct asked *asked = ask(call, SESSION_PUT);
    const char *what = "", *problem = NULL;
    if (session_body_read(call->request.body, &asked->body, &err) < 0) {
        api_refuse(reply, 400, "bad_body", "%s", err.text);
        free_asked(asked);
        return;
    }
    problem = members_problem(&asked->body, path_id);
    asked->request.session = asked->body.session;
    asked->request.expect = asked->body.expect;
    asked->request.replaces = asked->body.replaces;
    if (path_id.size > 0) {
        asked->request.session.id = path_id;
    } else if (!asked->body.has_id) {
        make_id(asked, &call->view);
    }
    if (problem == NULL) {
        problem = session_problem(&asked->request.session, &what);
    }
    if (problem != NULL) {
        api_refuse(reply, 400, "bad_session", "%s%s%s", what, what[0] == '\0' ? "" : " ", problem);
        free_asked(asked);
        return;
    }
    defer(asked, reply);
}

void api_session_put(struct api_call *call, struct api_reply *reply)
{
    put(call, call->request.id, reply);
}

void api_session_post(struct api_call *call, struct api_reply *reply)
{
    put(call, STR(""), reply);
}

void api_sessions(struct api_call *call, struct api_reply *reply)
{
    if (!sessions_need_store(call, reply)) {
        return;
    }
    struct asked *asked = ask(call, SESSION_LIST);
    unsigned allowed = PARAMETER_SERVER | PARAMETER_PLAYER | PARAMETER_PAGE;
    if (!session_parameters_read(call, allowed, &asked->parameters, reply)) {
        free_asked(asked);
        return;
    }
    asked->request.server = asked->parameters.server;
    asked->request.player = asked->parameters.player;
    asked->request.after = asked->parameters.after;
    asked->request.limit = asked->parameters.limit;
    defer(asked, reply);
}

void api_player_session(struct api_call *call, struct api_reply *reply)
{
    const char *problem = session_player_problem(call->request.player);
    if (!sessions_need_store(call, reply)) {
        return;
    }
    if (problem != NULL) {
        api_refuse(reply, 400, "bad_session", "player %s", problem);
        return;
    }
    struct asked *asked = ask(call, SESSION_FIND);
    if (!session_parameters_read(call, PARAMETER_TYPE, &asked->parameters, reply)) {
        free_asked(asked);
        return;
    }
    asked->request.player = call->request.player;
    asked->request.type = asked->parameters.type;
    defer(asked, reply);
}
