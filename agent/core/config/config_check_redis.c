/* What has no effect in sessions.redis, or an effect that is not wanted; with another store nothing of it matters. */
#include "settings_internal.h"

#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/config_check.h"

#include <stdio.h>

static size_t count_secure(const struct config_redis *redis)
{
    size_t count = 0;
    for (size_t i = 0; i < redis->endpoint_count; i++) {
        count += str_starts(str_of(redis->endpoints[i]), STR(CONFIG_REDIS_SECURE)) ? 1 : 0;
    }
    return count;
}

static void check_names(const struct config_redis *redis, const struct config_check *check)
{
    if ((redis->mode == CONFIG_REDIS_SINGLE || redis->mode == CONFIG_REDIS_CLUSTER) &&
        redis->master_name != NULL) {
        check->report("sessions.redis.master_name", "has no effect: it is for mode sentinel", check->user);
    }
}

static void check_tls(const struct config_redis *redis, bool secure, const struct config_check *check)
{
    const struct {
        const char *path, *value;
    } files[] = {
        {"sessions.redis.tls.ca_file", redis->tls.ca_file},
        {"sessions.redis.tls.cert_file", redis->tls.cert_file},
        {"sessions.redis.tls.key_file", redis->tls.key_file},
        {"sessions.redis.tls.server_name", redis->tls.server_name},
    };
    for (size_t i = 0; i < COUNT_OF(files) && !secure; i++) {
        if (files[i].value != NULL) {
            check->report(files[i].path, "has no effect, because no endpoint is rediss://", check->user);
            return;
        }
    }
}

/* A warning: the network may be private. */
static void check_in_the_clear(const struct config_redis *redis, const struct config_check *check)
{
    for (size_t i = 0; redis->password_file != NULL && check->warn != NULL && i < redis->endpoint_count;
         i++) {
        struct str host, endpoint = str_of(redis->endpoints[i]);
        size_t scheme = sizeof(CONFIG_REDIS_PLAIN) - 1;
        uint16_t port;
        if (address_split((struct str){endpoint.data + scheme, endpoint.size - scheme}, &host, &port) == 0 &&
            !address_is_loopback(host)) {
            char text[400];
            snprintf(text, sizeof(text), "the password is sent unencrypted to %s: use rediss://",
                     redis->endpoints[i]);
            check->warn("sessions.redis.endpoints", text, check->user);
            return;
        }
    }
}

static void check_together(const struct config_redis *redis, size_t secure, const struct config_check *check)
{
    if (secure > 0 && secure < redis->endpoint_count) {
        check->report("sessions.redis.endpoints", "are rediss:// in part: want all of them, or none",
                      check->user);
    }
    if (redis->mode == CONFIG_REDIS_SENTINEL && redis->master_name == NULL) {
        check->report("sessions.redis.master_name",
                      "required with mode sentinel: what sentinels call the master", check->user);
    }
    if (redis->username != NULL && redis->password_file == NULL) {
        check->report("sessions.redis.username",
                      "needs sessions.redis.password_file: a login needs a password", check->user);
    }
    if ((redis->tls.cert_file == NULL) != (redis->tls.key_file == NULL)) {
        check->report("sessions.redis.tls", "needs both cert_file and key_file, or none", check->user);
    }
}

void config_check_redis(const struct config *config, const struct config_check *check)
{
    const struct config_redis *redis = &config->sessions.redis;
    size_t secure = count_secure(redis);
    check_together(redis, secure, check);
    if (config->sessions.store != CONFIG_SESSIONS_REDIS) {
        return;
    }
#ifndef OUTRIDER_REDIS
    check->report("sessions.store", "redis is not in this program: it was built with OUTRIDER_REDIS=OFF",
                  check->user);
#endif
    check_names(redis, check);
    check_tls(redis, secure > 0, check);
    if (secure == 0) {
        check_in_the_clear(redis, check);
    }
}
