#include "controls_internal.h"

#include "outrider/api/common/handler.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_member.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/io/http/server/http_server.h"

#include <stdlib.h>

/* Operators are few; more at a time than this is a script that has lost its way. */
enum { CONTROLS_MAX = 64 };

struct control {
    struct control *next, **self;
    struct api_controls *controls;
    struct http_exchange *exchange;
    struct hold hold;
    struct instant now;
    struct buf type, id;
};

struct api_controls {
    struct control *first;
    size_t count;
};

static void answer(struct http_exchange *exchange, struct api_reply *reply)
{
    const char *const headers[] = {"Cache-Control: no-store", reply->retry_after ? "Retry-After: 1" : NULL,
                                   NULL};
    http_respond(exchange, &(struct http_response){.status = reply->status,
                                                   .content_type = str_of(reply->content_type),
                                                   .body = buf_view(&reply->body),
                                                   .headers = headers});
    buf_fini(&reply->body);
}

static void end(struct control *control)
{
    *control->self = control->next;
    if (control->next != NULL) {
        control->next->self = control->self;
    }
    control->controls->count--;
    buf_fini(&control->type);
    buf_fini(&control->id);
    free(control);
}

static void tell(const struct control *control, const struct api_controlled *result, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_string(&json, "type", buf_view(&control->type));
    json_member_string(&json, "id", buf_view(&control->id));
    json_write_key(&json, "hold");
    if (control->hold.set) {
        api_write_hold(&json, hold_name(HOLD_OPS), &control->hold, &control->now);
    } else {
        json_write_null(&json);
    }
    json_member_int(&json, "revision", result->revision);
    json_write_object_end(&json);
}

static void on_done(const struct api_controlled *result, void *user)
{
    struct control *control = user;
    struct api_reply reply = {0};
    if (result->error.size == 0 && !result->conflict) {
        tell(control, result, &reply);
    } else if (result->conflict) {
        reply.retry_after = true;
        api_refuse(&reply, 409, "conflict", "the control key is changed by others all the time; try again");
    } else if (result->failure == REGISTRY_DENIED) {
        api_refuse(&reply, 502, "registry_denied", "this agent may not write the control key: %.*s",
                   STR_ARG(result->error));
    } else {
        reply.retry_after = true;
        api_refuse(&reply, 503, "registry_away", "%s: %.*s",
                   result->failure == REGISTRY_UNKNOWN ? "it is not known whether the hold was written"
                                                       : "the hold was not written",
                   STR_ARG(result->error));
    }
    answer(control->exchange, &reply);
    end(control);
}

struct api_controls *api_controls_new(void)
{
    return mem_zalloc(sizeof(struct api_controls));
}

void api_controls_free(struct api_controls *controls)
{
    while (controls != NULL && controls->first != NULL) {
        struct api_reply reply = {0};
        api_refuse(&reply, 503, "stopping", "the agent ends; it is not known whether the hold was written");
        answer(controls->first->exchange, &reply);
        end(controls->first);
    }
    free(controls);
}

void api_controls_begin(struct api_controls *controls, struct api_context *context,
                        struct http_exchange *exchange, const struct api_reply *reply)
{
    if (controls->count >= CONTROLS_MAX) {
        struct api_reply refusal = {.retry_after = true};
        api_refuse(&refusal, 503, "busy", "%d drains and undrains are under way already", CONTROLS_MAX);
        answer(exchange, &refusal);
        return;
    }
    struct api_view view;
    api_look(context, &view);
    struct control *control = mem_zalloc(sizeof(*control));
    *control = (struct control){.next = controls->first,
                                .self = &controls->first,
                                .controls = controls,
                                .exchange = exchange,
                                .hold = reply->hold,
                                .now = view.now};
    if (control->next != NULL) {
        control->next->self = &control->next;
    }
    controls->first = control;
    controls->count++;
    buf_str(&control->type, reply->type);
    buf_str(&control->id, reply->id);
    context->ops->control(context->agent, buf_view(&control->type), buf_view(&control->id), &control->hold,
                          on_done, control);
}
