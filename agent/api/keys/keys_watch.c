/* Changes of keys as they happen: GET /api/keys/watch (docs/http-api.md, "Keys").
 *
 *     ──> OPENING ──opened──> OPEN <──opened── STALE
 *            │                 └──the registry fails──^
 *            └──from anywhere: the changes since then are lost, `gone`, and the stream ends */
#include "keys_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/keys/key_watchers.h"
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/text/sse.h"
#include "outrider/core/config/config.h"
#include "outrider/core/keys/key_walk.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* A prefix that goes is an event for each of its keys: as much may wait as in the stream of sessions. */
enum { BEHIND_MAX = 1 << 20, COMMENT_MS = 15000 };

struct watcher {
    struct watcher *next, *prev;
    struct api_context *context;
    struct http_push *push;
    struct api_key_watch *watch;
    struct buf prefix;
    bool stale; /* and has been told so */
};

struct key_watchers {
    struct watcher *first;
    size_t count;
    struct timer *comments;
};

/* What a request asks for. */
struct asked {
    struct buf prefix;
    int64_t after; /* 0: from now on */
};

/* ---- what a watcher is told ---- */

static void send(struct watcher *watcher, struct buf *text)
{
    struct blob *blob = blob_take(text);
    http_push_send(watcher->push, &blob, 1);
    blob_unref(blob);
}

/* As sse_event(), with the revision alone for an id: the list of keys has that. */
static void frame(struct buf *out, const char *name, struct buf *data, int64_t revision)
{
    buf_printf(out, "event: %s\ndata: ", name);
    buf_str(out, buf_view(data)); /* one line: what could break it is escaped */
    if (revision > 0) {
        buf_printf(out, "\nid: %" PRId64, revision);
    }
    buf_str(out, STR("\n\n"));
    buf_fini(data);
}

static void say_state(struct watcher *watcher, bool stale, int64_t revision, struct str reason)
{
    struct buf data = {0}, text = {0};
    struct json_writer json = {.out = &data};
    json_write_object(&json);
    json_member_bool(&json, "stale", stale);
    json_member_string_or_null(&json, "reason", reason);
    if (!stale) {
        json_member_int(&json, "revision", revision);
    }
    json_member_time(&json, "now", clock_wall_ms());
    json_write_object_end(&json);
    frame(&text, "state", &data, revision);
    send(watcher, &text);
}

static void say_bye(struct watcher *watcher, const char *reason)
{
    struct buf data = {0}, text = {0};
    struct json_writer json = {.out = &data};
    json_write_object(&json);
    json_member_text(&json, "reason", reason);
    json_member_time(&json, "now", clock_wall_ms());
    json_write_object_end(&json);
    frame(&text, "bye", &data, 0);
    send(watcher, &text);
}

static void frame_change(struct buf *out, const struct registry_change *change, bool last)
{
    struct buf data = {0};
    struct json_writer json = {.out = &data};
    json_write_object(&json);
    if (change->deleted) {
        keys_write_name(&json, change->key);
        json_member_int(&json, "revision", change->mod_revision);
    } else {
        const struct registry_item item = {.key = change->key,
                                           .kv = {.found = true,
                                                  .value = change->value,
                                                  .mod_revision = change->mod_revision,
                                                  .lease = change->lease}};
        keys_write_facts(&json, &item);
        json_member_bool(&json, "created", change->create_revision == change->mod_revision);
    }
    json_write_object_end(&json);
    frame(out, change->deleted ? "delete" : "put", &data, last ? change->mod_revision : 0);
}

/* ---- the end ---- */

static void leave(struct watcher *watcher)
{
    struct api_context *context = watcher->context;
    context->ops->key_unwatch(context->agent, watcher->watch);
    http_push_end(watcher->push);
    DL_DELETE(context->key_watchers->first, watcher);
    context->key_watchers->count--;
    buf_fini(&watcher->prefix);
    free(watcher);
}

/* ---- what the registry says ---- */

static void on_opened(int64_t revision, void *user)
{
    struct watcher *watcher = user;
    watcher->stale = false;
    say_state(watcher, false, revision, STR(""));
}

