#include "outrider/api/common/body.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_read.h"

/* Members, elements and labels of one body. */
enum { VALUES_MAX = 256 };

static json_t *parse(struct str body, struct error *err)
{
    json_error_t where;
    body = str_skip_bom(body);
    if (str_trim(body).size == 0) {
        return json_object();
    }
    if (!json_is_modest(body, VALUES_MAX)) {
        error_set(err, ERROR_LIMIT, "the body has more than %d values, or is nested too deep", VALUES_MAX);
        return NULL;
    }
    json_t *root = json_loadb(body.data, body.size, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL) {
        error_set(err, ERROR_INVALID, "the body is not JSON: line %d, column %d: %s", where.line,
                  where.column, where.text);
    } else if (!json_is_object(root)) {
        json_decref(root);
        root = NULL;
        error_set(err, ERROR_INVALID, "the body must be a JSON object");
    }
    return root;
}

json_t *api_body_read(const struct api_call *call, const char *takes, api_member_fn *take, void *user,
                      struct api_reply *reply)
{
    struct error err;
    json_t *root = parse(call->request.body, &err);
    int rc = root == NULL ? -1 : 0;
    for (void *at = json_object_iter(root); at != NULL && rc == 0; at = json_object_iter_next(root, at)) {
        const char *name = json_object_iter_key(at);
        rc = take(user, name, json_object_iter_value(at), &err);
        if (rc == API_MEMBER_UNKNOWN) {
            rc = error_set(&err, ERROR_INVALID, "unknown member `%.64s`: %s", name, takes);
        }
    }
    if (rc < 0) {
        api_refuse(reply, 400, "bad_body", "%s", err.text);
        json_decref(root);
        return NULL;
    }
    return root;
}
