/* /api/drains: operations on waves of servers (docs/design/protocol.md, "Waves"). */
#include "drains_internal.h"

#include "outrider/api/common/attempt.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/wave/wave_json.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/registry/mirror.h"
#include "outrider/core/wave/wave_fleet.h"
#include "outrider/core/wave/wave_wait.h"
#include "outrider/os/entropy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An order is written again where others changed the operation meanwhile. */
enum { TIMEOUT_REQUESTS = 10, ACTIVE_MAX = 16 };

/* ---- what is needed ---- */

/* Waits for the first listing of the operations. False with `reply` made an error, or waiting. */
static bool need_waves(struct api_call *call, struct api_reply *reply)
{
    const struct api_waves *waves = &call->view.waves;
    if (!waves->present) {
        api_refuse(
            reply, 404, "no_drains",
            "this agent follows no drains of many servers: ask an observer that has a view of the fleet");
        return false;
    }
    if (waves->mirror->known) {
        return true;
    }
    if (call->context->impatient || waves->mirror->last_error[0] != '\0') {
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 503, "registry_away", "the drains are not known yet: %s",
                   waves->mirror->last_error[0] == '\0' ? "the registry has not answered"
                                                        : waves->mirror->last_error);
        return false;
    }
    reply->turn = API_DEFERRED;
    reply->deferral = (struct api_deferral){.timeout_ms = call->view.config->registry.request_timeout_ms};
    return false;
}

static const struct wave *look_up(const struct api_call *call)
{
    const struct api_waves *waves = &call->view.waves;
    for (size_t i = 0; i < waves->count; i++) {
        if (str_eq(str_of(waves->list[i]->id), call->request.id)) {
            return waves->list[i];
        }
    }
    return NULL;
}

static const struct wave *find(const struct api_call *call, struct api_reply *reply)
{
    const struct wave *wave = look_up(call);
    struct str id = call->request.id;
    if (wave != NULL) {
        return wave;
    }
    api_refuse(reply, 404, "no_such_drain", "there is no drain %.*s, see /api/drains",
               id.size < 64 ? (int)id.size : 64, id.data);
    return NULL;
}

/* ---- GET ---- */

void api_drains(struct api_call *call, struct api_reply *reply)
{
    const struct api_waves *waves = &call->view.waves;
    if (!need_waves(call, reply)) {
        return;
    }
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_array(&json, "drains");
    for (size_t i = waves->count; i > 0; i--) { /* the newest first */
        struct buf text = {0};
        wave_encode(waves->list[i - 1], WAVE_JSON_BRIEF, &text);
        json_write_raw(&json, buf_view(&text));
        buf_fini(&text);
    }
    json_write_array_end(&json);
    json_member_uint(&json, "unreadable", waves->unreadable);
    json_member_bool(&json, "stale", !waves->mirror->synced);
    json_member_bool(&json, "drives", waves->leads);
    json_write_object_end(&json);
}

void api_drains_one(struct api_call *call, struct api_reply *reply)
{
    const struct wave *wave = need_waves(call, reply) ? find(call, reply) : NULL;
    if (wave == NULL) {
        return;
    }
    const struct view *view = call->view.fleet.view;
    struct wave_fleet fleet = {.count = 0};
    struct wave_wait wait;
    bool known = view != NULL && view_facts(view)->synced;
    if (known) {
        fleet.servers = wave_fleet_read(view, call->view.seats.seats, &fleet.count);
    }
    wave_waits(wave, known ? &fleet : NULL, &call->view.now, &wait);
    wave_encode_waiting(&wait, api_json(reply));
    free(fleet.servers);
}

/* ---- orders ---- */

struct ordered {
    enum wave_order order;
    struct wave wave; /* of a new one; else its id alone */
    struct api_deferred *deferred;
};

static void free_ordered(void *state)
{
    struct ordered *ordered = state;
    wave_fini(&ordered->wave);
    free(ordered);
}

static void refuse_failed(const struct api_waved *result, struct api_reply *reply)
{
    if (result->failure == REGISTRY_DENIED) {
        api_refuse(reply, 502, "registry_denied",
                   "the observer that was asked may not write drains: its user in the registry needs the "
                   "role `operator` of "
                   "docs/etcd-roles: %.*s",
                   STR_ARG(result->error));
        return;
    }
    reply->header = API_RETRY_SOON;
    api_refuse(reply, 503, "registry_away", "%s: %.*s",
               result->failure == REGISTRY_UNKNOWN ? "it is not known whether it was written"
                                                   : "it was not written",
               STR_ARG(result->error));
}

