/* Which requests may change state. */
#ifndef OUTRIDER_API_COMMON_GUARD_H
#define OUTRIDER_API_COMMON_GUARD_H

#include "outrider/base/attr.h"

#include <stdbool.h>

struct api_context;
struct api_reply;
struct api_request;
struct config;
struct error;

/* Checks Host, Origin, Content-Type and token, in this order, as the request's policy asks. False with `reply`
 * made an error. */
bool api_may_change(const struct api_context *context, const struct api_request *request,
                    struct api_reply *reply);

/* Checks that the token file can be read, for the start. Returns 0, also when none is configured, or -1. */
int api_check_token_file(const struct config *config, struct error *err) MUST_CHECK;

#endif
