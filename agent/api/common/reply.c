/* What every reply shares: JSON, the one form of an error, and the headers about caching. */
#include "outrider/api/common/reply.h"

#include "outrider/api/common/context.h"
#include "outrider/base/blob.h"
#include "outrider/base/brief.h"
#include "outrider/base/error.h"
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

/* A list has an ETag and may be kept if it is validated; everything else changes from moment to moment. */
void api_respond(struct http_exchange *exchange, const struct api_reply *reply)
{
    char etag[SERVICES_ETAG_MAX + 8], stale[48], allow[sizeof(reply->allow) + 8];
    char next[sizeof(reply->next) + 16];
    const char *headers[8] = {reply->etag[0] == '\0' ? "Cache-Control: no-store" : "Cache-Control: no-cache"};
    size_t count = 1;
    if (reply->header != NULL) {
        headers[count++] = reply->header;
    }
    if (reply->set_cookie.size > 0) {
        headers[count++] = buf_text(&reply->set_cookie);
    }
    if (reply->next[0] != '\0') {
        snprintf(next, sizeof(next), "Outrider-Next: %s", reply->next);
        headers[count++] = next;
    }
    if (reply->allow[0] != '\0') {
        snprintf(allow, sizeof(allow), "Allow: %s", reply->allow);
        headers[count++] = allow;
    }
    if (reply->etag[0] != '\0') {
        snprintf(etag, sizeof(etag), "ETag: %s", reply->etag);
        headers[count++] = etag;
    }
    if (reply->stale_ms > 0) {
        snprintf(stale, sizeof(stale), "Outrider-Stale-Ms: %" PRId64, reply->stale_ms);
        headers[count++] = stale;
    }
    http_respond(exchange, &(struct http_response){.status = reply->status,
                                                   .content_type = str_of(reply->content_type),
                                                   .blob = reply->blob,
                                                   .body = buf_view(&reply->body),
                                                   .headers = headers});
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

struct http_push *api_stream_begin(const struct api_call *call, struct http_exchange *exchange,
                                   size_t max_behind, const struct http_push_calls *calls, void *user)
{
    static const char *const headers[] = {"Cache-Control: no-store", "X-Accel-Buffering: no", NULL};
    const struct access_identity *who = &call->request.who;
    struct str tag = {(const char *)who, who->proof > ACCESS_SOCKET ? sizeof(*who) : 0};
    return http_push_begin(exchange,
                           &(struct http_push_options){.content_type = STR("text/event-stream"),
                                                       .headers = headers,
                                                       .tag = tag,
                                                       .max_behind = max_behind},
                           calls, user);
}

void api_reply_fini(struct api_reply *reply)
{
    buf_fini(&reply->body);
    buf_fini(&reply->set_cookie);
    blob_unref(reply->blob);
    if (reply->deferral.state != NULL) {
        reply->deferral.free_state(reply->deferral.state);
    }
    *reply = (struct api_reply){0};
}
