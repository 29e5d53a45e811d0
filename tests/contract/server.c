#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server.h"

#include "outrider/base/attr.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/registry/memory/memory.h"
#ifdef OUTRIDER_REDIS
#include "redis_servers.h"
#endif

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void on_compacted(const struct http_result *result, void *user)
{
    assert_int_equal(result->status, 200);
    *(bool *)user = true;
}

/* ---- Redis ---- */

static int pid_in(const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    int pid = 0;
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    assert_true(pid > 1);
    return pid;
}

#ifdef OUTRIDER_REDIS
static bool has_mode(const char *mode)
{
    return strcmp(getenv("OUTRIDER_TEST_REDIS_MODE"), mode) == 0;
}

/* The number of the server that takes writes of the namespace. */
static int master(void)
{
    if (has_mode("single")) {
        return 1; /* which may not answer */
    }
    for (int i = 1; i <= 3; i++) {
        if (strstr(redis_servers_do("cli %d TYPE {out-contract}:meta", i), "hash") != NULL &&
            strstr(redis_servers_do("cli %d ROLE", i), "\"master\"") != NULL) {
            return i;
        }
    }
    fail_msg("no server has the namespace");
    return 0;
}

static int master_pid(void)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%d/pid", getenv("OUTRIDER_TEST_REDIS_DIR"), master());
    return pid_in(path);
}

void server_signal(int signo)
{
    assert_int_equal(kill(master_pid(), signo), 0);
}

static void compact_redis(int64_t revision)
{
    redis_servers_do("cli %d XTRIM {out-contract}:log MINID %" PRId64, master(), revision);
}

static void mark_redis(void)
{
    if (has_mode("sentinel")) {
        redis_servers_do("replicated");
        redis_servers_do("lag");
    } else {
        redis_servers_do("cli %d SAVE", master());
    }
}

static void lose_redis(void)
{
    if (has_mode("sentinel")) {
        redis_servers_do("%s", "failover-stale");
    } else {
        server_signal(SIGKILL);
    }
}
#endif

/* ---- what each does ---- */

static void rest(int64_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

void server_mark(struct subject *subject)
{
#ifdef OUTRIDER_REDIS
    if (subject->is_redis) {
        mark_redis();
    }
#endif
    (void)subject;
}

void server_fork(struct subject *subject, int64_t revision)
{
    if (subject->is_memory) {
        memory_fail_over(subject->registry, revision);
        return;
    }
    server_lose(subject);
    server_find(subject);
}

void server_pause(struct subject *subject, int64_t ms)
{
    if (subject->is_memory) {
        memory_advance(subject->registry, ms);
        return;
    }
#ifdef OUTRIDER_REDIS
    if (has_mode("sentinel")) { /* which is not to replace it meanwhile */
        redis_servers_do("cli 3 SENTINEL SET mm down-after-milliseconds 60000");
    }
    int pid = master_pid();
    assert_int_equal(kill(pid, SIGSTOP), 0);
    rest(ms);
    assert_int_equal(kill(pid, SIGCONT), 0);
#else
    rest(ms);
#endif
}

void server_compact(struct subject *subject, int64_t revision)
{
#ifdef OUTRIDER_REDIS
    if (subject->is_redis) {
        compact_redis(revision);
        return;
    }
#endif
    if (subject->is_memory) {
        memory_compact(subject->registry, revision);
        return;
    }
    char url[256], body[64];
    bool done = false;
    snprintf(url, sizeof(url), "%s/v3/kv/compaction", getenv("OUTRIDER_TEST_ETCD"));
    snprintf(body, sizeof(body), "{\"revision\":\"%" PRId64 "\"}", revision);
    struct http_call call = {.url = url, .body = str_of(body), .timeout_ms = 10000, .max_response = 4096};
    http_client_send(subject->http, &call, on_compacted, &done);
    while (!done) {
        subject_turn(subject);
    }
}

static void path_of(const char *name, char path[static 512])
{
    const char *etcd = getenv("OUTRIDER_TEST_ETCD_DIR");
    snprintf(path, 512, "%s/1/%s", etcd != NULL ? etcd : getenv("OUTRIDER_TEST_CONSUL_DIR"), name);
}

void server_lose(struct subject *subject)
{
    if (subject->is_memory) {
        memory_cut(subject->registry);
        return;
    }
#ifdef OUTRIDER_REDIS
    if (subject->is_redis) {
        lose_redis();
        return;
    }
#endif
    char path[512];
    path_of("pid", path);
    assert_int_equal(kill(pid_in(path), SIGKILL), 0);
}

void server_find(struct subject *subject)
{
    if (subject->is_memory) {
        return;
    }
#ifdef OUTRIDER_REDIS
    if (subject->is_redis) {
        redis_servers_do("revive");
    }
#endif
    char path[512];
    path_of("start", path);
    if (!subject->is_redis) {
        assert_int_equal(system(path), 0);
    }
    struct registry_request get = {.op = REGISTRY_GET, .key = STR("k"), .timeout_ms = 1000};
    while (subject_ask(subject, get)->failure != REGISTRY_OK) {
        subject_pass_time(subject);
    }
}