/* The last change of a revision has its number: going on behind it misses nothing. */
static void on_changed(const struct registry_change *changes, size_t count, void *user)
{
    struct buf text = {0};
    for (size_t i = 0; i < count; i++) {
        bool last = i + 1 == count || changes[i + 1].mod_revision != changes[i].mod_revision;
        frame_change(&text, &changes[i], last);
    }
    send(user, &text);
}

static void on_failed(struct str why, void *user)
{
    struct watcher *watcher = user;
    if (!watcher->stale) {
        watcher->stale = true;
        say_state(watcher, true, 0, why);
    }
}

static void on_lost(bool compacted, int64_t oldest, struct str why, void *user)
{
    struct buf data = {0}, text = {0};
    struct json_writer json = {.out = &data};
    json_write_object(&json);
    json_member_text(&json, "reason", compacted ? "compacted" : "other_past");
    if (oldest > 0) {
        json_member_int(&json, "oldest", oldest);
    }
    buf_str(&text, why);
    buf_str(&text, STR(": list the keys again, and begin at the revision of that list"));
    json_member_string(&json, "message", buf_view(&text));
    json_member_time(&json, "now", clock_wall_ms());
    json_write_object_end(&json);
    buf_clear(&text);
    frame(&text, "gone", &data, 0);
    send(user, &text);
    leave(user);
}

/* ---- the connection ---- */

static void on_drained(struct http_push *push, void *user)
{
    (void)push;
    (void)user; /* whatever had to wait was complete */
}

static void on_closed(struct http_push *push, enum http_push_end why, void *user)
{
    (void)push;
    (void)why;
    leave(user);
}

/* What http.keys shows now: another one may have been read since it began. */
static bool may_go_on(const struct watcher *watcher)
{
    const struct config *config = watcher->context->config;
    struct key_scope scope;
    key_scope_init(&scope, config->http.keys == CONFIG_KEYS_ALL, config->registry.prefix,
                   config->registry.control_prefix);
    bool may = config->http.keys != CONFIG_KEYS_OFF && key_scope_covers(&scope, buf_view(&watcher->prefix));
    key_scope_fini(&scope);
    return may;
}

static void on_comments(void *user)
{
    struct key_watchers *watchers = user;
    for (struct watcher *each = watchers->first, *next; each != NULL; each = next) {
        next = each->next;
        if (!may_go_on(each)) {
            say_bye(each, "keys_off");
            leave(each);
        } else if (http_push_facts(each->push)->behind ==
                   0) { /* a waiting event is a sign of life by itself */
            struct buf text = {0};
            sse_comment(&text, STR(""));
            send(each, &text);
        }
    }
    if (watchers->first != NULL) {
        timer_arm_ms(watchers->comments, COMMENT_MS);
    }
}

/* ---- what is asked ---- */

static int take_parameter(struct str name, struct str value, void *user, struct error *err)
{
    struct asked *asked = user;
    if (str_eq(name, STR("prefix")) && asked->prefix.size == 0) {
        buf_str(&asked->prefix, value);
        return 0;
    }
    if (str_eq(name, STR("after")) && asked->after == 0) {
        return str_to_i64(value, &asked->after) == 0 && asked->after > 0 && asked->after < INT64_MAX
                   ? 0
                   : error_set(err, ERROR_INVALID,
                               "`after` is the `revision` of a list, or the id of an event");
    }
    return str_eq(name, STR("_")) ? 0
                                  : error_set(err, ERROR_NOT_FOUND, "unknown parameter `%.*s`",
                                              name.size < 64 ? (int)name.size : 64, name.data);
}

/* The id of an event counts first: a browser that reconnects repeats `after`. */
static bool take_last_id(const struct api_call *call, struct asked *asked, struct api_reply *reply)
{
    struct str id = call->request.last_event_id;
    int64_t after = 0;
    if (id.size > 0 && (str_to_i64(id, &after) < 0 || after <= 0 || after == INT64_MAX)) {
        api_refuse(reply, 400, "bad_parameter", "Last-Event-ID is the id of an event of this stream");
        return false;
    }
    asked->after = after > 0 ? after : asked->after;
    return true;
}

