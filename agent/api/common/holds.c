#include "outrider/api/common/holds.h"

#include "outrider/api/common/attempt.h"
#include "outrider/api/common/body.h"
#include "outrider/api/common/context.h"
#include "outrider/base/brief.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/os/log.h"

#include <stdio.h>
#include <string.h>

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
    json_member_text_if(json, "operation", hold->operation[0] == '\0' ? NULL : hold->operation);
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

static int take_by(void *user, const char *name, const json_t *value, struct error *err)
{
    struct api_drain *drain = user;
    return strcmp(name, "by") == 0 ? json_read_line(value, name, HOLD_BY_MAX, err, drain->by)
                                   : API_MEMBER_UNKNOWN;
}

static int take_own(void *user, const char *name, const json_t *value, struct error *err)
{
    struct api_drain *drain = user;
    if (strcmp(name, "flapping") != 0) {
        return take_by(user, name, value, err);
    }
    drain->flapping = json_is_true(value);
    return json_is_boolean(value) ? 0 : error_set(err, ERROR_INVALID, "flapping: want true or false");
}

static int take_member(void *user, const char *name, const json_t *value, struct error *err)
{
    struct api_drain *drain = user;
    if (strcmp(name, "reason") == 0) {
        return json_read_line(value, name, HOLD_REASON_MAX, err, drain->reason);
    }
    if (strcmp(name, "deadline") == 0) {
        return read_span(value, name, err, &drain->deadline_ms);
    }
    if (strcmp(name, "expires") == 0) {
        return read_span(value, name, err, &drain->expires_ms);
    }
    return take_by(user, name, value, err);
}

/* The peer, where the body names no operator: without the pid and the port, which mean nothing later. */
static void name_peer(const struct api_request *request, char ret_by[static HOLD_BY_MAX + 1])
{
    struct str peer = str_of(request->who.from);
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

/* A name of the access file stands for itself; what the request says beside it comes behind. */
static void name_operator(const struct access_identity *who, char by[static HOLD_BY_MAX + 1])
{
    bool alone = by[0] == '\0' || strcmp(by, who->name) == 0;
    brief_format(by, HOLD_BY_MAX + 1, alone ? "%s" : "%s (%s)", who->name, by);
}

static bool read_request(const struct api_call *call, const char *takes, api_member_fn *take,
                         struct api_reply *reply, struct api_drain *drain)
{
    json_t *body = api_body_read(call, takes, take, drain, reply);
    if (body == NULL) {
        return false;
    }
    json_decref(body);
    const struct access_identity *who = &call->request.who;
    if (who->proof > ACCESS_SOCKET && strcmp(who->name, "token") != 0) {
        name_operator(who, drain->by);
    } else if (drain->by[0] == '\0') {
        name_peer(&call->request, drain->by);
    } else {
        /* The request may give any name. */
        log_info("http", "operator named by the request", LOG_RATE(LOG_MANY), LOG_TEXT("by", drain->by),
                 LOG_TEXT("peer", call->request.who.from));
    }
    return true;
}

bool api_read_drain(const struct api_call *call, struct api_reply *reply, struct api_drain *ret_drain)
{
    *ret_drain = (struct api_drain){.deadline_ms = call->context->config->drain.deadline_ms};
    bool read =
        read_request(call, "drain takes reason, by, deadline and expires", take_member, reply, ret_drain);
    api_attempt_tell(call->attempt, AUDIT_REASON, str_of(ret_drain->reason));
    return read;
}

bool api_read_undrain(const struct api_call *call, struct api_reply *reply, struct api_drain *ret_undrain)
{
    *ret_undrain = (struct api_drain){0};
    return read_request(call, "undrain takes by", take_by, reply, ret_undrain);
}

bool api_read_own_undrain(const struct api_call *call, struct api_reply *reply, struct api_drain *ret_undrain)
{
    *ret_undrain = (struct api_drain){0};
    return read_request(call, "undrain takes by and flapping", take_own, reply, ret_undrain);
}
