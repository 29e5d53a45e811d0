#include "sessions_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/io/http/http_parse.h"

/* A name, and where it goes; `problem` says what it may not be. */
struct parameter {
    const char *name;
    unsigned group;
    size_t offset;
    const char *(*problem)(struct str text);
};

static const char *any(struct str text)
{
    return text.size == 0 ? "is empty" : NULL;
}

static const struct parameter parameters[] = {
    {"type", PARAMETER_TYPE, offsetof(struct session_parameters, type), session_type_problem},
    {"server", PARAMETER_SERVER, offsetof(struct session_parameters, server), session_server_problem},
    {"player", PARAMETER_PLAYER, offsetof(struct session_parameters, player), session_player_problem},
    {"after", PARAMETER_PAGE, offsetof(struct session_parameters, after), any},
};

static int take_limit(struct session_parameters *found, struct str value, struct error *err)
{
    uint64_t limit = 0;
    if (found->limit != 0) {
        return error_set(err, ERROR_INVALID, "`limit` is given twice");
    }
    if (str_to_u64(value, SESSION_PAGE_MAX, &limit) < 0 || limit == 0) {
        return error_set(err, ERROR_INVALID, "`limit` is a number from 1 to %d", SESSION_PAGE_MAX);
    }
    found->limit = (size_t)limit;
    return 0;
}

struct reading {
    struct session_parameters *found;
    unsigned allowed;
};

static int take(struct str name, struct str value, void *user, struct error *err)
{
    const struct reading *reading = user;
    struct session_parameters *found = reading->found;
    unsigned allowed = reading->allowed;
    if (str_eq(name, STR("_"))) { /* against caches */
        return 0;
    }
    if (str_eq(name, STR("limit")) && (allowed & PARAMETER_PAGE) != 0) {
        return take_limit(found, value, err);
    }
    for (size_t i = 0; i < COUNT_OF(parameters); i++) {
        const struct parameter *each = &parameters[i];
        if (!str_eq(name, str_of(each->name)) || (allowed & each->group) == 0) {
            continue;
        }
        struct str *text = (struct str *)(void *)((char *)found + each->offset);
        const char *problem = text->size > 0 ? "is given twice" : each->problem(value);
        if (problem != NULL) {
            return error_set(err, ERROR_INVALID, "`%s` %s", each->name, problem);
        }
        *text = (struct str){found->kept.data + found->kept.size, value.size};
        buf_str(&found->kept, value);
        return 0;
    }
    return error_set(err, ERROR_NOT_FOUND, "unknown parameter `%.*s`", name.size < 64 ? (int)name.size : 64,
                     name.data);
}

bool session_parameters_read(struct api_call *call, unsigned allowed,
                             struct session_parameters *ret_parameters, struct api_reply *reply)
{
    struct reading reading = {.found = ret_parameters, .allowed = allowed};
    *ret_parameters = (struct session_parameters){0};
    /* What is decoded is not longer than the query: it does not move. */
    (void)buf_extend(&ret_parameters->kept, call->request.query.size + 1);
    ret_parameters->kept.size = 0;
    return api_take_parameters(call, take, &reading, reply);
}

void session_parameters_fini(struct session_parameters *found)
{
    buf_fini(&found->kept);
}
