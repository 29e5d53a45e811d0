/* POST /api/allocate/{type}: seats on a server, kept under an id (docs/design/protocol.md, "Reservations"). */
#include "placement_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/placements.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/base/ulid.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/placement/allocate.h"
#include "outrider/os/entropy.h"

#include <stdlib.h>

/* An allocation may take so many requests to the registry; its answer waits a little longer. */
enum { TIMEOUT_REQUESTS = 4 };

static const char in_doubt[] = "it is not known whether the reservation was made; ask again with the same id";

/* One request: what its body asks for, which the allocation borrows, and how to answer it. */
struct asked {
    struct placing placing;
    json_t *body;
    struct api_context *context;
    struct buf type;
    char id[RESERVATION_ID_MAX + 1];
    bool fresh_id; /* the body has none */
    int64_t ttl_ms;
    struct api_deferred *deferred;
};

static void free_asked(void *state)
{
    struct asked *asked = state;
    placing_fini(&asked->placing);
    json_decref(asked->body);
    buf_fini(&asked->type);
    free(asked);
}

/* ---- the body ---- */

static int take_id(struct asked *asked, const json_t *value, struct error *err)
{
    const struct str id = {json_string_value(value), json_string_length(value)};
    if (!json_is_string(value) || !reservation_is_id(id)) {
        return error_set(err, ERROR_INVALID,
                         "id: must be 1 to %d letters, digits and ._-:~, the first a letter or a digit",
                         RESERVATION_ID_MAX);
    }
    seats_text(asked->id, sizeof(asked->id), id);
    return 0;
}

static int take_member(void *user, const char *name, const json_t *value, struct error *err)
{
    struct asked *asked = user;
    if (strcmp(name, "id") == 0) {
        return take_id(asked, value, err);
    }
    if (strcmp(name, "ttl") == 0) {
        return body_ttl(value, err, &asked->ttl_ms);
    }
    return body_placing(&asked->placing, name, value, err);
}

static void make_id(char ret_id[static RESERVATION_ID_MAX + 1], int64_t now_wall)
{
    uint8_t bytes[10];
    entropy_fill(bytes, sizeof(bytes));
    ulid_format(now_wall, bytes, ret_id);
}

static bool read_body(struct api_call *call, struct asked *asked, struct api_reply *reply)
{
    static const char takes[] =
        "allocate takes id, seats, ttl, key, strategy, near, exclude, region, zone, group, tag and labels";
    struct error err;
    asked->body = api_body_read(call, takes, take_member, asked, reply);
    if (asked->body == NULL) {
        return false;
    }
    if (placing_complete(&asked->placing, &err) < 0) {
        api_refuse(reply, 400, "bad_body", "%s", err.text);
        return false;
    }
    if (asked->id[0] == '\0') {
        asked->fresh_id = true;
        make_id(asked->id, call->view.now.wall);
    }
    return true;
}

/* ---- the answer ---- */

static void write_made(const struct asked *asked, const struct allocate *result, struct api_reply *reply)
{
    struct api_view view;
    struct json_writer json = {.out = api_json(reply)};
    asked->context->ops->look(asked->context->agent, &view);
    reply->status = 201;
    json_write_object(&json);
    answer_reservation(&json, &view, asked->placing.query.type, str_of(result->server), &result->reservation);
    json_write_object_end(&json);
}

static void write_failed(const struct asked *asked, const struct allocate *result, struct api_reply *reply)
{
    if (result->failure == REGISTRY_DENIED) {
        answer_denied(reply, str_of(result->error));
        return;
    }
    reply->header = API_RETRY_SOON;
    if (result->failure == REGISTRY_UNKNOWN) {
        api_refuse(reply, 503, "registry_away",
                   "it is not known whether the reservation was made; ask again with the id %s: %s",
                   asked->id, result->error);
    } else {
        api_refuse(reply, 503, "registry_away", "the reservation was not made: %s", result->error);
    }
}

static void write_result(const struct asked *asked, const struct allocate *result, struct api_reply *reply)
{
    struct json_writer json;
    switch (result->result) {
    case ALLOCATE_MADE:
    case ALLOCATE_EXISTED: write_made(asked, result, reply); break;
    case ALLOCATE_NONE:
        answer_none(&asked->placing.query, result->excluded, reply, &json);
        json_write_object_end(&json);
        break;
    case ALLOCATE_ID_TAKEN:
        api_refuse(reply, 409, "id_taken",
                   "the id %s has %u seats on %s/%s: ask for as many, or choose another id", asked->id,
                   result->reservation.seats, buf_text(&asked->type), result->server);
        break;
    case ALLOCATE_ID_FOREIGN:
        api_refuse(reply, 409, "foreign_value",
                   "the key seat-ids/%s/%s has something else than a reservation: choose another id, or "
                   "delete the key",
                   buf_text(&asked->type), asked->id);
        break;
    case ALLOCATE_CONFLICT:
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 409, "conflict", "others keep changing the servers that can be chosen; try again");
        break;
    case ALLOCATE_FAILED: write_failed(asked, result, reply); break;
    case ALLOCATE_RESULT_COUNT: break;
    }
}

static void on_allocated(const struct allocate *result, void *user)
{
    static const enum api_placed placed[ALLOCATE_RESULT_COUNT] = {
        [ALLOCATE_MADE] = API_PLACED_RESERVED,      [ALLOCATE_EXISTED] = API_PLACED_REPEATED,
        [ALLOCATE_NONE] = API_PLACED_NONE,          [ALLOCATE_ID_TAKEN] = API_PLACED_REFUSED,
        [ALLOCATE_ID_FOREIGN] = API_PLACED_REFUSED, [ALLOCATE_CONFLICT] = API_PLACED_CONFLICT,
        [ALLOCATE_FAILED] = API_PLACED_FAILED,
    };
    struct asked *asked = user;
    struct api_reply reply = {0};
    const struct placement_query *query = &asked->placing.query;
    api_placements_count(asked->context->placements, query->type, query->strategy, placed[result->result],
                         result->result == ALLOCATE_NONE ? result->excluded : NULL);
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
    if (!context->ops->allocate(context->agent, &asked->placing.query, str_of(asked->id), asked->fresh_id,
                                asked->ttl_ms, on_allocated, asked)) {
        api_deferred_busy(deferred, "too many reservations are being made already");
    }
}

void api_allocate(struct api_call *call, struct api_reply *reply)
{
    if (!placing_need_seats(call, reply)) {
        return;
    }
    struct asked *asked = mem_zalloc(sizeof(*asked));
    buf_str(&asked->type, call->request.type);
    placing_init(&asked->placing, buf_view(&asked->type));
    asked->ttl_ms = call->view.config->placement.reservation_ttl_ms;
    if (!read_body(call, asked, reply)) {
        free_asked(asked);
        return;
    }
    reply->turn = API_DEFERRED;
    reply->deferral =
        (struct api_deferral){.begin = begin,
                              .state = asked,
                              .free_state = free_asked,
                              .timeout_ms = call->view.config->registry.request_timeout_ms * TIMEOUT_REQUESTS,
                              .in_doubt = in_doubt};
}
