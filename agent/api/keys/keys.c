/* Keys of the registry as they are: GET /api/keys and GET /api/keys/{id} (docs/http-api.md, "Keys"). */
#include "keys_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/base64.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/keys/key_walk.h"

#include <stdlib.h>
#include <string.h>

/* A page of large values is asked again, for fewer keys. */
enum { LIST_TIMEOUT_MS = 30000, GET_TIMEOUT_MS = 12000 };

static const char not_read[] = "the keys were not read";

/* ---- a page of keys ---- */

struct listing {
    struct api_context *context;
    struct api_deferred *deferred;
    struct key_scope scope;
    struct key_walk walk;
    struct buf prefix, after, last; /* last: the key that was written last */
    size_t limit, written;
    struct api_reply reply;
    struct json_writer json;
};

static void free_listing(void *state)
{
    struct listing *listing = state;
    key_scope_fini(&listing->scope);
    key_walk_fini(&listing->walk);
    buf_fini(&listing->prefix);
    buf_fini(&listing->after);
    buf_fini(&listing->last);
    api_reply_fini(&listing->reply);
    free(listing);
}

/* What may be shown and changed, so that a reader need not try. */
static void write_scope(struct json_writer *json, const struct key_scope *scope)
{
    json_member_array(json, "roots");
    for (size_t i = 0; i < scope->root_count; i++) {
        json_write_string(json, buf_view(&scope->roots[i]));
    }
    json_write_array_end(json);
    json_member_string(json, "readOnly", buf_view(&scope->kept));
}

static void end_listing(struct listing *listing, bool more)
{
    struct buf next = {0};
    base64url_encode(buf_view(&listing->last), &next);
    json_write_array_end(&listing->json);
    json_member_int(&listing->json, "revision", listing->walk.revision);
    json_member_string_or_null(&listing->json, "next", more ? buf_view(&next) : STR(""));
    write_scope(&listing->json, &listing->scope);
    json_write_object_end(&listing->json);
    buf_fini(&next);
}

/* What one answer has of the page, and whether that leaves something of it over. */
static bool write_items(struct listing *listing, const struct registry_reply *reply)
{
    size_t room = listing->limit - listing->written;
    size_t count = reply->item_count < room ? reply->item_count : room;
    for (size_t i = 0; i < count; i++) {
        json_write_object(&listing->json);
        keys_write_facts(&listing->json, &reply->items[i]);
        json_write_object_end(&listing->json);
    }
    if (count > 0) {
        buf_clear(&listing->last);
        buf_str(&listing->last, reply->items[count - 1].key);
    }
    listing->written += count;
    return count < reply->item_count;
}

static void ask_page(struct listing *listing);

static void on_page(const struct registry_reply *reply, unsigned can, void *user)
{
    struct listing *listing = user;
    struct key_walk *walk = &listing->walk;
    key_walk_step(walk, reply, can);
    if (walk->state == KEY_WALK_FAILED) {
        keys_refuse_failed(&listing->reply, reply, not_read, not_read);
    } else {
        bool cut = reply->failure == REGISTRY_OK && write_items(listing, reply);
        bool more = cut || walk->state == KEY_WALK_ASKING;
        /* A page of large values has fewer keys: what it takes is bounded. */
        if (more && listing->written < listing->limit && !(walk->shrunk && listing->written > 0)) {
            ask_page(listing);
            return;
        }
        end_listing(listing, more);
    }
    api_deferred_answer(listing->deferred, &listing->reply);
}

static void ask_page(struct listing *listing)
{
    struct registry_request request;
    struct api_context *context = listing->context;
    key_walk_ask(&listing->walk, &request);
    if (!context->ops->key(context->agent, &request, on_page, listing)) {
        api_deferred_busy(listing->deferred, "too many requests for keys are under way");
    }
}

static void begin_listing(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct listing *listing = state;
    listing->context = call->context;
    listing->deferred = deferred;
    listing->json = (struct json_writer){.out = api_json(&listing->reply)};
    json_write_object(&listing->json);
    json_member_array(&listing->json, "keys");
    if (listing->walk.state == KEY_WALK_ASKING) {
        ask_page(listing);
    } else { /* `after` is behind the last key that there could be */
        end_listing(listing, false);
        api_deferred_answer(deferred, &listing->reply);
    }
}

