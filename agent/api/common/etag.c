#include "outrider/api/common/etag.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"

/* If-None-Match of RFC 9110, 13.1.2: a list, compared weakly; `*` matches all. `*ret_weak`: the one that matches is weak. */
static bool matches(struct str given, const char *etag, bool *ret_weak)
{
    while (given.size > 0) {
        struct str one = str_trim(str_split(given, ',', &given));
        *ret_weak = str_starts(one, STR("W/"));
        if (*ret_weak) {
            one = (struct str){one.data + 2, one.size - 2};
        }
        if (str_eq(one, STR("*")) || str_eq(one, str_of(etag))) {
            return true;
        }
    }
    return false;
}

bool api_not_modified(const struct api_call *call, struct api_reply *reply)
{
    bool is_weak = false;
    bool same = reply->etag[0] != '\0' && matches(call->request.if_none_match, reply->etag, &is_weak);
    if (same) {
        reply->is_weak = is_weak && reply->varies; /* the form that the requester has */
        reply->status = 304;
        reply->content_type = NULL;
    }
    return same;
}
