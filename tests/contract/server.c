#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server.h"

#include "outrider/base/attr.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/registry/memory/memory.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void on_compacted(const struct http_result *result, void *user)
{
    assert_int_equal(result->status, 200);
    *(bool *)user = true;
}

void server_compact(struct subject *subject, int64_t revision)
{
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
    snprintf(path, 512, "%s/1/%s", getenv("OUTRIDER_TEST_ETCD_DIR"), name);
}

void server_lose(struct subject *subject)
{
    if (subject->is_memory) {
        memory_cut(subject->registry);
        return;
    }
    char path[512];
    path_of("pid", path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    int pid = 0;
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
}

void server_find(struct subject *subject)
{
    if (subject->is_memory) {
        return;
    }
    char path[512];
    path_of("start", path);
    assert_int_equal(system(path), 0);
    struct registry_request get = {.op = REGISTRY_GET, .key = STR("k"), .timeout_ms = 1000};
    while (subject_ask(subject, get)->failure != REGISTRY_OK) {
        subject_pass_time(subject);
    }
}
