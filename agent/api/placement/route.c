/* GET /api/route/{type}: which server for this player (docs/design/protocol.md, "Placement"). */
#include "placement_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/fleet/view_read.h"

static bool read_query(struct api_call *call, struct placing *placing, struct api_reply *reply)
{
    struct str query = call->request.query, name, value;
    struct buf scratch = {0};
    struct error err;
    int found, result = 0;
    while (result == 0 && (found = http_query_next(&query, &scratch, &name, &value)) > 0) {
        result = placing_take(placing, name, value, &err);
    }
    if (result == 0 && found < 0) {
        result =
            error_set(&err, ERROR_INVALID, "the query is malformed: %%XX must be two hex digits of UTF-8");
    }
    result = result == 0 ? placing_complete(placing, &err) : result;
    if (result < 0) {
        api_refuse(reply, 400, "bad_parameter", "%s", err.text);
    }
    buf_fini(&scratch);
    return result == 0;
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

static void write_age(struct json_writer *json, const struct api_call *call, const struct api_reply *reply)
{
    json_member_int(json, "revision", view_facts(call->view.fleet.view)->revision);
    json_member_bool(json, "stale", reply->stale_ms > 0);
    if (reply->stale_ms > 0) {
        json_member_int(json, "ageMs", reply->stale_ms);
    }
}

static void write_answer(const struct api_call *call, const struct placing *placing,
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
    write_age(&json, call, reply);
    json_write_object_end(&json);
}

void api_route(struct api_call *call, struct api_reply *reply)
{
    struct placing placing;
    struct placement_answer answer;
    placing_init(&placing, call->request.type);
    placing.keeps = true;
    if (read_query(call, &placing, reply)) {
        placement_choose(call->view.fleet.placement, call->view.fleet.view, &placing.query, &call->view.now,
                         &answer);
        if (answer.count > 0) {
            write_answer(call, &placing, &answer, reply);
        } else {
            struct json_writer json;
            answer_none(&placing.query, answer.excluded, reply, &json);
            write_age(&json, call, reply);
            json_write_object_end(&json);
        }
    }
    placing_fini(&placing);
}