static void on_waved(const struct api_waved *result, void *user)
{
    struct ordered *ordered = user;
    struct api_reply reply = {0};
    struct api_attempt *attempt = api_deferred_attempt(ordered->deferred);
    api_attempt_tell(attempt, AUDIT_TARGET,
                     str_of(result->wave != NULL ? result->wave->id : ordered->wave.id));
    if (result->wave != NULL) {
        api_attempt_tell(attempt, AUDIT_AFTER, str_of(wave_state_name(result->wave->state)));
    }
    switch (result->outcome) {
    case API_WAVE_WRITTEN:
    case API_WAVE_SO_ALREADY:
        if (result->wave != NULL) {
            wave_encode(result->wave, WAVE_JSON_SHOWN, api_json(&reply));
        } else {
            wave_encode(&ordered->wave, WAVE_JSON_SHOWN, api_json(&reply)); /* it is behind */
        }
        break;
    case API_WAVE_UNKNOWN_ID:
        api_refuse(&reply, 404, "no_such_drain", "the drain %s is not there any more", ordered->wave.id);
        break;
    case API_WAVE_NOT_NOW:
        api_refuse(&reply, 409, "drain_state", "the drain is %s, which does not allow that",
                   result->wave == NULL ? "gone" : wave_state_name(result->wave->state));
        break;
    case API_WAVE_CONFLICT:
        reply.header = API_RETRY_SOON;
        api_refuse(&reply, 409, "conflict", "others keep changing this drain; try again");
        break;
    case API_WAVE_FAILED: refuse_failed(result, &reply); break;
    }
    api_deferred_answer(ordered->deferred, &reply);
}

static void begin_order(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct ordered *ordered = state;
    struct api_context *context = call->context;
    char id[ULID_LENGTH + 1];
    ordered->deferred = deferred;
    memcpy(id, ordered->wave.id, sizeof(id));
    if (!context->ops->wave_order(context->agent, str_of(id), ordered->order, on_waved, ordered)) {
        api_deferred_busy(deferred, "too many drains are being changed already");
    }
}

static void begin_create(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct ordered *ordered = state;
    struct api_context *context = call->context;
    ordered->deferred = deferred;
    if (!context->ops->wave_create(context->agent, &ordered->wave, on_waved, ordered)) {
        api_deferred_busy(deferred, "too many drains are being changed already");
    }
}

static void defer(const struct api_call *call, struct ordered *ordered, bool creates, struct api_reply *reply)
{
    reply->turn = API_DEFERRED;
    reply->deferral =
        (struct api_deferral){.begin = creates ? begin_create : begin_order,
                              .state = ordered,
                              .free_state = free_ordered,
                              .timeout_ms = call->view.config->registry.request_timeout_ms * TIMEOUT_REQUESTS,
                              .in_doubt = "it is not known whether it was written"};
}

static void order(struct api_call *call, enum wave_order what, struct api_reply *reply)
{
    if (!need_waves(call, reply)) {
        return;
    }
    struct ordered *ordered = mem_zalloc(sizeof(*ordered));
    if (what == WAVE_UNDO && look_up(call) == NULL && drains_find_lost(call, &ordered->wave)) {
        api_attempt_tell(call->attempt, AUDIT_BEFORE, STR("lost by the registry"));
        defer(call, ordered, true, reply);
        return;
    }
    const struct wave *wave = find(call, reply);
    if (wave == NULL) {
        free(ordered);
        return;
    }
    api_attempt_tell(call->attempt, AUDIT_BEFORE, str_of(wave_state_name(wave->state)));
    ordered->order = what;
    memcpy(ordered->wave.id, wave->id, sizeof(wave->id));
    defer(call, ordered, false, reply);
}

void api_drains_pause(struct api_call *call, struct api_reply *reply)
{
    order(call, WAVE_PAUSE, reply);
}

void api_drains_resume(struct api_call *call, struct api_reply *reply)
{
    order(call, WAVE_RESUME, reply);
}

void api_drains_cancel(struct api_call *call, struct api_reply *reply)
{
    order(call, WAVE_CANCEL, reply);
}

void api_drains_undo(struct api_call *call, struct api_reply *reply)
{
    order(call, WAVE_UNDO, reply);
}

/* ---- POST /api/drains ---- */

static int take_preview(struct str name, struct str value, void *user, struct error *err)
{
    bool *preview = user;
    if (!str_eq(name, STR("preview"))) {
        return error_set(err, ERROR_NOT_FOUND, "unknown parameter `%.*s`: this path takes preview",
                         (int)(name.size < 64 ? name.size : 64), name.data);
    }
    *preview = str_eq(value, STR("true"));
    return *preview || str_eq(value, STR("false"))
               ? 0
               : error_set(err, ERROR_INVALID, "preview: want true or false");
}

