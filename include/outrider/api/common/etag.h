/* Requests for what the requester may have already. */
#ifndef OUTRIDER_API_COMMON_ETAG_H
#define OUTRIDER_API_COMMON_ETAG_H

#include <stdbool.h>

struct api_call;
struct api_reply;

/* Whether the requester has what reply->etag names (If-None-Match; an ETag that is empty names nothing): then `reply` is made a 304 without
 * content. */
bool api_not_modified(const struct api_call *call, struct api_reply *reply);

#endif
