/* The guard: what a request must pass before its handler, and whom it finds out about. */
#ifndef OUTRIDER_API_COMMON_GUARD_H
#define OUTRIDER_API_COMMON_GUARD_H

#include "outrider/core/access/access.h"

#include <stdbool.h>

struct api_call;
struct api_reply;

/* What is judged of a request before its role, in this order. */
enum api_check {
    API_CHECK_HOST = 1,   /* Host is a name of this agent, where the listener's policy asks for that */
    API_CHECK_ORIGIN = 2, /* Origin, where there is one, is that of this agent */
    API_CHECK_TYPE =
        4, /* the content is JSON; of a PUT or DELETE, which no form can send, only where it has a body */
    API_CHECK_HOST_OR_TOKEN = 8, /* Host, unless a token is right: a monitor may use any name */
    API_CHECK_SOCKET =
        32, /* with ORIGIN, of a WebSocket: no page can send X-Outrider with it, so its Origin alone shows that it is ours */
    API_CHECK_WHO = 16 /* the request asks who it is from: no token or a wrong one is no error */
};

/* Makes the `checks` (of enum api_check) and finds out who asks, which call->request.who then has. Where a read takes no
 * role, no proof of a name is looked at: what a cache may keep has no cookie, and a wrong token is no error. A change whose name is proved by
 * what a browser sends by itself must show that it is by a page of this agent. False with `reply` made an error: by a check; 401 where it
 * takes a name and the request proves none; 403 `role`, which names the role that it takes. `reply` may get a cookie also where it
 * is none. */
bool api_guard(struct api_call *call, enum access_role takes, unsigned checks, struct api_reply *reply);

/* Whether the peer may see ids of leases: it came over a unix socket, or is an operator by a token or a session. A wrong token makes `reply`
 * late. */
bool api_may_see_leases(struct api_call *call, struct api_reply *reply);

#endif
