#include "keys_internal.h"

#include "outrider/api/common/attempt.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/base64.h"
#include "outrider/base/brief.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"

#include <stdarg.h>

bool keys_open(const struct api_call *call, struct key_scope *ret_scope, struct api_reply *reply)
{
    const struct config *config = call->context->config;
    enum config_http_keys keys = config->http.keys;
    key_scope_init(ret_scope, keys == CONFIG_KEYS_ALL, config->registry.prefix,
                   config->registry.control_prefix);
    if (keys == CONFIG_KEYS_OFF) {
        api_refuse(reply, 404, "keys_off",
                   "this agent shows no keys, as its http.keys is false: set it to own or all");
    }
    return keys != CONFIG_KEYS_OFF;
}

bool keys_allow(const struct key_scope *scope, struct str text, struct api_reply *reply)
{
    if (key_scope_covers(scope, text)) {
        return true;
    }
    api_refuse(reply, 403, "key_outside", "http.keys is own: only keys that begin with %s or %s are shown",
               buf_text(&scope->roots[0]), buf_text(&scope->roots[1]));
    return false;
}

bool keys_allow_change(const struct key_scope *scope, struct str key, struct api_reply *reply)
{
    if (!key_scope_keeps(scope, key)) {
        return true;
    }
    api_refuse(reply, 403, "read_only", "keys below %s are the audit: they are only shown",
               buf_text(&scope->kept));
    return false;
}

bool keys_name(const struct api_call *call, const struct key_scope *scope, struct buf *ret_key,
               struct api_reply *reply)
{
    *ret_key = (struct buf){0};
    if (base64url_decode(call->request.id, ret_key) < 0) {
        api_refuse(reply, 400, "bad_parameter",
                   "the name of a key in a path is its bytes in base64url without padding, as `id` has it");
        return false;
    }
    return keys_allow(scope, buf_view(ret_key), reply);
}

void keys_tell_name(struct api_attempt *attempt, struct str key)
{
    if (attempt != NULL && str_is_utf8(key)) { /* else the name of the path stands */
        api_attempt_tell(attempt, AUDIT_TARGET, key);
    }
}

void keys_tell_value(const struct api_context *context, struct api_attempt *attempt, enum audit_text which,
                     struct str key, const struct str *value)
{
    struct key_scope own;
    struct buf size = {0};
    if (attempt == NULL) {
        return;
    }
    if (value == NULL) {
        api_attempt_tell(attempt, which, STR("no such key"));
        return;
    }
    key_scope_init(&own, false, context->config->registry.prefix, context->config->registry.control_prefix);
    bool shown = key_scope_covers(&own, key) && value->size > 0 && str_is_utf8(*value);
    buf_printf(&size, "%zu bytes", value->size);
    api_attempt_tell(attempt, which, shown ? *value : buf_view(&size));
    buf_fini(&size);
    key_scope_fini(&own);
}

void keys_write_name(struct json_writer *json, struct str key)
{
    struct buf id = {0};
    base64url_encode(key, &id);
    if (str_is_utf8(key)) {
        json_member_string(json, "key", key);
    }
    json_member_string(json, "id", buf_view(&id));
    buf_fini(&id);
}

void keys_write_facts(struct json_writer *json, const struct registry_item *item)
{
    char lease[REGISTRY_LEASE_TEXT_SIZE];
    keys_write_name(json, item->key);
    json_member_uint(json, "size", item->kv.value.size);
    json_member_int(json, "revision", item->kv.mod_revision);
    json_member_text(json, "lease",
                     registry_lease_is_none(item->kv.lease) ? NULL
                                                            : registry_lease_text(item->kv.lease, lease));
}

void keys_refuse_failed(struct api_reply *reply, const struct registry_reply *failed, const char *undone,
                        const char *in_doubt)
{
    const char *what = failed->failure == REGISTRY_UNKNOWN ? in_doubt : undone;
    if (failed->failure == REGISTRY_DENIED) {
        api_refuse(reply, 502, "registry_denied",
                   "%s: the user of this agent in the registry may not do that, see docs/etcd-roles: %.*s",
                   what, STR_ARG(failed->error));
    } else if (failed->failure == REGISTRY_REFUSED && !failed->revision_gone) {
        api_refuse(reply, 502, "registry_refused", "%s: %.*s", what, STR_ARG(failed->error));
    } else {
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 503, "registry_away", "%s: %.*s", what, STR_ARG(failed->error));
    }
}

void keys_refuse_with(struct api_reply *reply, int status, const char *code, const char *member,
                      int64_t number, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    brief_vformat(message, sizeof(message), format, args);
    va_end(args);
    struct json_writer json = {.out = api_json(reply)};
    reply->status = status;
    buf_clear(&reply->body);
    json_write_object(&json);
    json_member_object(&json, "error");
    json_member_text(&json, "code", code);
    json_member_text(&json, "message", message);
    json_write_object_end(&json);
    json_member_int(&json, member, number);
    json_write_object_end(&json);
}
