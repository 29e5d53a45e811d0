#include "check_internal.h"

#include "outrider/cli/common/cli.h"
#include "outrider/core/config/config.h"

#ifdef OUTRIDER_REDIS

#include "outrider/base/buf.h"
#include "outrider/cli/common/registry_access.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"
#include "outrider/os/log.h"
#include "outrider/session/redis/session_redis.h"
#include "outrider/session/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_WITHIN_MS = 3000, TTL_MS = 10000 };

struct tried {
    bool answered;
    enum session_failure failure;
    struct buf error;
};

static void on_reply(const struct session_reply *reply, void *user)
{
    struct tried *tried = user;
    tried->answered = true;
    tried->failure = reply->failure;
    buf_clear(&tried->error);
    buf_str(&tried->error, reply->error);
}

/* One after the other, until one fails. */
static void try_all(struct session_client *client, struct loop *loop, struct str id, struct tried *tried)
{
    struct session session = {.id = id, .player = id, .server = STR("check/check")};
    const struct session_request requests[] = {
        {.op = SESSION_PUT, .session = session, .ttl_ms = TTL_MS},
        {.op = SESSION_TOUCH, .session_id = id, .ttl_ms = TTL_MS},
        {.op = SESSION_LIST, .server = session.server, .limit = 1},
        {.op = SESSION_END, .session_id = id, .why = SESSION_DELETED},
    };
    for (size_t i = 0; i < COUNT_OF(requests) && tried->failure == SESSION_OK; i++) {
        struct session_request request = requests[i];
        request.id = i + 1;
        request.timeout_ms = ANSWER_WITHIN_MS;
        tried->answered = false;
        session_submit(client, &request);
        while (!tried->answered) {
            loop_turn_once(loop, true);
        }
    }
}

int check_sessions(const struct config *config, const struct registry_access *access)
{
    struct tried tried = {0};
    struct session_facts facts;
    uint64_t seed;
    char id[32];
    if (config->sessions.store != CONFIG_SESSIONS_REDIS) {
        return EX_DONE;
    }
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT,
              STDERR_FILENO); /* what is wrong is in the line that is printed */
    entropy_fill(&seed, sizeof(seed));
    snprintf(id, sizeof(id), "check-%016" PRIx64, seed);
    struct session_store *store =
        session_redis_new(access->loop, access->resolver, &config->sessions.redis, seed);
    int64_t start_us = clock_mono_us();
    try_all(session_attach(store, on_reply, NULL, &tried), access->loop, str_of(id), &tried);
    session_facts(store, &facts);
    if (tried.failure == SESSION_OK) {
        printf("sessions in redis at %s: ok, %" PRId64 " ms\n", facts.place,
               (clock_mono_us() - start_us) / 1000);
    } else {
        const char *why = buf_text(&tried.error);
        bool lacks_right = strstr(why, "NOPERM") != NULL || strstr(why, "can't run this command") != NULL ||
                           strstr(why, "No permissions") != NULL;
        cli_print(stdout, "sessions: FAILED, %s%s\n", why,
                  lacks_right
                      ? "; the user lacks a right, which ACL LOG in Redis names (docs/operating.md, Rights)"
                      : "");
    }
    session_store_free(store);
    buf_fini(&tried.error);
    if (tried.failure == SESSION_OK) {
        check_redis(config, access);
    }
    return tried.failure == SESSION_OK ? EX_DONE : EX_TEMPFAIL;
}

#else

int check_sessions(const struct config *config, const struct registry_access *access)
{
    (void)config, (void)access;
    return EX_DONE;
}

#endif
