/* What the files of the folder share: the parameters of a request, and who subscribes. */
#ifndef OUTRIDER_API_SESSIONS_SESSIONS_INTERNAL_H
#define OUTRIDER_API_SESSIONS_SESSIONS_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/core/session/session_request.h"

struct api_call;
struct api_reply;

enum { PARAMETER_TYPE = 1, PARAMETER_SERVER = 2, PARAMETER_PLAYER = 4, PARAMETER_PAGE = 8 };

/* Parameters of a query; absent ones are empty or 0. Texts are in `kept`. */
struct session_parameters {
    struct str type, server, player, after;
    size_t limit;
    struct buf kept;
};

/* Reads the query of `call`, which may have those of `allowed`, each once. False with `reply` made an error. To be ended with
 * session_parameters_fini() either way. */
bool session_parameters_read(struct api_call *call, unsigned allowed,
                             struct session_parameters *ret_parameters, struct api_reply *reply);

/* Frees what was decoded; accepts a zeroed one. */
void session_parameters_fini(struct session_parameters *parameters);

/* Whether the agent has a store; else `reply` is made an error. */
bool sessions_need_store(const struct api_call *call, struct api_reply *reply);

#endif
