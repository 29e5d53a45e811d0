/* What became of servers: their history, that of the fleet, those that are gone, and what happened last (docs/design/protocol.md,
 * "History"). */
#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/fleet/lists.h"
#include "outrider/base/error.h"
#include "outrider/codec/history/history_json.h"
#include "outrider/core/history/history_read.h"

enum { LIMIT = 100, LIMIT_MAX = 1000 };

/* NULL with `reply` made an error where the agent keeps none. */
static const struct history *need_history(const struct api_call *call, struct api_reply *reply)
{
    const struct history *history = call->view.fleet.history;
    if (history == NULL) {
        api_refuse(
            reply, 503, "history_off",
            "this agent keeps no history: set `history: on`, or ask an observer, which keeps one unless "
            "`history` is off");
    }
    return history;
}

void api_service_history(struct api_call *call, struct api_reply *reply)
{
    const struct history *history = need_history(call, reply);
    struct str type = call->request.type, id = call->request.id;
    if (history == NULL) {
        return;
    }
    const struct history_server *server = history_find(history, type, id);
    if (server == NULL) {
        api_refuse(reply, 404, "no_such_service",
                   "nothing is known of a service %.*s/%.*s: it was never seen, or went more than a day ago",
                   type.size < 64 ? (int)type.size : 64, type.data, id.size < 130 ? (int)id.size : 130,
                   id.data);
        return;
    }
    history_json_server(history, server, &call->view.now, api_json(reply));
}

void api_fleet_history(struct api_call *call, struct api_reply *reply)
{
    const struct history *history = need_history(call, reply);
    if (history != NULL) {
        struct str series = api_lists_series(call->context->lists, history);
        history_json_fleet(history, series, &call->view.now, api_json(reply));
    }
}

/* ---- pages ---- */

struct page {
    uint64_t before, limit; /* limit 0: not given */
    bool has_before, may_before;
};

static int take(struct str name, struct str value, void *user, struct error *err)
{
    struct page *page = user;
    uint64_t number = 0;
    if (str_eq(name, STR("_"))) { /* against caches */
        return 0;
    }
    bool limit = str_eq(name, STR("limit")), before = str_eq(name, STR("before")) && page->may_before;
    if (!limit && !before) {
        return error_set(err, ERROR_NOT_FOUND, "unknown parameter `%.*s`: this path takes %s",
                         (int)(name.size < 64 ? name.size : 64), name.data,
                         page->may_before ? "`before` and `limit`" : "`limit`");
    }
    if (limit ? page->limit != 0 : page->has_before) {
        return error_set(err, ERROR_INVALID, "`%s` is given twice", limit ? "limit" : "before");
    }
    if (limit && (str_to_u64(value, LIMIT_MAX, &number) < 0 || number == 0)) {
        return error_set(err, ERROR_INVALID, "`limit` is a number from 1 to %d", LIMIT_MAX);
    }
    if (before && str_to_u64(value, INT64_MAX, &number) < 0) {
        return error_set(err, ERROR_INVALID, "`before` is the `next` of the page before");
    }
    *(limit ? &page->limit : &page->before) = number;
    page->has_before = page->has_before || before;
    return 0;
}

/* False with `reply` made an error. */
static bool read_page(const struct api_call *call, struct page *page, struct api_reply *reply)
{
    if (!api_take_parameters(call, take, page, reply)) {
        return false;
    }
    page->limit = page->limit == 0 ? LIMIT : page->limit;
    page->before = page->has_before ? page->before : UINT64_MAX;
    return true;
}

void api_offline(struct api_call *call, struct api_reply *reply)
{
    struct page page = {.limit = 0};
    const struct history *history = read_page(call, &page, reply) ? need_history(call, reply) : NULL;
    if (history != NULL) {
        history_json_offline(history, page.limit, &call->view.now, api_json(reply));
    }
}

void api_activity(struct api_call *call, struct api_reply *reply)
{
    struct page page = {.may_before = true};
    const struct history *history = read_page(call, &page, reply) ? need_history(call, reply) : NULL;
    if (history != NULL) {
        history_json_activity(history, page.before, page.limit, &call->view.now, api_json(reply));
    }
}
