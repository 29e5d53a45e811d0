/* keys.c: the requests of the key browser, as a client of the registry of their own. */
#ifndef OUTRIDER_SHELL_KEYS_INTERNAL_H
#define OUTRIDER_SHELL_KEYS_INTERNAL_H

#include "agent_internal.h"

/* As struct api_ops has it. Makes agent->keys where it is the first request. */
bool keys_ask(struct agent *agent, const struct registry_request *request, api_key_fn *done, void *user);

/* What is under way is not answered any more. Accepts NULL. */
void keys_free(struct keys *keys);

#endif
