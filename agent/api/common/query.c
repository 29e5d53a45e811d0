/* Query parameters: a filter, or none. */
#include "outrider/api/common/request.h"

#include "outrider/api/common/reply.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/io/http/http_parse.h"

static void refuse_malformed(struct api_reply *reply)
{
    api_refuse(reply, 400, "bad_query", "the query is malformed: %%XX must be two hex digits of UTF-8");
}

bool api_read_filter(const struct api_request *request, struct filter *filter, struct api_reply *reply)
{
    struct str query = request->query, name, value;
    struct buf scratch = {0};
    struct error err;
    int found;
    while ((found = http_query_next(&query, &scratch, &name, &value)) > 0) {
        if (filter_add(filter, name, value, &err) < 0) {
            api_refuse(reply, 400, "bad_parameter", "%s", err.text);
            break;
        }
    }
    if (found < 0) {
        refuse_malformed(reply);
    }
    buf_fini(&scratch);
    return found == 0;
}

bool api_no_parameters(const struct api_request *request, struct api_reply *reply)
{
    struct str query = request->query, name, value;
    struct buf scratch = {0};
    int found = http_query_next(&query, &scratch, &name, &value);
    if (found < 0) {
        refuse_malformed(reply);
    } else if (found > 0) {
        api_refuse(reply, 400, "unknown_parameter", "unknown parameter `%.*s`: this path takes none",
                   (int)(name.size < 64 ? name.size : 64), name.data);
    }
    buf_fini(&scratch);
    return found == 0;
}
