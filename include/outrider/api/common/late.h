/* Complete replies that are sent late: those to failed sign-ins, so that guessing a token takes time. They wait apart from the requests
 * that wait for work (deferred.h), whose places a guesser could fill. */
#ifndef OUTRIDER_API_COMMON_LATE_H
#define OUTRIDER_API_COMMON_LATE_H

#include <stdbool.h>

struct api_late;
struct api_reply;
struct http_exchange;
struct loop;

/* Beyond so many the answer comes at once. */
enum { API_LATE_MAX = 64 };

/* None waits. `loop` is borrowed. The caller owns the result. Never NULL. */
struct api_late *api_late_new(struct loop *loop);

/* Sends those that wait. Accepts NULL. */
void api_late_free(struct api_late *late);

/* Takes the reply over, to be sent after its delay_ms, with the exchange. False, with nothing taken, when API_LATE_MAX wait. */
bool api_late_add(struct api_late *late, struct http_exchange *exchange, struct api_reply *reply);

/* The exchange has ended without its reply, which is dropped where it waits here. */
void api_late_gone(struct api_late *late, const struct http_exchange *exchange);

#endif
