#include "outrider/api/common/holds.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/os/log.h"

#include <jansson.h>
#include <stdio.h>

/* The ms until `until_mono`; -1 for a time that never comes. */
static int64_t left(int64_t until_mono, const struct instant *now)
{
    int64_t ms = until_mono > now->mono ? until_mono - now->mono : 0;
    return until_mono == NEVER_MS ? -1 : ms;
}

void api_write_hold(struct json_writer *json, enum hold_kind kind, const struct hold *hold,
                    const struct instant *now)
{
    if (!hold->set) {
        json_write_null(json);
        return;
    }
    json_write_object(json);
    json_member_text(json, "kind", hold_name(kind));
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

/* ---- bodies ---- */

static int read_span(const json_t *value, const char *name, struct error *err, int64_t *ret_ms)
{
    const char *text = json_string_value(value);
    if (text == NULL || duration_parse(str_of(text), ret_ms) < 0) {
        return error_set(err, ERROR_INVALID, "%s: must be a duration such as \"90s\", \"30m\" or \"2h\"",
                         name);
    }
    return 0;
}

/* One line of at most `max` bytes; `ret_text` has room for it and the NUL. */
static int read_line(const json_t *value, const char *name, size_t max, struct error *err, char *ret_text)
{
    if (!json_is_string(value)) {
        return error_set(err, ERROR_INVALID, "%s: must be a string", name);
    }
    if (json_string_length(value) > max) {
        return error_set(err, ERROR_LIMIT, "%s: longer than %zu bytes", name, max);
    }
    if (str_has_control(str_of(json_string_value(value)))) {
        return error_set(err, ERROR_INVALID, "%s: control characters are not allowed", name);
    }
    snprintf(ret_text, max + 1, "%s", json_string_value(value));
    return 0;
}

static int read_member(const char *name, const json_t *value, bool drains, struct error *err,
                       struct api_drain *drain)
{
    if (strcmp(name, "by") == 0) {
        return read_line(value, name, HOLD_BY_MAX, err, drain->by);
    }
    if (!drains) {
        return error_set(err, ERROR_INVALID, "unknown member `%.64s`: undrain takes by", name);
    }
    if (strcmp(name, "reason") == 0) {
        return read_line(value, name, HOLD_REASON_MAX, err, drain->reason);
    }
    if (strcmp(name, "deadline") == 0) {
        return read_span(value, name, err, &drain->deadline_ms);
    }
    if (strcmp(name, "expires") == 0) {
        return read_span(value, name, err, &drain->expires_ms);
    }
    return error_set(err, ERROR_INVALID,
                     "unknown member `%.64s`: drain takes reason, by, deadline and expires", name);
}

/* Reads a JSON object, the body of a drain or of an undrain. An empty body is an object without members. */
static int read_body(struct str body, bool drains, struct error *err, struct api_drain *drain)
{
    json_error_t where;
    body = str_skip_bom(body);
    bool empty = str_trim(body).size == 0;
    json_t *root = empty ? json_object() : json_loadb(body.data, body.size, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL) {
        return error_set(err, ERROR_INVALID, "the body is not JSON: line %d, column %d: %s", where.line,
                         where.column, where.text);
    }
    int rc = json_is_object(root) ? 0 : error_set(err, ERROR_INVALID, "the body must be a JSON object");
    for (void *at = json_object_iter(root); at != NULL && rc == 0; at = json_object_iter_next(root, at)) {
        rc = read_member(json_object_iter_key(at), json_object_iter_value(at), drains, err, drain);
    }
    json_decref(root);
    return rc;
}

/* The peer, where the body names no operator: without the pid and the port, which mean nothing later. */
static void name_peer(const struct api_request *request, char ret_by[static HOLD_BY_MAX + 1])
{
    struct str peer = request->peer;
    const char *cut = peer.size == 0 ? NULL : memmem(peer.data, peer.size, "uid ", 4);
    if (request->is_unix) {
        size_t before = cut == NULL ? 0 : (size_t)(cut - peer.data);
        peer = (struct str){peer.data + before, peer.size - before};
    } else {
        const char *colon = peer.size == 0 ? NULL : memrchr(peer.data, ':', peer.size);
        peer.size = colon == NULL ? peer.size : (size_t)(colon - peer.data);
    }
    snprintf(ret_by, HOLD_BY_MAX + 1, "API, %.*s", STR_ARG(peer));
}

static bool read_request(const struct api_call *call, bool drains, struct api_reply *reply,
                         struct api_drain *drain)
{
    struct error err;
    if (read_body(call->request.body, drains, &err, drain) < 0) {
        api_refuse(reply, 400, "bad_body", "%s", err.text);
        return false;
    }
    if (drain->by[0] == '\0') {
        name_peer(&call->request, drain->by);
    } else {
        /* The request may give any name. */
        log_info("http", "operator named by the request", LOG_RATE(LOG_MANY), LOG_TEXT("by", drain->by),
                 LOG_STR("peer", call->request.peer));
    }
    return true;
}

bool api_read_drain(const struct api_call *call, struct api_reply *reply, struct api_drain *ret_drain)
{
    *ret_drain = (struct api_drain){.deadline_ms = call->context->config->drain.deadline_ms};
    return read_request(call, true, reply, ret_drain);
}

bool api_read_undrain(const struct api_call *call, struct api_reply *reply, struct api_drain *ret_undrain)
{
    *ret_undrain = (struct api_drain){0};
    return read_request(call, false, reply, ret_undrain);
}
