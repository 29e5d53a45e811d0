/* key_watches.c: watches of keys for the key browser. Each is of its own, and there is none while nothing watches. */
#ifndef OUTRIDER_SHELL_KEY_WATCHES_INTERNAL_H
#define OUTRIDER_SHELL_KEY_WATCHES_INTERNAL_H

#include "agent_internal.h"

struct key_watches;

/* As struct api_ops has them. Makes agent->key_watches where it is the first. */
struct api_key_watch *key_watches_begin(struct agent *agent, struct str key, struct str end, int64_t after,
                                        const struct api_key_watch_calls *calls, void *user);
void key_watches_end(struct api_key_watch *watch);

/* Accepts NULL. */
void key_watches_free(struct key_watches *watches);

#endif
