/* Many keys removed as they were previewed: POST /api/keys/delete-prefix (docs/http-api.md, "Keys"). */
#include "keys_internal.h"

#include "outrider/api/common/attempt.h"
#include "outrider/api/common/body.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/keys/key_removal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 60000 };

struct removing {
    struct api_context *context;
    struct api_deferred *deferred;
    bool preview;
    char plan[KEY_PLAN_SIZE];
    struct key_scope scope;
    struct key_removal removal;
    struct buf prefix;
};

static void free_removing(void *state)
{
    struct removing *removing = state;
    key_removal_fini(&removing->removal);
    key_scope_fini(&removing->scope);
    buf_fini(&removing->prefix);
    free(removing);
}

/* ---- the answer ---- */

static void write_done(const struct removing *removing, struct api_reply *reply)
{
    const struct key_removal *removal = &removing->removal;
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_string(&json, "prefix", buf_view(&removing->prefix));
    json_member_uint(&json, "count", removal->count);
    json_member_text(&json, "plan", removal->plan);
    if (!removing->preview) {
        json_member_uint(&json, "removed", removal->removed);
    }
    json_write_object_end(&json);
}

static void write_failed(const struct key_removal *removal, const struct registry_reply *failed,
                         struct api_reply *reply)
{
    char undone[80], in_doubt[128];
    snprintf(undone, sizeof(undone), "%zu of %zu keys were removed", removal->removed, removal->count);
    snprintf(in_doubt, sizeof(in_doubt), "%zu of %zu keys were removed, and maybe %zu more", removal->removed,
             removal->count, removal->batch);
    keys_refuse_failed(reply, failed, removal->removed > 0 ? undone : "no key was removed",
                       removal->batch > 0 ? in_doubt : "no key was removed");
}

static void write_result(const struct removing *removing, const struct registry_reply *last,
                         struct api_reply *reply)
{
    const struct key_removal *removal = &removing->removal;
    switch (removal->result) {
    case KEY_REMOVAL_COUNTED:
    case KEY_REMOVAL_REMOVED: write_done(removing, reply); break;
    case KEY_REMOVAL_REPLACED:
        keys_refuse_with(reply, 409, "plan_changed", "count", (int64_t)removal->count,
                         "keys changed since the preview, nothing was removed: preview again (%zu keys now)",
                         removal->count);
        break;
    case KEY_REMOVAL_CHANGED:
        keys_refuse_with(reply, 409, "plan_changed", "removed", (int64_t)removal->removed,
                         "keys changed meanwhile, %zu of %zu were removed: preview again", removal->removed,
                         removal->count);
        break;
    case KEY_REMOVAL_TOO_MANY:
        api_refuse(reply, 413, "too_many_keys", "more than %d keys: take longer prefixes", KEY_REMOVAL_MAX);
        break;
    case KEY_REMOVAL_FAILED: write_failed(removal, last, reply); break;
    }
}

/* ---- the requests ---- */

static void ask(struct removing *removing);

/* A preview changes nothing, and says what it found. */
static void tell(const struct removing *removing)
{
    const struct key_removal *removal = &removing->removal;
    struct api_attempt *attempt = api_deferred_attempt(removing->deferred);
    struct buf text = {0};
    buf_printf(&text, "%zu keys", removal->count);
    if (removal->result != KEY_REMOVAL_FAILED || removal->removed > 0) {
        api_attempt_tell(attempt, AUDIT_BEFORE, buf_view(&text));
    }
    buf_clear(&text);
    if (removing->preview) {
        buf_str(&text, STR("as before, this was a preview"));
    } else {
        buf_printf(&text, "%zu of them removed", removal->removed);
    }
    if (removing->preview || removal->removed > 0) {
        api_attempt_tell(attempt, AUDIT_AFTER, buf_view(&text));
    }
    buf_fini(&text);
}

static void on_reply(const struct registry_reply *reply, unsigned can, void *user)
{
    struct removing *removing = user;
    key_removal_step(&removing->removal, reply, can);
    if (removing->removal.state != KEY_REMOVAL_ENDED) {
        ask(removing);
        return;
    }
    struct api_reply answer = {0};
    write_result(removing, reply, &answer);
    tell(removing);
    api_deferred_answer(removing->deferred, &answer);
}

