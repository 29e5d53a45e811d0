/* Requests that get their reply later: one list with one limit, each with one timeout, which
 * waiting again does not extend. A handler asks for it with API_DEFERRED and `deferral` (reply.h). */
#ifndef OUTRIDER_API_COMMON_DEFERRED_H
#define OUTRIDER_API_COMMON_DEFERRED_H

#include <stdbool.h>

struct api_attempt;
struct api_call;
struct api_deferred;
struct api_deferreds;
struct api_reply;
struct api_request;
struct http_exchange;
struct loop;

/* Of those that are kept, so many may wait for the fleet: a crowd of look-ups leaves room for a drain. */
enum { API_DEFERRED_MAX = 256, API_DEFERRED_WAITS_MAX = 192 };

/* Handles a request again. `impatient`: it has waited to its timeout and gets a reply now. */
typedef void api_again_fn(struct http_exchange *exchange, const struct api_request *request, bool impatient,
                          void *user);

/* An empty list. `loop` and `user` are borrowed. The caller owns the result. Never NULL. */
struct api_deferreds *api_deferreds_new(struct loop *loop, api_again_fn *again, void *user);

/* Requests that wait are handled a last time; running operations get 503 `stopping`. Accepts NULL. */
void api_deferreds_free(struct api_deferreds *deferreds);

/* Keeps a copy of the request of `call`, takes over the exchange and the reply's state, and starts the
 * operation. False, with nothing taken over, when API_DEFERRED_MAX requests are kept already; for one without an operation
 * API_DEFERRED_WAITS_MAX. */
bool api_deferreds_add(struct api_deferreds *deferreds, struct api_call *call, struct http_exchange *exchange,
                       struct api_reply *reply);

/* Takes over the exchange and the complete reply, and sends it once the entry of call->attempt, which it takes over too, is on the
 * disk. */
void api_deferreds_hold(struct api_deferreds *deferreds, struct api_call *call,
                        struct http_exchange *exchange, struct api_reply *reply);

/* The exchange of a deferred request has ended without a reply: the request is dropped, and an operation goes on. */
void api_deferreds_gone(struct api_deferreds *deferreds, const struct http_exchange *exchange);

/* Requests without an operation are handled again at the end of the turn. */
void api_deferreds_wake(struct api_deferreds *deferreds);

/* Ends an operation: sends the reply, unless a timeout has done so, and frees what the reply holds, and the deferral with its
 * state. Exactly once for each operation that began, unless the list is freed first. */
void api_deferred_answer(struct api_deferred *deferred, struct api_reply *reply);

/* What the audit is told of the operation; NULL: nothing. Borrowed until it ends. */
struct api_attempt *api_deferred_attempt(struct api_deferred *deferred);

/* Ends one that cannot begin, as `message` says: another request in a second may succeed. */
void api_deferred_busy(struct api_deferred *deferred, const char *message);

#endif
