/* GET /api/route/{type}: which server for this player (docs/design/protocol.md, "Placement"). */
#include "placement_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/placements.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/session/session.h"

#include <stdlib.h>

static int take(struct str name, struct str value, void *user, struct error *err)
{
    return placing_take(user, name, value, err);
}

static bool read_query(struct api_call *call, struct placing *placing, struct api_reply *reply)
{
    struct error err;
    if (!api_take_parameters(call, take, placing, reply)) {
        return false;
    }
    if (placing_complete(placing, &err) < 0) {
        api_refuse_parameter(reply, &err);
        return false;
    }
    return true;
}

/* Why this server, in a few words. */
static void write_reason(struct json_writer *json, const struct placing *placing,
                         const struct placement_answer *answer)
{
    static const char *const by[PLACEMENT_STRATEGY_COUNT] = {
        [PLACEMENT_CONSISTENT_HASH] = "ring",
        [PLACEMENT_LEAST_CONNECTIONS] = "least used",
        [PLACEMENT_ROUND_ROBIN] = "next in turn",
        [PLACEMENT_PACKED] = "fullest with room",
    };
    struct buf text = {0};
    struct str zone = view_entry_text(answer->entries[0], VIEW_ZONE);
    struct str region = view_entry_text(answer->entries[0], VIEW_REGION);
    buf_str(&text, str_of(by[placing->query.strategy]));
    switch (answer->reaches[0]) {
    case PLACEMENT_IN_ZONE: buf_printf(&text, " of zone %.*s", STR_ARG(zone)); break;
    case PLACEMENT_IN_REGION: buf_printf(&text, " of region %.*s", STR_ARG(region)); break;
    case PLACEMENT_ANYWHERE: buf_printf(&text, " of type %.*s", STR_ARG(placing->query.type)); break;
    }
    json_member_string(json, "reason", buf_view(&text));
    buf_fini(&text);
}

static void write_age(struct json_writer *json, const struct api_view *view, const struct api_reply *reply)
{
    json_member_int(json, "revision", view_facts(view->fleet.view)->revision);
    json_member_bool(json, "stale", reply->stale_ms > 0);
    if (reply->stale_ms > 0) {
        json_member_int(json, "ageMs", reply->stale_ms);
    }
}

static void write_answer(const struct api_view *view, const struct placing *placing,
                         const struct placement_answer *answer, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_write_key(&json, "service");
    answer_service(&json, answer->entries[0]);
    json_member_array(&json, "alternatives");
    for (size_t i = 1; i < answer->count; i++) {
        answer_service(&json, answer->entries[i]);
    }
    json_write_array_end(&json);
    json_member_text(&json, "strategy", placement_strategy_name(placing->query.strategy));
    write_reason(&json, placing, answer);
    json_member_uint(&json, "candidates", answer->candidates);
    write_age(&json, view, reply);
    json_write_object_end(&json);
}

static void choose(struct api_context *context, const struct api_view *view, const struct placing *placing,
                   struct api_reply *reply)
{
    struct placement_answer answer;
    struct json_writer json;
    placement_choose(view->fleet.placement, view->fleet.view, &placing->query, &view->now, &answer);
    api_placements_count(context->placements, placing->query.type, placing->query.strategy,
                         answer.count > 0 ? API_PLACED_ROUTED : API_PLACED_NONE,
                         answer.count > 0 ? NULL : answer.excluded);
    if (answer.count > 0) {
        write_answer(view, placing, &answer, reply);
        return;
    }
    answer_none(&placing->query, answer.excluded, reply, &json);
    write_age(&json, view, reply);
    json_write_object_end(&json);
}

/* ---- a session of the player ---- */

/* A request that waits for the session store. */
struct routing {
    struct placing placing;
    struct buf type;
    struct api_context *context;
    struct api_deferred *deferred;
};

static void free_routing(void *state)
{
    struct routing *routing = state;
    placing_fini(&routing->placing);
    buf_fini(&routing->type);
    free(routing);
}

/* It is where the player is, so it is the answer although it is full or drains. */
static void write_home(const struct api_view *view, const struct placing *placing,
                       const struct view_entry *home, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_write_key(&json, "service");
    answer_service(&json, home);
    json_member_array(&json, "alternatives");
    json_write_array_end(&json);
    json_member_text(&json, "strategy", placement_strategy_name(placing->query.strategy));
    json_member_text(&json, "reason", "session of the player");
    json_member_uint(&json, "candidates", 1);
    write_age(&json, view, reply);
    json_write_object_end(&json);
}

static const struct view_entry *find_home(const struct view *view, const struct session_reply *found)
{
    if (found->failure != SESSION_OK || !found->found) {
        return NULL;
    }
    struct str id = found->session.server, type = str_split(id, '/', &id);
    const struct view_entry *entry = view_find(view, type, id);
    return entry != NULL && view_entry_keeps_players(entry) ? entry : NULL;
}

/* A store that is away does not keep a player from a server. */
static void on_found(const struct session_reply *found, void *user)
{
    struct routing *routing = user;
    struct api_reply reply = {0};
    struct api_view view;
    routing->context->ops->look(routing->context->agent, &view);
    reply.stale_ms = api_stale_ms(&view);
    const struct view_entry *home = find_home(view.fleet.view, found);
    if (home != NULL) {
        write_home(&view, &routing->placing, home, &reply);
    } else {
        choose(routing->context, &view, &routing->placing, &reply);
    }
    api_deferred_answer(routing->deferred, &reply);
}

static void begin(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct routing *routing = state;
    routing->context = call->context;
    routing->deferred = deferred;
    const struct session_request request = {.op = SESSION_FIND,
                                            .player = routing->placing.player,
                                            .type = routing->placing.query.type,
                                            .timeout_ms = call->view.config->registry.request_timeout_ms};
    call->context->ops->session(call->context->agent, &request, on_found, routing);
}

static void look_for_session(struct api_call *call, struct api_reply *reply)
{
    struct routing *routing = mem_zalloc(sizeof(*routing));
    buf_str(&routing->type, call->request.type);
    placing_init(&routing->placing, buf_view(&routing->type));
    routing->placing.keeps = true;
    if (!read_query(call, &routing->placing, reply)) {
        free_routing(routing);
        return;
    }
    reply->turn = API_DEFERRED;
    reply->deferral = (struct api_deferral){.begin = begin,
                                            .state = routing,
                                            .free_state = free_routing,
                                            .timeout_ms = 2 * call->view.config->registry.request_timeout_ms,
                                            .in_doubt = "where the player is; ask again"};
}

/* A name that no session can have is a key like any other. */
static bool may_have_session(const struct api_call *call, const struct placing *placing)
{
    return placing->has_player && call->view.sessions != NULL &&
           session_player_problem(placing->player) == NULL;
}

void api_route(struct api_call *call, struct api_reply *reply)
{
    struct placing placing;
    placing_init(&placing, call->request.type);
    placing.keeps = true;
    if (read_query(call, &placing, reply)) {
        if (may_have_session(call, &placing)) {
            look_for_session(call, reply);
        } else {
            choose(call->context, &call->view, &placing, reply);
        }
    }
    placing_fini(&placing);
}
