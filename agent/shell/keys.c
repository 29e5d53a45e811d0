#include "keys_internal.h"

#include "outrider/base/hash.h"
#include "outrider/base/mem.h"
#include "outrider/registry/registry.h"

#include <stdlib.h>

/* Each may have an answer of 16 MB, which the registry is asked for at once. */
enum { REQUESTS_MAX = 8 };

/* A list may be of 16 MB, and no lease depends on it. */
enum { LIST_TIMEOUT_MS = 10000 };

/* A request under way. */
struct asked {
    uint64_t id;
    api_key_fn *done;
    void *user;
    UT_hash_handle hh;
};

struct keys {
    struct agent *agent;
    struct registry_client *client;
    struct asked *asked; /* by id */
    uint64_t last_id;
};

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct keys *keys = user;
    struct asked *asked;
    HASH_FIND(hh, keys->asked, &reply->id, sizeof(reply->id), asked);
    if (asked == NULL) {
        return;
    }
    struct asked own = *asked;
    HASH_DEL(keys->asked, asked); /* its place is free for the request that follows from the reply */
    free(asked);
    own.done(reply, registry_can(keys->agent->registry), own.user);
}

static struct keys *keys_new(struct agent *agent)
{
    struct keys *keys = mem_zalloc(sizeof(*keys));
    keys->agent = agent;
    keys->client = registry_attach(agent->registry, on_reply, NULL, keys);
    return keys;
}

bool keys_ask(struct agent *agent, const struct registry_request *request, api_key_fn *done, void *user)
{
    agent->keys = agent->keys == NULL ? keys_new(agent) : agent->keys;
    struct keys *keys = agent->keys;
    if (HASH_COUNT(keys->asked) >= REQUESTS_MAX) {
        return false;
    }
    struct registry_request own = *request;
    struct asked *asked = mem_zalloc(sizeof(*asked));
    *asked = (struct asked){.id = ++keys->last_id, .done = done, .user = user};
    HASH_ADD(hh, keys->asked, id, sizeof(asked->id), asked);
    own.id = asked->id;
    own.timeout_ms =
        request->op == REGISTRY_LIST ? LIST_TIMEOUT_MS : agent->config->registry.request_timeout_ms;
    registry_submit(keys->client, &own);
    return true;
}

void keys_free(struct keys *keys)
{
    if (keys == NULL) {
        return;
    }
    registry_detach(keys->client);
    struct asked *asked, *next;
    HASH_ITER(hh, keys->asked, asked, next)
    {
        HASH_DEL(keys->asked, asked);
        free(asked);
    }
    free(keys);
}
