/* Requests that wait for the fleet to be read: kept whole, and asked again. */
#ifndef OUTRIDER_API_WAIT_INTERNAL_H
#define OUTRIDER_API_WAIT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api_waiters;
struct http_exchange;
struct http_request;
struct loop;

/* More than that wait for nothing that the first of them do not. */
enum { API_WAITERS_MAX = 256 };

/* Asks again; `impatient`: it has waited long enough and is to be answered now. */
typedef void api_again_fn(struct http_exchange *exchange, const struct http_request *request, bool impatient,
                          void *user);

/* Nobody waits yet. `loop` and `user` are borrowed. The caller owns the result. */
struct api_waiters *api_waiters_new(struct loop *loop, api_again_fn *again, void *user);

/* Those who wait get their last answer. Accepts NULL. */
void api_waiters_free(struct api_waiters *waiters);

/* Keeps the request, copied, for at most `patience_ms`. False when there is no room. */
bool api_waiters_add(struct api_waiters *waiters, struct http_exchange *exchange,
                     const struct http_request *request, int64_t patience_ms);

/* All of them ask again at the end of the turn. */
void api_waiters_wake(struct api_waiters *waiters);

#endif
