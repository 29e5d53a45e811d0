#ifndef OUTRIDER_API_FLEET_FLEET_INTERNAL_H
#define OUTRIDER_API_FLEET_FLEET_INTERNAL_H

struct api_call;
struct api_reply;

/* services.c: the record that the request names, borrowed; NULL with `reply` made a 404. */
const struct view_entry *fleet_need_service(const struct api_call *call, struct api_reply *reply);

#endif
