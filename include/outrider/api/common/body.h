/* The JSON body of a request: an object, read member by member. */
#ifndef OUTRIDER_API_COMMON_BODY_H
#define OUTRIDER_API_COMMON_BODY_H

#include "outrider/base/attr.h"

#include <jansson.h>

struct api_call;
struct api_reply;
struct error;

/* Takes one member. Returns 0; -1 with `err`; or API_MEMBER_UNKNOWN, with `err` untouched, where there is no such member. */
typedef int api_member_fn(void *user, const char *name, const json_t *value, struct error *err);

enum { API_MEMBER_UNKNOWN = 1 };

/* Reads the body, an object or nothing, which counts as one without members. `takes` says what it may have, for the error about
 * another member: "undrain takes by". Returns the object, which texts are borrowed of, for json_decref(); NULL with `reply`
 * made an error. */
json_t *api_body_read(const struct api_call *call, const char *takes, api_member_fn *take, void *user,
                      struct api_reply *reply) MUST_CHECK;

#endif
