/* GET /api/leader and /api/leader/{scope}: who leads (docs/design/protocol.md, "Leadership"). */
#include "outrider/core/leader/leaders.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/record/leader_json.h"
#include "outrider/core/registry/mirror.h"

static void write_age(struct json_writer *json, const struct api_call *call, const struct api_reply *reply)
{
    json_member_int(json, "revision", mirror_facts(call->view.fleet.leader_keys)->revision);
    json_member_bool(json, "stale", reply->stale_ms > 0);
    if (reply->stale_ms > 0) {
        json_member_int(json, "ageMs", reply->stale_ms);
    }
}

void api_leaders(struct api_call *call, struct api_reply *reply)
{
    const struct leaders *leaders = call->view.fleet.leaders;
    if (!api_need_leaders(call, false, reply)) {
        return;
    }
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_array(&json, "leaders");
    for (size_t i = 0; i < leaders_count(leaders); i++) {
        const struct leaders_scope *scope = leaders_at(leaders, i);
        if (scope->candidates > 0) {
            struct buf text = {0};
            leader_json_scope(scope, &text);
            json_write_raw(&json, buf_view(&text));
            buf_fini(&text);
        }
    }
    json_write_array_end(&json);
    json_member_object(&json, "skipped");
    for (enum leaders_skip skip = 0; skip < LEADERS_SKIP_COUNT; skip++) {
        json_member_uint(&json, leaders_skip_name(skip), leaders_skipped(leaders, skip));
    }
    json_write_object_end(&json);
    json_member_uint(&json, "leftOut", mirror_facts(call->view.fleet.leader_keys)->left_out);
    write_age(&json, call, reply);
    json_write_object_end(&json);
}

void api_leader(struct api_call *call, struct api_reply *reply)
{
    struct str name = call->request.scope;
    if (!api_need_leaders(call, false, reply)) {
        return;
    }
    const struct leaders_scope *scope = leaders_find(call->view.fleet.leaders, name);
    int shown = name.size < LEADERS_NAME_MAX ? (int)name.size : LEADERS_NAME_MAX;
    if (scope == NULL || scope->token == 0) {
        api_refuse(reply, 404, "no_leader", "the scope %.*s has no leader", shown, name.data);
    } else if (!scope->named) {
        api_refuse(reply, 404, "no_leader",
                   "who leads the scope %.*s is unknown: the value of its key cannot be read", shown,
                   name.data);
    } else {
        leader_json_scope(scope, api_json(reply));
    }
}
