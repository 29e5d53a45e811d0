/* What is known of the server beside its status, and where each value is from. */
#include "agent_internal.h"
#include "outrider/api/common/context.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/server/server.h"

#include <stdio.h>

static const char *source_text(const struct server_value *value, char out[static 80])
{
    switch (value->source) {
    case SERVER_SOURCE_NONE: out[0] = '\0'; break;
    case SERVER_SOURCE_CONFIGURATION: snprintf(out, 80, "configuration"); break;
    case SERVER_SOURCE_PROBE: snprintf(out, 80, "probe %s", value->probe); break;
    case SERVER_SOURCE_REPORTED: snprintf(out, 80, "server"); break;
    }
    return out;
}

void api_write_facts(struct json_writer *json, const struct api_view *view)
{
    char source[80];
    json_member_array(json, "facts");
    for (enum config_fact fact = 0; fact < CONFIG_FACT_COUNT; fact++) {
        struct server_value value = server_value(view->server, fact);
        if (value.source == SERVER_SOURCE_NONE) {
            continue;
        }
        json_write_object(json);
        json_member_text(json, "name", config_fact_name(fact));
        if (value.text == NULL) {
            json_member_uint(json, "value", value.number);
        } else {
            json_member_text(json, "value", value.text);
        }
        json_member_text(json, "source", source_text(&value, source));
        json_write_object_end(json);
    }
    json_write_array_end(json);
}
