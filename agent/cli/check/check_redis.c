/* Whether the servers of Redis keep what is stored there: what INFO says of each, and whether it writes snapshots. */
#include "check_internal.h"

#ifdef OUTRIDER_REDIS

#include "outrider/base/buf.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/registry_access.h"
#include "outrider/codec/redis/redis_info.h"
#include "outrider/codec/redis/redis_reply.h"
#include "outrider/core/config/config.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/redis/redis.h"
#include "outrider/os/entropy.h"
#include "outrider/session/redis/session_redis.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_WITHIN_MS = 3000, SPACES = 64, RUN_ID_SIZE = 48 };

struct keeping {
    const struct registry_access *access;
    struct redis *redis;
    char key[128]; /* decides the server */
    bool answered;
    enum redis_outcome outcome;
    struct buf text; /* of the answer, or why there is none */
    char seen[REDIS_NODES_MAX][RUN_ID_SIZE];
    size_t seen_count;
};

/* The text of INFO, or the value that CONFIG GET names. */
static void on_result(const struct redis_result *result, void *user)
{
    struct keeping *keeping = user;
    const struct redis_reply *reply = result->reply;
    keeping->answered = true;
    keeping->outcome = result->outcome;
    buf_clear(&keeping->text);
    if (result->outcome != REDIS_DONE) {
        buf_str(&keeping->text, str_of(result->why));
    } else if (reply->type == REDIS_IS_ARRAY && reply->count == 2) {
        buf_str(&keeping->text, reply->items[1].text);
    } else if (reply->type == REDIS_IS_STRING) {
        buf_str(&keeping->text, reply->text);
    } else {
        keeping->outcome = REDIS_REFUSED; /* as where CONFIG GET knows no such setting */
    }
}

static bool ask(struct keeping *keeping, const struct str *args, size_t count)
{
    keeping->answered = false;
    redis_submit(keeping->redis,
                 &(struct redis_command){.args = args,
                                         .count = count,
                                         .key = str_of(keeping->key),
                                         .timeout_ms = ANSWER_WITHIN_MS,
                                         .repeatable = true},
                 on_result, keeping);
    while (!keeping->answered) {
        loop_turn_once(keeping->access->loop, true);
    }
    return keeping->outcome == REDIS_DONE;
}

/* In a cluster the keys of several spaces are on one server. */
static bool is_new(struct keeping *keeping, struct str run_id)
{
    for (size_t i = 0; i < keeping->seen_count; i++) {
        if (str_eq(str_of(keeping->seen[i]), run_id)) {
            return false;
        }
    }
    if (keeping->seen_count < REDIS_NODES_MAX) {
        snprintf(keeping->seen[keeping->seen_count++], RUN_ID_SIZE, "%.*s", STR_ARG(run_id));
    }
    return true;
}

static void warn_of_restart(struct keeping *keeping, const char *server)
{
    const struct str args[] = {STR("CONFIG"), STR("GET"), STR("save")};
    if (!ask(keeping, args, COUNT_OF(args))) {
        cli_print(stdout,
                  "redis at %s: warning: it has no replica and writes no appendonly file; whether it writes "
                  "snapshots is not "
                  "checked, its user needs +config|get for that: %s\n",
                  server, buf_text(&keeping->text));
    } else if (keeping->text.size == 0) {
        cli_print(
            stdout,
            "redis at %s: warning: it has no replica, and writes no file: a restart ends all sessions: set "
            "`appendonly yes`\n",
            server);
    }
}

static void warn(struct keeping *keeping, const struct redis_info *info)
{
    char server[300], policy[32];
    unsigned risks = redis_info_risks(info);
    snprintf(server, sizeof(server), "%s", redis_facts(keeping->redis).server);
    snprintf(policy, sizeof(policy), "%.*s", STR_ARG(info->policy));
    if ((risks & REDIS_RISK_EVICTION) != 0) {
        cli_print(stdout,
                  "redis at %s: warning: maxmemory-policy is %s: when memory is full, sessions go without a "
                  "word: set it to "
                  "noeviction\n",
                  server, policy);
    }
    if ((risks & REDIS_RISK_ENDING) != 0) {
        cli_print(stdout,
                  "redis at %s: warning: maxmemory-policy is %s: when memory is full, the sessions go that "
                  "would end first: "
                  "leave room to spare, or set it to noeviction\n",
                  server, policy);
    }
    if ((risks & REDIS_RISK_FAILOVER) != 0) {
        cli_print(stdout,
                  "redis at %s: warning: a master that its replicas do not reach goes on, and a failover "
                  "loses what it took "
                  "meanwhile: set `min-replicas-to-write 1` and `min-replicas-max-lag 10`\n",
                  server);
    }
    if ((risks & REDIS_RISK_RESTART) != 0) {
        warn_of_restart(keeping, server);
    }
}

/* Returns false where the next server would answer no better. */
static bool check_server(struct keeping *keeping)
{
    const struct str args[] = {STR("INFO")};
    struct redis_info info;
    if (!ask(keeping, args, COUNT_OF(args)) || redis_info_read(buf_view(&keeping->text), &info) < 0) {
        bool denied = keeping->outcome == REDIS_DENIED;
        cli_print(stdout, "redis: what may end sessions too early is not checked%s: %s\n",
                  denied ? ", its user needs +info for that" : "",
                  keeping->outcome == REDIS_DONE ? "INFO says nothing of memory" : buf_text(&keeping->text));
        return false;
    }
    if (is_new(keeping, info.run_id)) {
        struct buf kept = keeping->text; /* `info` is of it */
        keeping->text = (struct buf){0};
        warn(keeping, &info);
        buf_fini(&kept);
    }
    return true;
}

void check_redis(const struct config *config, const struct registry_access *access)
{
    struct keeping *keeping = &(struct keeping){.access = access};
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    keeping->redis = session_redis_client(access->loop, access->resolver, &config->sessions.redis, seed);
    bool more = true;
    for (int space = 0; more && space < SPACES; space++) {
        snprintf(keeping->key, sizeof(keeping->key), "{%s:%d}:x", config->sessions.redis.space, space);
        more = check_server(keeping) && redis_facts(keeping->redis).mode == REDIS_CLUSTER;
    }
    redis_free(keeping->redis);
    buf_fini(&keeping->text);
}

#else

void check_redis(const struct config *config, const struct registry_access *access)
{
    (void)config, (void)access;
}

#endif
