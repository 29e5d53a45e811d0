/* One reservation: GET, POST .../extend and DELETE (docs/design/protocol.md, "Reservations"). */
#include "placement_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/seats/amend.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_REQUESTS = 4 };

struct asked {
    enum amend_op op;
    int64_t ttl_ms;
    struct api_context *context;
    char type[VIEW_TYPE_MAX + 1], server[RESERVATION_SERVER_MAX + 1], id[RESERVATION_ID_MAX + 1];
    struct api_deferred *deferred;
};

/* ---- the answer ---- */

static void write_one(const struct asked *asked, const struct amend *result, struct api_reply *reply)
{
    struct api_view view;
    struct json_writer json = {.out = api_json(reply)};
    asked->context->ops->look(asked->context->agent, &view);
    json_write_object(&json);
    answer_reservation(&json, &view, str_of(asked->type), str_of(asked->server), &result->reservation);
    if (asked->op == AMEND_RELEASE) {
        json_member_bool(&json, "released", true);
    }
    json_write_object_end(&json);
}

static void write_failed(const struct amend *result, struct api_reply *reply)
{
    if (result->failure == REGISTRY_DENIED) {
        answer_denied(reply, str_of(result->error));
        return;
    }
    reply->header = API_RETRY_SOON;
    api_refuse(reply, 503, "registry_away", "%s: %s",
               result->failure == REGISTRY_UNKNOWN ? "it is not known whether the reservation was changed"
                                                   : "nothing was changed",
               result->error);
}

static void write_result(const struct asked *asked, const struct amend *result, struct api_reply *reply)
{
    switch (result->result) {
    case AMEND_OK: write_one(asked, result, reply); break;
    case AMEND_NOT_FOUND:
        api_refuse(reply, 404, "no_such_reservation",
                   "%s/%s has no reservation %s: it was released or claimed, or has lapsed", asked->type,
                   asked->server, asked->id);
        break;
    case AMEND_FOREIGN:
        api_refuse(reply, 409, "foreign_value",
                   "the key seats/%s/%s has something else than reservations: delete it", asked->type,
                   asked->server);
        break;
    case AMEND_CONFLICT:
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 409, "conflict", "others keep changing the reservations of this server; try again");
        break;
    case AMEND_FAILED: write_failed(result, reply); break;
    }
}

static void on_amended(const struct amend *result, void *user)
{
    struct asked *asked = user;
    struct api_reply reply = {0};
    write_result(asked, result, &reply);
    api_deferred_answer(asked->deferred, &reply);
}

/* ---- the request ---- */

static void begin(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct asked *asked = state;
    struct api_context *context = call->context;
    asked->deferred = deferred;
    asked->context = context;
    if (!context->ops->amend(context->agent, asked->op, str_of(asked->type), str_of(asked->server),
                             str_of(asked->id), asked->ttl_ms, on_amended, asked)) {
        api_deferred_busy(deferred, "too many reservations are being changed already");
    }
}

static bool is_name(struct str name, size_t max)
{
    return name.size > 0 && name.size <= max && memchr(name.data, '/', name.size) == NULL;
}

static void defer(struct api_call *call, enum amend_op op, int64_t ttl_ms, struct api_reply *reply)
{
    const struct api_request *request = &call->request;
    if (!is_name(request->type, VIEW_TYPE_MAX) || !is_name(request->server, RESERVATION_SERVER_MAX) ||
        !reservation_is_id(request->id)) {
        api_refuse(reply, 400, "bad_parameter",
                   "the path is TYPE/SERVER/ID, and an id has 1 to %d letters, digits and ._-:~",
                   RESERVATION_ID_MAX);
        return;
    }
    struct asked *asked = mem_zalloc(sizeof(*asked));
    asked->op = op;
    asked->ttl_ms = ttl_ms;
    seats_text(asked->type, sizeof(asked->type), request->type);
    seats_text(asked->server, sizeof(asked->server), request->server);
    seats_text(asked->id, sizeof(asked->id), request->id);
    reply->turn = API_DEFERRED;
    reply->deferral =
        (struct api_deferral){.begin = begin,
                              .state = asked,
                              .free_state = free,
                              .timeout_ms = call->view.config->registry.request_timeout_ms * TIMEOUT_REQUESTS,
                              .in_doubt = "it is not known whether the reservation was changed"};
}

void api_reservation(struct api_call *call, struct api_reply *reply)
{
    defer(call, AMEND_GET, 0, reply);
}

void api_reservation_release(struct api_call *call, struct api_reply *reply)
{
    defer(call, AMEND_RELEASE, 0, reply);
}

static int take_member(void *user, const char *name, const json_t *value, struct error *err)
{
    return strcmp(name, "ttl") == 0 ? body_ttl(value, err, user) : API_MEMBER_UNKNOWN;
}

void api_reservation_extend(struct api_call *call, struct api_reply *reply)
{
    int64_t ttl_ms = call->view.config->placement.reservation_ttl_ms;
    json_t *body = api_body_read(call, "extend takes ttl", take_member, &ttl_ms, reply);
    if (body != NULL) {
        defer(call, AMEND_EXTEND, ttl_ms, reply);
        json_decref(body);
    }
}