/* What is asked and where that is: `ret_walk` has the range; both are to be ended, whatever is returned. */
static bool read_request(const struct api_call *call, struct asked *ret_asked, struct key_walk *ret_walk,
                         struct api_reply *reply)
{
    struct key_scope scope;
    *ret_asked = (struct asked){0};
    *ret_walk = (struct key_walk){0};
    bool read = keys_open(call, &scope, reply) &&
                api_take_parameters(call, take_parameter, ret_asked, reply) &&
                take_last_id(call, ret_asked, reply) &&
                (ret_asked->prefix.size == 0 || keys_allow(&scope, buf_view(&ret_asked->prefix), reply));
    if (read) {
        key_walk_init(ret_walk, &scope, buf_view(&ret_asked->prefix), 1, 0);
    }
    if (read && ret_walk->range_count > 1) {
        api_refuse(reply, 400, "bad_parameter", "prefix: required, as http.keys is own: %s or %s",
                   buf_text(&scope.roots[0]), buf_text(&scope.roots[1]));
        read = false;
    }
    key_scope_fini(&scope);
    return read;
}

static void begin(struct api_call *call, struct http_push *push, struct watcher *watcher, struct asked *asked,
                  const struct key_walk *walk)
{
    static const struct api_key_watch_calls calls = {on_opened, on_changed, on_failed, on_lost};
    struct api_context *context = call->context;
    struct key_watchers *watchers = context->key_watchers;
    *watcher = (struct watcher){.context = context, .push = push, .prefix = asked->prefix};
    asked->prefix = (struct buf){0};
    watcher->watch = context->ops->key_watch(context->agent, buf_view(&walk->firsts[0]),
                                             buf_view(&walk->ends[0]), asked->after, &calls, watcher);
    DL_APPEND(watchers->first, watcher);
    watchers->count++;
    if (!timer_is_armed(watchers->comments)) {
        timer_arm_ms(watchers->comments, COMMENT_MS);
    }
}

static void take(struct api_call *call, struct http_exchange *exchange)
{
    static const struct http_push_calls calls = {.drained = on_drained, .closed = on_closed};
    struct asked asked;
    struct key_walk walk;
    struct api_reply unused = {0};
    /* The query was read once already, and found good. */
    if (read_request(call, &asked, &walk, &unused) && !api_refuse_stream(exchange)) {
        struct watcher *watcher = mem_zalloc(sizeof(*watcher));
        struct http_push *push = api_stream_begin(call, exchange, BEHIND_MAX, &calls, watcher);
        if (push == NULL) {
            free(watcher);
        } else {
            begin(call, push, watcher, &asked, &walk);
        }
    }
    key_walk_fini(&walk);
    buf_fini(&asked.prefix);
    api_reply_fini(&unused);
}

void api_keys_watch(struct api_call *call, struct api_reply *reply)
{
    struct asked asked;
    struct key_walk walk;
    if (read_request(call, &asked, &walk, reply)) {
        if (call->context->key_watchers->count >= API_KEY_WATCHES_MAX) {
            reply->header = API_RETRY_SOON;
            api_refuse(reply, 503, "busy", "keys are watched by %d already", API_KEY_WATCHES_MAX);
        } else {
            reply->turn = API_TAKEN;
            reply->take = take;
        }
    }
    key_walk_fini(&walk);
    buf_fini(&asked.prefix);
}

/* ---- life ---- */

struct key_watchers *key_watchers_new(struct loop *loop)
{
    struct key_watchers *watchers = mem_zalloc(sizeof(*watchers));
    watchers->comments = timer_new(loop, on_comments, watchers);
    return watchers;
}

void key_watchers_free(struct key_watchers *watchers)
{
    if (watchers != NULL) {
        while (watchers->first != NULL) {
            struct watcher *watcher = watchers->first;
            say_bye(watcher, "stopping");
            leave(watcher);
        }
        timer_free(watchers->comments);
        free(watchers);
    }
}

size_t key_watchers_count(const struct key_watchers *watchers)
{
    return watchers->count;
}
