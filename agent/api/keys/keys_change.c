/* One key changed as it was read: PUT and DELETE /api/keys/{id} (docs/http-api.md, "Keys"). A key that is under a lease stays under it:
 * a record must not outlive its agent because its text was edited. */
#include "keys_internal.h"

#include "outrider/api/common/body.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/base64.h"
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGE_REQUESTS = 3 };

static const char not_changed[] = "the key was not changed";
static const char in_doubt[] = "it is not known whether the key was changed";

struct change {
    struct api_context *context;
    struct api_deferred *deferred;
    enum registry_op op; /* put or delete */
    struct buf key, value;
    int64_t expected; /* the revision of the key; 0: it must not exist */
};

static void free_change(void *state)
{
    struct change *change = state;
    buf_fini(&change->key);
    buf_fini(&change->value);
    free(change);
}

/* ---- the answer ---- */

static void write_changed(const struct change *change, int64_t revision, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    keys_write_name(&json, buf_view(&change->key));
    json_member_int(&json, "revision", revision);
    if (change->op == REGISTRY_DELETE) {
        json_member_bool(&json, "deleted", true);
    }
    json_write_object_end(&json);
}

/* `revision`: that of the key as it is; 0: there is none. */
static void refuse_mismatch(const struct change *change, int64_t revision, struct api_reply *reply)
{
    if (revision == 0) {
        keys_refuse_with(reply, 412, "revision_mismatch", "revision", 0,
                         "the registry has no such key: If-None-Match: * makes it");
    } else if (change->expected == 0) {
        keys_refuse_with(reply, 412, "revision_mismatch", "revision", revision,
                         "the key exists, at revision %" PRId64, revision);
    } else {
        keys_refuse_with(reply, 412, "revision_mismatch", "revision", revision,
                         "the key is at revision %" PRId64 " and not at %" PRId64 ": read it again", revision,
                         change->expected);
    }
}

/* What the key was, or is now; NULL: there is none. */
static void tell(const struct change *change, enum audit_text which, const struct str *value)
{
    keys_tell_value(change->context, api_deferred_attempt(change->deferred), which, buf_view(&change->key),
                    value);
}

static void tell_found(const struct change *change, const struct registry_kv *found)
{
    struct str value = found->value;
    tell(change, AUDIT_BEFORE, found->found ? &value : NULL);
}

static void on_written(const struct registry_reply *written, unsigned can, void *user)
{
    (void)can;
    struct change *change = user;
    struct api_reply reply = {0};
    struct str value = buf_view(&change->value);
    if (written->failure == REGISTRY_LEASE_LOST) { /* the key went with it */
        refuse_mismatch(change, 0, &reply);
    } else if (written->failure != REGISTRY_OK) {
        keys_refuse_failed(&reply, written, not_changed, in_doubt);
    } else if (written->succeeded) {
        if (change->expected == 0) {
            tell(change, AUDIT_BEFORE, NULL);
        }
        tell(change, AUDIT_AFTER, change->op == REGISTRY_PUT ? &value : NULL);
        write_changed(change, written->revision, &reply);
    } else {
        refuse_mismatch(change, written->kv.found ? written->kv.mod_revision : 0, &reply);
    }
    api_deferred_answer(change->deferred, &reply);
}

/* ---- the requests ---- */

static void write_key(struct change *change, struct registry_lease lease)
{
    struct api_context *context = change->context;
    struct registry_request request = {
        .op = change->op, .key = buf_view(&change->key), .expect_revision = change->expected};
    if (change->op == REGISTRY_PUT) {
        request.value = blob_new(buf_view(&change->value));
        request.lease = lease;
    }
    if (!context->ops->key(context->agent, &request, on_written, change)) {
        api_deferred_busy(change->deferred, "too many requests for keys are under way");
    }
    blob_unref(request.value);
}

/* What is there, for its lease and the audit. */
static void on_read(const struct registry_reply *found, unsigned can, void *user)
{
    (void)can;
    struct change *change = user;
    struct api_reply reply = {0};
    if (found->failure == REGISTRY_OK) {
        tell_found(change, &found->kv);
    }
    if (found->failure != REGISTRY_OK) {
        keys_refuse_failed(&reply, found, not_changed, not_changed);
    } else if (!found->kv.found || found->kv.mod_revision != change->expected) {
        refuse_mismatch(change, found->kv.found ? found->kv.mod_revision : 0, &reply);
    } else {
        write_key(change, found->kv.lease);
        return;
    }
    api_deferred_answer(change->deferred, &reply);
}

