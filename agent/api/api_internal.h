#ifndef OUTRIDER_API_API_INTERNAL_H
#define OUTRIDER_API_API_INTERNAL_H

struct api_context;
struct api_reply;
struct api_request;

/* routes.c: finds the route of a request, applies its rules and calls its handler. `reply` is zeroed. */
void api_handle(struct api_context *context, const struct api_request *request, struct api_reply *reply);

#endif
