/* What every reply shares: JSON, the one form of an error, and the headers about caching. */
#include "outrider/api/common/reply.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/packs.h"
#include "outrider/base/blob.h"
#include "outrider/base/brief.h"
#include "outrider/base/error.h"
#include "outrider/codec/gzip/gzip.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/http/server/http_server.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Most replies are smaller. */
enum { USUAL_BYTES = 500 };

static const char json_type[] = "application/json";

struct buf *api_json(struct api_reply *reply)
{
    reply->status = 200;
    reply->content_type = json_type;
    buf_reserve(&reply->body, USUAL_BYTES);
    return &reply->body;
}

void api_refuse_parameter(struct api_reply *reply, const struct error *err)
{
    api_refuse(reply, 400, err->code == ERROR_NOT_FOUND ? "unknown_parameter" : "bad_parameter", "%s",
               err->text);
}

void api_refuse(struct api_reply *reply, int status, const char *code, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    brief_vformat(message, sizeof(message), format, args);
    va_end(args);
    reply->status = status;
    reply->code = code;
    reply->content_type = json_type;
    buf_clear(&reply->body);
    struct json_writer json = {.out = &reply->body};
    json_write_object(&json);
    json_member_object(&json, "error");
    json_member_text(&json, "code", code);
    json_member_text(&json, "message", message);
    json_write_object_end(&json);
    json_write_object_end(&json);
}

/* ---- headers ---- */

enum { HEADERS_MAX = 10 };

/* What the reply asks for, as http_respond takes it. */
struct headers {
    const char *lines[HEADERS_MAX + 1]; /* NULL at the end */
    size_t count;
    char cache[64], encoding[32], next[ULID_LENGTH + 20], allow[56], etag[SERVICES_ETAG_MAX + 8], stale[48];
};

static void add(struct headers *headers, const char *line)
{
    headers->lines[headers->count++] = line;
}

/* The body in its compressed form; NULL: as it is. */
static struct blob *packed_of(const struct api_reply *reply)
{
    return reply->pack == NULL ? NULL : api_pack_done(reply->pack);
}

/* A list has an ETag and may be kept if it is validated; everything else changes from moment to moment. */
static void add_caching(struct headers *headers, const struct api_reply *reply)
{
    const char *usual = reply->etag[0] == '\0' ? "no-store" : "no-cache";
    snprintf(headers->cache, sizeof(headers->cache), "Cache-Control: %s",
             reply->cache == NULL ? usual : reply->cache);
    add(headers, headers->cache);
    if (reply->etag[0] != '\0') {
        /* There are two forms of what is compressed here, and the ETag is one of the plain bytes. */
        bool is_weak = packed_of(reply) != NULL || reply->is_weak;
        snprintf(headers->etag, sizeof(headers->etag), "ETag: %s%s", is_weak ? "W/" : "", reply->etag);
        add(headers, headers->etag);
    }
    if (reply->varies) {
        add(headers, "Vary: Accept-Encoding");
    }
    if (reply->stale_ms > 0) {
        snprintf(headers->stale, sizeof(headers->stale), "Outrider-Stale-Ms: %" PRId64, reply->stale_ms);
        add(headers, headers->stale);
    }
}

static void add_all(struct headers *headers, const struct api_reply *reply)
{
    add_caching(headers, reply);
    const char *encoding = packed_of(reply) != NULL ? "gzip" : reply->encoding;
    if (encoding != NULL && reply->status != 304) {
        snprintf(headers->encoding, sizeof(headers->encoding), "Content-Encoding: %s", encoding);
        add(headers, headers->encoding);
    }
    if (reply->header != NULL) {
        add(headers, reply->header);
    }
    if (reply->set_cookie.size > 0) {
        add(headers, buf_text(&reply->set_cookie));
    }
    if (reply->next[0] != '\0') {
        snprintf(headers->next, sizeof(headers->next), "Outrider-Next: %s", reply->next);
        add(headers, headers->next);
    }
    if (reply->allow[0] != '\0') {
        snprintf(headers->allow, sizeof(headers->allow), "Allow: %s", reply->allow);
        add(headers, headers->allow);
    }
}

void api_respond(struct http_exchange *exchange, const struct api_reply *reply)
{
    struct headers headers = {0};
    struct blob *packed = packed_of(reply);
    bool is_fixed = reply->fixed.size > 0;
    add_all(&headers, reply);
    http_respond(exchange, &(struct http_response){.status = reply->status,
                                                   .content_type = str_of(reply->content_type),
                                                   .blob = packed != NULL ? packed : reply->blob,
                                                   .body = is_fixed ? reply->fixed : buf_view(&reply->body),
                                                   .is_static = is_fixed,
                                                   .headers = headers.lines,
                                                   .content_policy = reply->content_policy});
}

bool api_refuse_stream(struct http_exchange *exchange)
{
    const struct http_fault *fault = http_push_refusal(exchange);
    if (fault != NULL) {
        struct api_reply reply = {.header = "Retry-After: 5"};
        api_refuse(&reply, fault->status, fault->code, "%s", fault->message);
        api_respond(exchange, &reply);
        api_reply_fini(&reply);
    }
    return fault != NULL;
}

struct str api_stream_tag(const struct access_identity *who)
{
    return (struct str){(const char *)who, who->proof > ACCESS_SOCKET ? sizeof(*who) : 0};
}

struct http_push *api_stream_begin(const struct api_call *call, struct http_exchange *exchange,
                                   size_t max_behind, const struct http_push_calls *calls, void *user)
{
    static const char *const plain[] = {"Cache-Control: no-store", "X-Accel-Buffering: no", NULL};
    static const char *const packed[] = {"Cache-Control: no-store", "X-Accel-Buffering: no",
                                         "Vary: Accept-Encoding", "Content-Encoding: gzip", NULL};
    struct http_push *push =
        http_push_begin(exchange,
                        &(struct http_push_options){.content_type = STR("text/event-stream"),
                                                    .headers = call->stream_gzip ? packed : plain,
                                                    .tag = api_stream_tag(&call->request.who),
                                                    .max_behind = max_behind},
                        calls, user);
    if (push != NULL && call->stream_gzip) {
        struct blob *head = blob_new(gzip_stream_head());
        http_push_send(push, &head, 1);
        blob_unref(head);
    }
    return push;
}

void api_reply_fini(struct api_reply *reply)
{
    buf_fini(&reply->body);
    buf_fini(&reply->set_cookie);
    blob_unref(reply->blob);
    api_pack_unref(reply->pack);
    if (reply->deferral.state != NULL) {
        reply->deferral.free_state(reply->deferral.state);
    }
    *reply = (struct api_reply){0};
}
