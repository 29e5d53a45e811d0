/* POST /api/join/{type}: the one call for a lobby (docs/design/protocol.md, "Join"). */
#include "placement_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/session/session_json.h"
#include "outrider/core/config/config.h"
#include "outrider/core/seats/reservation.h"
#include "outrider/core/session/join.h"
#include "outrider/core/session/session.h"

#include <stdlib.h>

/* The answer of a join waits a little longer than the join takes. */
enum { MARGIN_MS = 1000 };

static const char in_doubt[] = "it is not known where the player is; ask again";

/* What the body asks for: owned by the join that takes it. */
struct wanted {
    struct placing placing;
    json_t *body;
    struct buf type, data;
    bool leave;
};

/* One request that waits for a join. */
struct asking {
    struct wanted *wanted; /* NULL once a join has it */
    struct api_context *context;
    struct api_deferred *deferred;
};

static void free_wanted(void *owned)
{
    struct wanted *wanted = owned;
    if (wanted != NULL) {
        placing_fini(&wanted->placing);
        json_decref(wanted->body);
        buf_fini(&wanted->type);
        buf_fini(&wanted->data);
        free(wanted);
    }
}

static void free_asking(void *state)
{
    struct asking *asking = state;
    free_wanted(asking->wanted);
    free(asking);
}

/* ---- the body ---- */

static int take_player(struct wanted *wanted, const json_t *value, struct error *err)
{
    const struct str player = {json_string_value(value), json_string_length(value)};
    const char *problem = json_is_string(value) ? session_player_problem(player) : "must be a string";
    if (problem != NULL) {
        return error_set(err, ERROR_INVALID, "player: %s", problem);
    }
    return placing_take(&wanted->placing, STR("player"), player, err);
}

static int take_data(struct wanted *wanted, const json_t *value, struct error *err)
{
    char *text = json_is_object(value) ? json_dumps(value, JSON_COMPACT) : NULL;
    if (text == NULL) {
        return error_set(err, ERROR_INVALID, "data: must be a JSON object");
    }
    buf_str(&wanted->data, str_of(text));
    free(text);
    return wanted->data.size <= SESSION_DATA_MAX
               ? 0
               : error_set(err, ERROR_LIMIT, "data: is longer than %d bytes", SESSION_DATA_MAX);
}

static int take_member(void *user, const char *name, const json_t *value, struct error *err)
{
    struct wanted *wanted = user;
    if (strcmp(name, "player") == 0) {
        return take_player(wanted, value, err);
    }
    if (strcmp(name, "data") == 0) {
        return take_data(wanted, value, err);
    }
    if (strcmp(name, "leave") == 0) {
        wanted->leave = json_is_true(value);
        return json_is_boolean(value) ? 0 : error_set(err, ERROR_INVALID, "leave: must be true or false");
    }
    return body_placing(&wanted->placing, name, value, err);
}

static bool read_body(struct api_call *call, struct wanted *wanted, struct api_reply *reply)
{
    static const char takes[] = "join takes player, data, leave, seats, key, strategy, near, exclude, "
                                "region, zone, group, tag and labels";
    struct error err;
    wanted->body = api_body_read(call, takes, take_member, wanted, reply);
    if (wanted->body == NULL) {
        return false;
    }
    int rc = placing_complete(&wanted->placing, &err);
    if (rc == 0 && !wanted->placing.has_player) {
        rc = error_set(&err, ERROR_INVALID, "player: is missing: the name of the player");
    }
    if (rc < 0) {
        api_refuse(reply, 400, "bad_body", "%s", err.text);
    }
    return rc == 0;
}

/* ---- the answer ---- */

static void write_place(const struct asking *asking, const struct api_joined *result, struct api_reply *reply)
{
    struct api_view view;
    struct str type, server = result->session->server;
    struct json_writer json = {.out = api_json(reply)};
    asking->context->ops->look(asking->context->agent, &view);
    json_write_object(&json);
    json_write_key(&json, "session");
    json_write_object(&json);
    session_json_members(&json, result->session);
    json_write_object_end(&json);
    type = str_split(server, '/', &server);
    answer_reservation(&json, &view, type, server, result->reservation);
    json_member_bool(&json, "reconnect", result->reservation == NULL);
    json_member_string_or_null(&json, "movedFrom", result->from);
    json_write_object_end(&json);
}