static int take_parameter(struct str name, struct str value, void *user, struct error *err)
{
    struct listing *listing = user;
    uint64_t limit;
    if (str_eq(name, STR("prefix")) && listing->prefix.size == 0) {
        buf_str(&listing->prefix, value);
        return 0;
    }
    if (str_eq(name, STR("after")) && listing->after.size == 0) {
        return base64url_decode(value, &listing->after) == 0
                   ? 0
                   : error_set(err, ERROR_INVALID, "`after` is the `next` of the page before");
    }
    if (str_eq(name, STR("limit"))) {
        if (str_to_u64(value, REGISTRY_LIST_MAX, &limit) < 0 || limit == 0) {
            return error_set(err, ERROR_INVALID, "`limit` is a number from 1 to %d", REGISTRY_LIST_MAX);
        }
        listing->limit = (size_t)limit;
        return 0;
    }
    return str_eq(name, STR("_")) ? 0
                                  : error_set(err, ERROR_NOT_FOUND, "unknown parameter `%.*s`",
                                              name.size < 64 ? (int)name.size : 64, name.data);
}

void api_keys(struct api_call *call, struct api_reply *reply)
{
    struct listing *listing = mem_zalloc(sizeof(*listing));
    listing->limit = REGISTRY_LIST_MAX;
    if (keys_open(call, &listing->scope, reply) &&
        api_take_parameters(call, take_parameter, listing, reply) &&
        (listing->prefix.size == 0 || keys_allow(&listing->scope, buf_view(&listing->prefix), reply))) {
        key_walk_init(&listing->walk, &listing->scope, buf_view(&listing->prefix), listing->limit, 0);
        if (listing->after.size > 0) {
            key_walk_skip(&listing->walk, buf_view(&listing->after));
        }
        reply->turn = API_DEFERRED;
        reply->deferral = (struct api_deferral){.begin = begin_listing,
                                                .state = listing,
                                                .free_state = free_listing,
                                                .timeout_ms = LIST_TIMEOUT_MS,
                                                .in_doubt = not_read};
    } else {
        free_listing(listing);
    }
}

/* ---- one key ---- */

struct getting {
    struct api_context *context;
    struct api_deferred *deferred;
    struct buf key, end;
};

static void free_getting(void *state)
{
    struct getting *getting = state;
    buf_fini(&getting->key);
    buf_fini(&getting->end);
    free(getting);
}

/* As text where a body of PUT may have it as text: JSON readers do not all take a zero. */
static void write_value(struct json_writer *json, struct str value)
{
    if (str_is_utf8(value) && (value.size == 0 || memchr(value.data, '\0', value.size) == NULL)) {
        json_member_string(json, "value", value);
        return;
    }
    struct buf text = {0};
    base64_encode(value, &text);
    json_member_string(json, "valueBase64", buf_view(&text));
    buf_fini(&text);
}

static void on_got(const struct registry_reply *found, unsigned can, void *user)
{
    (void)can;
    struct getting *getting = user;
    struct api_reply reply = {0};
    if (found->failure != REGISTRY_OK) {
        keys_refuse_failed(&reply, found, "the key was not read", "the key was not read");
    } else if (found->item_count == 0) {
        api_refuse(&reply, 404, "no_such_key", "the registry has no such key");
    } else {
        const struct registry_item *item = &found->items[0];
        struct json_writer json = {.out = api_json(&reply)};
        json_write_object(&json);
        keys_write_facts(&json, item);
        json_member_int(&json, "createRevision", item->kv.create_revision);
        write_value(&json, item->kv.value);
        json_write_object_end(&json);
    }
    api_deferred_answer(getting->deferred, &reply);
}

/* As a list of one: its answer may be larger than that of a get. */
static void begin_getting(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct getting *getting = state;
    struct api_context *context = call->context;
    getting->deferred = deferred;
    buf_str(&getting->end, buf_view(&getting->key));
    buf_add(&getting->end, "", 1);
    const struct registry_request request = {.op = REGISTRY_LIST,
                                             .key = buf_view(&getting->key),
                                             .range_end = buf_view(&getting->end),
                                             .limit = 1};
    if (!context->ops->key(context->agent, &request, on_got, getting)) {
        api_deferred_busy(deferred, "too many requests for keys are under way");
    }
}

void api_key(struct api_call *call, struct api_reply *reply)
{
    struct key_scope scope;
    struct getting *getting = mem_zalloc(sizeof(*getting));
    if (keys_open(call, &scope, reply) && keys_name(call, &scope, &getting->key, reply)) {
        reply->turn = API_DEFERRED;
        reply->deferral = (struct api_deferral){.begin = begin_getting,
                                                .state = getting,
                                                .free_state = free_getting,
                                                .timeout_ms = GET_TIMEOUT_MS,
                                                .in_doubt = "the key was not read"};
    } else {
        free_getting(getting);
    }
    key_scope_fini(&scope);
}