/* What has that key of this operator already. */
static const struct wave *find_key(const struct api_call *call, const struct drains_body *body)
{
    const struct api_waves *waves = &call->view.waves;
    struct str key = call->request.idempotency_key;
    for (size_t i = 0; i < waves->count && key.size > 0; i++) {
        if (str_eq(str_of(waves->list[i]->key), key) && strcmp(waves->list[i]->by, body->by) == 0) {
            return waves->list[i];
        }
    }
    return NULL;
}

static void write_plan(const struct wave_plan *plan, const struct drains_body *body, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    wave_plan_members(&json, plan);
    json_member_uint(&json, "freeSeats", body->spec.free_seats);
    json_write_object_end(&json);
}

/* The confirmed plan is another one: says what is now, for the client to show the difference to what it confirmed. */
static void refuse_changed(const struct api_call *call, const struct wave_plan *plan,
                           const struct drains_body *body, struct api_reply *reply)
{
    struct buf text = {0};
    write_plan(plan, body, &text);
    struct json_writer json = {.out = api_json(reply)};
    reply->status = 409;
    json_write_object(&json);
    json_member_object(&json, "error");
    json_member_text(&json, "code", "plan_changed");
    json_member_text(&json, "message",
                     body->plan_hash[0] == '\0'
                         ? "planHash is missing: ask for a preview and send its planHash"
                         : "the fleet is not what the preview showed: `plan` is what would happen now");
    json_write_object_end(&json);
    drains_write_difference(call->context->plans, body->plan_hash, plan, &json);
    json_write_key(&json, "plan");
    json_write_raw(&json, buf_view(&text));
    json_write_object_end(&json);
    buf_fini(&text);
}

static void create(const struct api_call *call, const struct drains_body *body, const struct wave_plan *plan,
                   struct api_reply *reply)
{
    uint8_t bytes[10];
    struct ordered *ordered = mem_zalloc(sizeof(*ordered));
    struct wave *wave = &ordered->wave;
    entropy_fill(bytes, sizeof(bytes));
    *wave = (struct wave){.spec = body->spec,
                          .state = WAVE_PLANNED,
                          .created_wall = call->view.now.wall,
                          .changed_wall = call->view.now.wall};
    snprintf(wave->by, sizeof(wave->by), "%s", body->by);
    snprintf(wave->key, sizeof(wave->key), "%.*s", STR_ARG(call->request.idempotency_key));
    snprintf(wave->plan_hash, sizeof(wave->plan_hash), "%s", plan->hash);
    wave_identify(wave, bytes);
    for (size_t i = 0; i < plan->count; i++) {
        wave_add(wave, plan->servers[i].seen->place);
    }
    defer(call, ordered, true, reply);
}

static void handle(struct api_call *call, const struct drains_body *body, bool preview,
                   struct api_reply *reply)
{
    struct wave_plan plan;
    struct wave_seen *servers;
    const struct wave *before = preview ? NULL : find_key(call, body);
    api_attempt_tell(call->attempt, AUDIT_REASON, str_of(body->spec.reason));
    if (before != NULL) {
        wave_encode(before, WAVE_JSON_SHOWN, api_json(reply));
        return;
    }
    if (!drains_plan(call, body, &servers, &plan, reply)) {
        return;
    }
    if (preview) {
        drains_keep_plan(call->context->plans, &plan);
        write_plan(&plan, body, api_json(reply));
    } else if (strcmp(plan.hash, body->plan_hash) != 0) {
        refuse_changed(call, &plan, body, reply);
    } else if (call->view.waves.active >= ACTIVE_MAX) {
        api_refuse(reply, 409, "too_many_drains", "%d drains are under way already: cancel or undo one",
                   ACTIVE_MAX);
    } else {
        create(call, body, &plan, reply);
    }
    wave_plan_fini(&plan);
    free(servers);
}

void api_drains_post(struct api_call *call, struct api_reply *reply)
{
    struct drains_body body;
    bool preview = false;
    struct str key = call->request.idempotency_key;
    if (!api_take_parameters(call, take_preview, &preview, reply)) {
        return;
    }
    if (preview) { /* which changes nothing */
        api_attempt_free(call->attempt);
        call->attempt = NULL;
    }
    if (key.size > WAVE_KEY_MAX || str_has_control(key) || !str_is_utf8(key)) {
        api_refuse(reply, 400, "bad_header", "Idempotency-Key: want one line of at most %d bytes",
                   WAVE_KEY_MAX);
        return;
    }
    if (need_waves(call, reply) && drains_read_body(call, &body, reply)) {
        if (api_need_fleet(call, reply)) {
            handle(call, &body, preview, reply);
        }
        drains_body_fini(&body);
    }
}
