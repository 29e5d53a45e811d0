/* What most answers are: a JSON document, or the one form that every error has. */
#include "outrider/api/common/handler.h"

#include "outrider/codec/json/json_member.h"
#include "outrider/codec/json/json_write.h"

#include <stdarg.h>
#include <stdio.h>

static const char json_type[] = "application/json";

struct buf *api_json(struct api_reply *reply)
{
    reply->status = 200;
    reply->content_type = json_type;
    return &reply->body;
}

void api_refuse(struct api_reply *reply, int status, const char *code, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    reply->status = status;
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
