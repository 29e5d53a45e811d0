/* The streams of GET /api/keys/watch (docs/http-api.md, "Keys"). */
#ifndef OUTRIDER_API_KEYS_KEY_WATCHERS_H
#define OUTRIDER_API_KEYS_KEY_WATCHERS_H

#include <stddef.h>

struct key_watchers;
struct loop;

/* None is open. `loop` is borrowed. The caller owns the result. Never NULL. */
struct key_watchers *key_watchers_new(struct loop *loop);

/* How many are open. */
size_t key_watchers_count(const struct key_watchers *watchers);

/* Ends each with a `bye`. Accepts NULL. */
void key_watchers_free(struct key_watchers *watchers);

#endif