static void begin(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct change *change = state;
    struct api_context *context = call->context;
    change->context = context;
    change->deferred = deferred;
    keys_tell_name(api_deferred_attempt(deferred), buf_view(&change->key));
    if (change->expected == 0) {
        write_key(change, (struct registry_lease){0});
        return;
    }
    const struct registry_request request = {.op = REGISTRY_GET, .key = buf_view(&change->key)};
    if (!context->ops->key(context->agent, &request, on_read, change)) {
        api_deferred_busy(deferred, "too many requests for keys are under way");
    }
}

/* ---- what is asked ---- */

/* `"17"` of If-Match. Returns 0, or -1. */
static int read_tag(struct str tag, int64_t *ret_revision)
{
    tag = str_trim(tag);
    if (tag.size < 3 || tag.data[0] != '"' || tag.data[tag.size - 1] != '"') {
        return -1;
    }
    return str_to_i64((struct str){tag.data + 1, tag.size - 2}, ret_revision) == 0 && *ret_revision > 0 &&
                   *ret_revision <= REGISTRY_REVISION_MAX
               ? 0
               : -1;
}

/* What the key must be like. */
static bool read_condition(const struct api_call *call, struct change *change, struct api_reply *reply)
{
    const struct api_request *request = &call->request;
    bool match = request->if_match.data != NULL, none = request->if_none_match.data != NULL;
    bool may_create = change->op == REGISTRY_PUT;
    if (!match && !none) {
        api_refuse(reply, 428, "condition_required",
                   may_create ? "send If-Match: \"REVISION\" of the key as it was read, or If-None-Match: * "
                                "for one that does not exist"
                              : "send If-Match: \"REVISION\" of the key as it was read");
        return false;
    }
    if (match && !none && read_tag(request->if_match, &change->expected) == 0) {
        return true;
    }
    if (!match && may_create && str_eq(str_trim(request->if_none_match), STR("*"))) {
        return true;
    }
    api_refuse(reply, 400, "bad_condition",
               may_create ? "the condition is one of If-Match: \"REVISION\" and If-None-Match: *"
                          : "the condition is If-Match: \"REVISION\"");
    return false;
}

struct given {
    struct buf *value;
    bool has;
};

static int take_member(void *user, const char *name, const json_t *value, struct error *err)
{
    struct given *given = user;
    bool encoded = strcmp(name, "valueBase64") == 0;
    if (!encoded && strcmp(name, "value") != 0) {
        return API_MEMBER_UNKNOWN;
    }
    if (given->has) {
        return error_set(err, ERROR_INVALID, "`value` and `valueBase64` exclude each other");
    }
    if (!json_is_string(value)) {
        return error_set(err, ERROR_INVALID, "`%s` must be a string", name);
    }
    struct str text = {json_string_value(value), json_string_length(value)};
    given->has = true;
    if (encoded) {
        return base64_decode(text, given->value) == 0
                   ? 0
                   : error_set(err, ERROR_INVALID, "`valueBase64` is not padded standard base64");
    }
    buf_str(given->value, text);
    return 0;
}

static bool read_value(const struct api_call *call, struct change *change, struct api_reply *reply)
{
    struct given given = {.value = &change->value};
    json_t *body = api_body_read(call, "a key takes value or valueBase64", take_member, &given, reply);
    if (body == NULL) {
        return false;
    }
    json_decref(body);
    if (!given.has) {
        api_refuse(reply, 400, "bad_body", "a key takes `value` or `valueBase64`");
    }
    return given.has;
}

static void defer(struct api_call *call, enum registry_op op, struct api_reply *reply)
{
    struct key_scope scope;
    struct change *change = mem_zalloc(sizeof(*change));
    change->op = op;
    if (keys_open(call, &scope, reply) && keys_name(call, &scope, &change->key, reply) &&
        keys_allow_change(&scope, buf_view(&change->key), reply) && read_condition(call, change, reply) &&
        (op == REGISTRY_DELETE || read_value(call, change, reply))) {
        reply->turn = API_DEFERRED;
        reply->deferral = (struct api_deferral){.begin = begin,
                                                .state = change,
                                                .free_state = free_change,
                                                .timeout_ms = CHANGE_REQUESTS *
                                                              call->view.config->registry.request_timeout_ms,
                                                .in_doubt = in_doubt};
    } else {
        free_change(change);
    }
    key_scope_fini(&scope);
}

void api_key_put(struct api_call *call, struct api_reply *reply)
{
    defer(call, REGISTRY_PUT, reply);
}

void api_key_delete(struct api_call *call, struct api_reply *reply)
{
    defer(call, REGISTRY_DELETE, reply);
}
