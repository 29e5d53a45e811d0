/* Who asks: GET /api/me, and the session of a browser: POST and DELETE /api/session. */
#include "outrider/api/common/body.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/credentials.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/version.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/os/clock.h"

static void write_rights(struct json_writer *json, enum access_role role)
{
    json_member_object(json, "rights");
    json_member_bool(json, "read", role >= ACCESS_VIEWER);
    json_member_bool(json, "place", role >= ACCESS_SERVICE);
    json_member_bool(json, "act", role >= ACCESS_OPERATOR);
    json_member_bool(json, "administer", role >= ACCESS_ADMIN);
    json_write_object_end(json);
}

/* What the fleet is called and marked with. The page shows it before the sign-in, too. */
static void write_ui(struct json_writer *json, const struct config *config)
{
    json_member_object(json, "ui");
    json_member_string(json, "name", str_of(config->ui.name));
    json_member_string_or_null(json, "colour", str_of(config->ui.colour));
    json_write_object_end(json);
}

/* Where a reader is, and what this agent has: a page shows nothing else. */
static void write_environment(struct json_writer *json, const struct api_call *call)
{
    static const char *const keys[] = {
        [CONFIG_KEYS_OFF] = "off", [CONFIG_KEYS_OWN] = "own", [CONFIG_KEYS_ALL] = "all"};
    const struct api_view *view = &call->view;
    const struct config *config = call->context->config;
    json_member_object(json, "environment");
    json_member_string_or_null(json, "machine", str_of(call->request.policy->machine));
    json_member_text(json, "prefix", config->registry.prefix);
    json_member_text(json, "keys", keys[config->http.keys]);
    json_member_bool(json, "audit", view->audit != NULL);
    json_member_bool(json, "history", view->fleet.history != NULL);
    json_member_bool(json, "sessions", view->sessions != NULL);
    json_member_bool(json, "drains", view->waves.present);
    json_write_object_end(json);
}

static void write_me(const struct api_call *call, const struct access_identity *who, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_string_or_null(&json, "name", str_of(who->name));
    json_member_string_or_null(&json, "role",
                               str_of(who->role == ACCESS_NONE ? "" : access_role_name(who->role)));
    json_member_text(&json, "proof", access_proof_name(who->proof));
    write_rights(&json, who->role);
    json_member_time(&json, "expires", who->expires_wall);
    write_ui(&json, call->context->config);
    if (who->role >= ACCESS_VIEWER) {
        write_environment(&json, call);
    } else {
        json_write_key(&json, "environment");
        json_write_null(&json);
    }
    json_member_text(&json, "version", version_text());
    json_member_time(&json, "now", clock_wall_ms());
    json_write_object_end(&json);
}

void api_me(struct api_call *call, struct api_reply *reply)
{
    write_me(call, &call->request.who, reply);
}

static int take_token(void *user, const char *name, const json_t *value, struct error *err)
{
    struct str *token = user;
    if (strcmp(name, "token") != 0) {
        return API_MEMBER_UNKNOWN;
    }
    *token = (struct str){json_string_value(value), json_string_length(value)};
    return token->size > 0 ? 0 : error_set(err, ERROR_INVALID, "token: want the text of your token");
}

void api_signin_post(struct api_call *call, struct api_reply *reply)
{
    struct str token = {NULL, 0};
    json_t *body = api_body_read(call, "a session takes token", take_token, &token, reply);
    if (body == NULL) {
        return;
    }
    if (token.size == 0) {
        api_refuse(reply, 400, "bad_body", "token: want the text of your token");
    } else if (call->request.policy->cookie[0] == '\0') {
        api_refuse(reply, 400, "bad_request", "this listener has no sessions");
    } else if (api_prove_token(call, str_trim(token), reply) && api_sign_in(call, reply)) {
        write_me(call, &call->request.who, reply);
    }
    json_decref(body);
}

void api_signin_delete(struct api_call *call, struct api_reply *reply)
{
    api_sign_out(call, reply);
    write_me(call, &(struct access_identity){0}, reply);
}
