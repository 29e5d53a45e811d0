#ifndef OUTRIDER_API_FLEET_FLEET_INTERNAL_H
#define OUTRIDER_API_FLEET_FLEET_INTERNAL_H

struct api_reply;
struct api_request;
struct view;

/* services.c: the record that the request names, borrowed; NULL with `reply` made a 404. */
const struct view_entry *fleet_need_service(const struct view *fleet, const struct api_request *request,
                                            struct api_reply *reply);

#endif
