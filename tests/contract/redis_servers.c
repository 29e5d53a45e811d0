#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { URL_SIZE = 64, COMMAND_SIZE = 4096 };

struct session_store *redis_servers_store(struct loop *loop, struct resolver *resolver, const char *space,
                                          uint64_t seed, const struct redis_login *login)
{
    char urls[CONFIG_ENDPOINTS_MAX][URL_SIZE], name[64], files[3][256];
    static const char *const of_certs[] = {"ca.crt", "client.crt", "client.key"};
    const char *rest = getenv("OUTRIDER_TEST_REDIS");
    bool secure = login != NULL && login->certs != NULL;
    struct config_redis config = {.master_name = (char[]){"mm"}, .space = name};
    assert_non_null(rest);
    while (*rest != '\0' && config.endpoint_count < CONFIG_ENDPOINTS_MAX) {
        size_t size = strcspn(rest, ",");
        char *url = urls[config.endpoint_count];
        snprintf(url, URL_SIZE, "%s%.*s", secure ? CONFIG_REDIS_SECURE : CONFIG_REDIS_PLAIN, (int)size, rest);
        config.endpoints[config.endpoint_count++] = url;
        rest += size + (rest[size] == ',' ? 1 : 0);
    }
    snprintf(name, sizeof(name), "%s", space);
    if (login != NULL) {
        config.username = login->username;
        config.password_file = login->password_file;
    }
    for (size_t i = 0; secure && i < 3; i++) {
        snprintf(files[i], sizeof(files[i]), "%s/%s", login->certs, of_certs[i]);
    }
    if (secure) {
        config.tls.ca_file = files[0];
        config.tls.cert_file = files[1];
        config.tls.key_file = files[2];
    }
    return session_redis_new(loop, resolver, &config, seed);
}

struct registry *redis_servers_registry(struct loop *loop, struct resolver *resolver, const char *space,
                                        uint64_t seed, const struct redis_login *login)
{
    char urls[CONFIG_ENDPOINTS_MAX][URL_SIZE], name[64], files[4][256], agent[] = "agent";
    struct config_registry config = {.redis = {.master_name = (char[]){"mm"}, .space = name}};
    const char *rest = getenv("OUTRIDER_TEST_REDIS"), *certs = getenv("OUTRIDER_TEST_CERTS");
    snprintf(name, sizeof(name), "%s", space);
    assert_non_null(rest);
    while (*rest != '\0' && config.endpoint_count < CONFIG_ENDPOINTS_MAX) {
        size_t size = strcspn(rest, ",");
        char *url = urls[config.endpoint_count];
        snprintf(url, URL_SIZE, "%s%.*s", certs != NULL ? CONFIG_REDIS_SECURE : CONFIG_REDIS_PLAIN, (int)size,
                 rest);
        config.endpoints[config.endpoint_count++] = url;
        rest += size + (rest[size] == ',' ? 1 : 0);
    }
    if (login != NULL) {
        config.username = login->username;
        config.password_file = login->password_file;
    }
    if (certs != NULL) { /* with-redis --tls --auth */
        snprintf(files[0], sizeof(files[0]), "%s/ca.crt", certs);
        snprintf(files[1], sizeof(files[1]), "%s/client.crt", certs);
        snprintf(files[2], sizeof(files[2]), "%s/client.key", certs);
        snprintf(files[3], sizeof(files[3]), "%s/password", getenv("OUTRIDER_TEST_REDIS_DIR"));
        config.tls.ca_file = files[0];
        config.tls.cert_file = files[1];
        config.tls.key_file = files[2];
        config.username = agent;
        config.password_file = files[3];
    }
    return redis_registry_new(&config, loop, resolver, NULL, seed);
}

static void command_of(char command[static COMMAND_SIZE], const char *what, va_list args)
{
    int size = snprintf(command, COMMAND_SIZE, "exec %s/", getenv("OUTRIDER_TEST_REDIS_DIR"));
    vsnprintf(command + size, COMMAND_SIZE - (size_t)size, what, args);
}

const char *redis_servers_do(const char *what, ...)
{
    static char out[65536];
    char command[COMMAND_SIZE];
    va_list args;
    va_start(args, what);
    command_of(command, what, args);
    va_end(args);
    FILE *pipe = popen(command, "r"); /* NOLINT: a test */
    assert_non_null(pipe);
    size_t size = fread(out, 1, sizeof(out) - 1, pipe);
    out[size] = '\0';
    assert_int_equal(pclose(pipe), 0);
    return out;
}

int redis_servers_begin(const char *what, ...)
{
    char command[COMMAND_SIZE];
    va_list args;
    va_start(args, what);
    command_of(command, what, args);
    va_end(args);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}