static void write_refused(const struct api_joined *result, struct api_reply *reply)
{
    reply->header = API_RETRY_SOON;
    if (result->is_full) {
        api_refuse(reply, 503, "session_store_full", "the session of the player was not stored: %.*s",
                   STR_ARG(result->error));
    } else {
        api_refuse(reply, 503, "session_store_away", "the session store refused the request: %.*s",
                   STR_ARG(result->error));
    }
}

static void write_registry_away(const struct api_joined *result, struct api_reply *reply)
{
    if (result->is_denied) {
        answer_denied(reply, result->error);
    } else {
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 503, "registry_away", "no seat could be reserved; ask again: %.*s",
                   STR_ARG(result->error));
    }
}

static void write_result(const struct asking *asking, const struct api_joined *result,
                         struct api_reply *reply)
{
    struct json_writer json;
    switch (result->outcome) {
    case JOIN_RECONNECTED:
    case JOIN_FOLLOWED:
    case JOIN_PLACED: write_place(asking, result, reply); break;
    case JOIN_NO_SEAT:
        answer_none(result->query, result->excluded, reply, &json);
        json_write_object_end(&json);
        break;
    case JOIN_STORE_AWAY:
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 503, "session_store_away",
                   "where the player is cannot be read or stored; ask again, or use /api/allocate, which "
                   "needs no session: %.*s",
                   STR_ARG(result->error));
        break;
    case JOIN_STORE_REFUSED: write_refused(result, reply); break;
    case JOIN_REGISTRY_AWAY: write_registry_away(result, reply); break;
    case JOIN_CONTENDED:
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 409, "conflict", "others keep changing the session of the player; try again");
        break;
    case JOIN_OUTCOME_COUNT: break;
    }
}

static void on_joined(const struct api_joined *result, void *user)
{
    struct asking *asking = user;
    struct api_reply reply = {0};
    write_result(asking, result, &reply);
    api_deferred_answer(asking->deferred, &reply);
}

/* ---- the request ---- */

static void begin(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct asking *asking = state;
    struct wanted *wanted = asking->wanted;
    struct api_context *context = call->context;
    asking->context = context;
    asking->deferred = deferred;
    asking->wanted = NULL;
    const struct api_join ask = {.query = &wanted->placing.query,
                                 .player = wanted->placing.player,
                                 .data = buf_view(&wanted->data),
                                 .leave = wanted->leave,
                                 .owned = wanted,
                                 .free_owned = free_wanted};
    if (!context->ops->join(context->agent, &ask, on_joined, asking)) {
        api_deferred_busy(deferred, "too many players are joining already");
    }
}

static struct wanted *new_wanted(const struct api_call *call)
{
    struct wanted *wanted = mem_zalloc(sizeof(*wanted));
    buf_str(&wanted->type, call->request.type);
    placing_init(&wanted->placing, buf_view(&wanted->type));
    return wanted;
}

static bool need_sessions(const struct api_call *call, struct api_reply *reply)
{
    if (call->view.sessions == NULL) {
        api_refuse(reply, 503, "sessions_off",
                   "this agent keeps no sessions, as its sessions.store is off: ask an observer, or use "
                   "/api/allocate");
        return false;
    }
    return true;
}

void api_join(struct api_call *call, struct api_reply *reply)
{
    if (!need_sessions(call, reply) || !placing_need_seats(call, reply)) {
        return;
    }
    struct wanted *wanted = new_wanted(call);
    if (!read_body(call, wanted, reply)) {
        free_wanted(wanted);
        return;
    }
    struct asking *asking = mem_zalloc(sizeof(*asking));
    asking->wanted = wanted;
    reply->turn = API_DEFERRED;
    reply->deferral = (struct api_deferral){.begin = begin,
                                            .state = asking,
                                            .free_state = free_asking,
                                            .timeout_ms = API_JOIN_LIMIT_MS + MARGIN_MS,
                                            .in_doubt = in_doubt};
}
