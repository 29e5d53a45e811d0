/* What the files of api/drains share. */
#ifndef OUTRIDER_API_DRAINS_DRAINS_INTERNAL_H
#define OUTRIDER_API_DRAINS_DRAINS_INTERNAL_H

#include "outrider/core/fleet/filter.h"
#include "outrider/core/wave/wave_plan.h"

struct api_call;
struct api_plans;
struct api_reply;
struct json_writer;

/* What a body asks for. drains_body_fini ends it. */
struct drains_body {
    struct wave_spec spec;
    char by[HOLD_BY_MAX + 1];
    char plan_hash[16 + 1];
    struct filter *filter; /* NULL: servers are named */
    char **places;         /* TYPE/ID, each once */
    size_t place_count;
};

/* Reads the body. False with `reply` made an error. */
bool drains_read_body(const struct api_call *call, struct drains_body *ret_body, struct api_reply *reply);
void drains_body_fini(struct drains_body *body);

/* Plans it for the fleet as it is. False with `reply` made an error: a server that is not there, none at all, too many. Ends with
 * wave_plan_fini(), and `*ret_servers`, which the plan borrows of, with free(). */
bool drains_plan(const struct api_call *call, const struct drains_body *body, struct wave_seen **ret_servers,
                 struct wave_plan *ret_plan, struct api_reply *reply);

/* Makes `ret_wave`, not yet initialised, of the holds that are left of the drain that the path names, UNDOING; wave_fini() ends it. False, with
 * nothing made: no record names it. */
bool drains_find_lost(const struct api_call *call, struct wave *ret_wave);

/* Keeps what `plan` says of its servers, as one of the last few. */
void drains_keep_plan(struct api_plans *plans, const struct wave_plan *plan);

/* Writes the member `changes`: what differs between the preview with `hash` and `plan`, [{"server","was","is"}]; null where
 * that preview is not known here. */
void drains_write_difference(struct api_plans *plans, const char *hash, const struct wave_plan *plan,
                             struct json_writer *json);

#endif
