/* Whether the server comes and goes, and is kept out for it. */
#include "outrider/core/server/flapping.h"

#include "agent_internal.h"
#include "outrider/api/common/context.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/server.h"

void api_write_flapping(struct json_writer *json, const struct api_view *view)
{
    const struct flapping *flapping = server_flapping(view->server);
    const uint32_t limit = view->config->server.flapping.changes;
    const int64_t until = flapping_due(flapping);
    if (limit == 0) {
        json_write_key(json, "flapping");
        json_write_null(json);
        return;
    }
    json_member_object(json, "flapping");
    json_member_bool(json, "on", flapping->state == FLAPPING_ON);
    json_member_time(json, "since", flapping->on_wall);
    json_member_span(json, "readyInMs", until == NEVER_MS ? -1 : until - view->now.mono);
    json_member_uint(json, "changes", flapping->changes);
    json_member_uint(json, "limit", limit);
    json_write_object_end(json);
}
