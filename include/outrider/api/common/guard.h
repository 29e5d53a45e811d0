/* The guard: what a request must pass before its handler, and whom it finds out about. */
#ifndef OUTRIDER_API_COMMON_GUARD_H
#define OUTRIDER_API_COMMON_GUARD_H

#include "outrider/base/attr.h"
#include "outrider/core/access/access.h"

#include <stdbool.h>

struct api_call;
struct api_reply;
struct config;
struct error;

/* What is judged of a request before its role, in this order. */
enum api_check {
    API_CHECK_HOST = 1,   /* Host is a name of this agent, where the listener's policy asks for that */
    API_CHECK_ORIGIN = 2, /* Origin, where there is one, is that of this agent */
    API_CHECK_TYPE =
        4 /* the content is JSON. PUT and DELETE, which no form can send, need a type only with a body */
};

/* Makes the `checks` (of enum api_check) and finds out who asks, which call->request.who then has. False with `reply` made an error: by a
 * check; 401 where it takes a name and the request proves none; 403 `role`, which names the role that it takes. */
bool api_guard(struct api_call *call, enum access_role takes, unsigned checks, struct api_reply *reply);

/* Whether the peer may see ids of leases: it came over a unix socket, or has the token of http.token_file. */
bool api_may_see_leases(struct api_call *call);

/* Checks that the token file can be read, for the start. Returns 0, also when none is configured, or -1. */
int api_check_token_file(const struct config *config, struct error *err) MUST_CHECK;

#endif
