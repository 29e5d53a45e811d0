/* Drain and undrain, and holds as JSON. */
#include "outrider/api/common/handler.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_member.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/hold.h"
#include "outrider/core/server/server.h"

#include <jansson.h>
#include <stdio.h>

/* How long until `until_mono`; a moment that never comes is none. */
static int64_t left(int64_t until_mono, const struct instant *now)
{
    int64_t ms = until_mono > now->mono ? until_mono - now->mono : 0;
    return until_mono == NEVER_MS ? -1 : ms;
}

void api_write_hold(struct json_writer *json, const char *kind, const struct hold *hold,
                    const struct instant *now)
{
    json_write_object(json);
    json_member_text(json, "kind", kind);
    json_member_text(json, "reason", hold->reason);
    json_member_text(json, "by", hold->by);
    json_member_time(json, "since", hold->since_wall);
    json_member_time(json, "deadline", hold->deadline_wall);
    json_member_span(json, "deadlineInMs", left(hold->deadline_mono, now));
    json_member_time(json, "expires", hold->expires_wall);
    json_member_span(json, "expiresInMs", left(hold->expires_mono, now));
    json_member_text(json, "outcome", drain_outcome_name(hold->outcome));
    json_write_object_end(json);
}

/* What a drain asks for; the text is borrowed from the document. */
struct drain_wish {
    const char *reason;
    int64_t deadline_ms, expires_ms;
};

static int read_span(const json_t *value, const char *name, struct error *err, int64_t *ret_ms)
{
    const char *text = json_string_value(value);
    if (text == NULL || duration_parse(str_of(text), ret_ms) < 0) {
        return error_set(err, ERROR_INVALID, "%s: must be a duration such as \"90s\", \"30m\" or \"2h\"",
                         name);
    }
    return 0;
}

static int read_reason(const json_t *value, struct error *err, const char **ret_reason)
{
    if (!json_is_string(value)) {
        return error_set(err, ERROR_INVALID, "reason: must be a string");
    }
    if (json_string_length(value) > HOLD_REASON_MAX) {
        return error_set(err, ERROR_LIMIT, "reason: longer than %d bytes", HOLD_REASON_MAX);
    }
    for (const char *c = json_string_value(value); *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return error_set(err, ERROR_INVALID, "reason: control characters are not allowed");
        }
    }
    *ret_reason = json_string_value(value);
    return 0;
}

/* An empty body is an object without members. */
static json_t *read_object(struct str body, struct error *err)
{
    if (str_trim(body).size == 0) {
        return json_object();
    }
    json_error_t where;
    json_t *root = json_loadb(body.data, body.size, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL) {
        error_set(err, ERROR_INVALID, "the body is not JSON: line %d, column %d: %s", where.line,
                  where.column, where.text);
    } else if (!json_is_object(root)) {
        error_set(err, ERROR_INVALID, "the body must be a JSON object");
        json_decref(root);
        root = NULL;
    }
    return root;
}

static int read_wish(json_t *root, struct error *err, struct drain_wish *wish)
{
    for (void *at = json_object_iter(root); at != NULL; at = json_object_iter_next(root, at)) {
        const char *name = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        int rc;
        if (strcmp(name, "reason") == 0) {
            rc = read_reason(value, err, &wish->reason);
        } else if (strcmp(name, "deadline") == 0) {
            rc = read_span(value, name, err, &wish->deadline_ms);
        } else if (strcmp(name, "expires") == 0) {
            rc = read_span(value, name, err, &wish->expires_ms);
        } else {
            rc = error_set(err, ERROR_INVALID,
                           "unknown member `%.64s`: drain takes reason, deadline and expires", name);
        }
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

void api_name_operator(const struct api_request *request, char ret_by[static HOLD_BY_MAX + 1])
{
    struct str who = request->peer;
    const char *cut = who.size == 0 ? NULL : memmem(who.data, who.size, "uid ", 4);
    if (request->is_unix) {
        size_t before = cut == NULL ? 0 : (size_t)(cut - who.data);
        who = (struct str){who.data + before, who.size - before};
    } else {
        const char *colon = who.size == 0 ? NULL : memrchr(who.data, ':', who.size);
        who.size = colon == NULL ? who.size : (size_t)(colon - who.data);
    }
    snprintf(ret_by, HOLD_BY_MAX + 1, "api %.*s", STR_ARG(who));
}

/* What is now so, so that the caller need not ask again. */
static void emit_hold(struct api_context *context, struct api_reply *reply)
{
    struct api_view view;
    api_look(context, &view);
    const struct hold *hold = server_hold(view.server, HOLD_OPS);
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_text(&json, "status", status_name(server_status(view.server)));
    json_write_key(&json, "hold");
    if (hold->set) {
        api_write_hold(&json, hold_name(HOLD_OPS), hold, &view.now);
    } else {
        json_write_null(&json);
    }
    json_write_object_end(&json);
}

static bool has_server(const struct api_context *context, struct api_reply *reply)
{
    if (!context->config->server.present) {
        api_refuse(reply, 409, "observer",
                   "an observer has no server of its own: POST to "
                   "/api/services/TYPE/ID/drain or undrain (outrider drain --id ID)");
    }
    return context->config->server.present;
}

bool api_read_hold(struct api_context *context, const struct api_request *request, struct api_reply *reply,
                   struct hold *ret_hold)
{
    struct error err;
    struct drain_wish wish = {.reason = "", .deadline_ms = context->config->drain.deadline_ms};
    json_t *root = read_object(request->body, &err);
    bool good = root != NULL && read_wish(root, &err, &wish) == 0;
    if (good) {
        struct api_view view;
        char by[HOLD_BY_MAX + 1];
        api_look(context, &view);
        api_name_operator(request, by);
        hold_set(ret_hold, wish.reason, by, wish.deadline_ms, wish.expires_ms, &view.now);
    } else {
        api_refuse(reply, 400, "bad_body", "%s", err.text);
    }
    json_decref(root);
    return good;
}

void api_drain(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    struct error err;
    struct drain_wish wish = {.reason = "", .deadline_ms = context->config->drain.deadline_ms};
    if (!has_server(context, reply)) {
        return;
    }
    json_t *root = read_object(request->body, &err);
    if (root == NULL || read_wish(root, &err, &wish) < 0) {
        api_refuse(reply, 400, "bad_body", "%s", err.text);
    } else {
        char by[HOLD_BY_MAX + 1];
        api_name_operator(request, by);
        context->ops->drain(context->agent, wish.reason, by, wish.deadline_ms, wish.expires_ms);
        emit_hold(context, reply);
    }
    json_decref(root);
}

bool api_read_nothing(const struct api_request *request, struct api_reply *reply)
{
    struct error err;
    json_t *root = read_object(request->body, &err);
    bool good = root != NULL && json_object_size(root) == 0;
    if (root == NULL) {
        api_refuse(reply, 400, "bad_body", "%s", err.text);
    } else if (!good) {
        api_refuse(reply, 400, "bad_body", "unknown member `%.64s`: undrain takes none",
                   json_object_iter_key(json_object_iter(root)));
    }
    json_decref(root);
    return good;
}

void api_undrain(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    if (has_server(context, reply) && api_read_nothing(request, reply)) {
        char by[HOLD_BY_MAX + 1];
        api_name_operator(request, by);
        context->ops->undrain(context->agent, by);
        emit_hold(context, reply);
    }
}
