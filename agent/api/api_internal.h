#ifndef OUTRIDER_API_API_INTERNAL_H
#define OUTRIDER_API_API_INTERNAL_H

struct api_call;
struct api_reply;

/* routes.c: finds the route of a request, applies its rules and calls its handler. `reply` is zeroed. The caller
 * frees call->filter. */
void api_handle(struct api_call *call, struct api_reply *reply);

#endif