static void ask(struct removing *removing)
{
    struct registry_request request;
    struct api_context *context = removing->context;
    key_removal_ask(&removing->removal, &request);
    if (!context->ops->key(context->agent, &request, on_reply, removing)) {
        api_deferred_busy(removing->deferred, "too many requests for keys are under way");
    }
}

static void begin(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct removing *removing = state;
    removing->context = call->context;
    removing->deferred = deferred;
    keys_tell_name(api_deferred_attempt(deferred), buf_view(&removing->prefix));
    key_removal_init(&removing->removal, &removing->scope, buf_view(&removing->prefix),
                     str_of(removing->plan));
    ask(removing);
}

/* ---- what is asked ---- */

static int take_parameter(struct str name, struct str value, void *user, struct error *err)
{
    struct removing *removing = user;
    if (!str_eq(name, STR("preview"))) {
        return error_set(err, ERROR_NOT_FOUND, "unknown parameter `%.*s`",
                         name.size < 64 ? (int)name.size : 64, name.data);
    }
    if (value.size > 0 && !str_eq(value, STR("true")) && !str_eq(value, STR("false"))) {
        return error_set(err, ERROR_INVALID, "`preview` is true or false");
    }
    removing->preview = !str_eq(value, STR("false"));
    return 0;
}

static int take_member(void *user, const char *name, const json_t *value, struct error *err)
{
    struct removing *removing = user;
    bool plan = strcmp(name, "plan") == 0;
    if (!plan && strcmp(name, "prefix") != 0) {
        return API_MEMBER_UNKNOWN;
    }
    if (!json_is_string(value) || json_string_length(value) == 0 ||
        (plan && json_string_length(value) >= sizeof(removing->plan))) {
        return error_set(err, ERROR_INVALID,
                         plan ? "`plan` is the one of the preview" : "`prefix` must be a string, not empty");
    }
    if (plan) {
        memcpy(removing->plan, json_string_value(value), json_string_length(value) + 1);
    } else {
        buf_str(&removing->prefix, (struct str){json_string_value(value), json_string_length(value)});
    }
    return 0;
}

static bool read_body(const struct api_call *call, struct removing *removing, struct api_reply *reply)
{
    json_t *body = api_body_read(call, "delete-prefix takes prefix and plan", take_member, removing, reply);
    if (body == NULL) {
        return false;
    }
    json_decref(body);
    if (removing->prefix.size == 0) {
        api_refuse(reply, 400, "bad_body", "`prefix` is required");
    } else if (removing->preview && removing->plan[0] != '\0') {
        api_refuse(reply, 400, "bad_body", "a preview makes the plan, and takes none");
    } else if (!removing->preview && removing->plan[0] == '\0') {
        api_refuse(reply, 428, "plan_required", "ask with ?preview first, and send its `plan`");
    } else {
        return true;
    }
    return false;
}

static bool allow(const struct removing *removing, struct api_reply *reply)
{
    struct str prefix = buf_view(&removing->prefix);
    if (!keys_allow(&removing->scope, prefix, reply) || !keys_allow_change(&removing->scope, prefix, reply)) {
        return false;
    }
    if (key_scope_keeps_some(&removing->scope, prefix)) {
        api_refuse(reply, 403, "read_only",
                   "the prefix covers %s, the audit, which is only shown: take longer prefixes",
                   buf_text(&removing->scope.kept));
        return false;
    }
    return true;
}

void api_keys_remove(struct api_call *call, struct api_reply *reply)
{
    struct removing *removing = mem_zalloc(sizeof(*removing));
    if (keys_open(call, &removing->scope, reply) &&
        api_take_parameters(call, take_parameter, removing, reply) && read_body(call, removing, reply) &&
        allow(removing, reply)) {
        reply->turn = API_DEFERRED;
        reply->deferral = (struct api_deferral){.begin = begin,
                                                .state = removing,
                                                .free_state = free_removing,
                                                .timeout_ms = TIMEOUT_MS,
                                                .in_doubt = "it is not known how many keys were removed"};
    } else {
        free_removing(removing);
    }
}
