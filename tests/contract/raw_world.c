#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raw_world.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/registry/etcd/etcd.h"
#include "outrider/registry/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void watch(struct world *world, int64_t timeout_ms)
{
    char key[] = "k";
    struct registry_watch request = {
        .id = ++world->last_id, .ranges = {{.key = {key, 1}}}, .range_count = 1, .timeout_ms = timeout_ms};
    registry_watch(world->client, &request);
    key[0] = 'x'; /* it was copied */
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct world *world = user;
    char who = str_eq(event->endpoint, str_of(world->names[0])) ? 'a' : 'b';
    buf_printf(&world->applied, "%" PRIu64 "%c ", event->id, who);
    switch (event->type) {
    case REGISTRY_WATCH_OPENED:
        buf_printf(&world->applied, "opened %" PRId64 " of %" PRIu64 "\n", event->revision, event->cluster);
        if (world->close_when_opened) {
            registry_unwatch(world->client, event->id);
        }
        return;
    case REGISTRY_WATCH_CHANGED:
        buf_printf(&world->applied, "changed %" PRId64 ": %zu\n", event->revision, event->change_count);
        return;
    case REGISTRY_WATCH_ENDED: break;
    }
    world->ended++;
    registry_unwatch(world->client, event->id); /* which is no error */
    buf_printf(&world->applied, "ended %s: %.*s\n", registry_failure_name(event->failure),
               STR_ARG(event->error));
    if (world->open_when_ended) {
        world->open_when_ended = false;
        watch(world, TIMEOUT_MS);
    }
}

static void no_reply(const struct registry_reply *reply, void *user)
{
    (void)reply;
    (void)user;
    fail();
}

void start(struct world *world, size_t endpoint_count, const char *password)
{
    struct config_registry config = {.endpoint_count = endpoint_count};
    for (size_t i = 0; i < endpoint_count; i++) {
        config.endpoints[i] = world->names[i];
    }
    char user[] = "outrider", path[192];
    if (password != NULL) {
        snprintf(path, sizeof(path), "%s", temp_path(&world->dir, "password"));
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(password, file) >= 0);
        assert_int_equal(fclose(file), 0);
        config.username = user;
        config.password_file = path;
    }
    world->registry = etcd_registry(etcd_new(&config, world->loop, world->http, NULL));
    world->client = registry_attach(world->registry, no_reply, on_watch, world);
}

int open_world(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    struct error err = {0};
    assert_int_equal(temp_dir_init(&world->dir), 0);
    world->loop = loop_new(&err);
    assert_non_null(world->loop);
    world->resolver = resolver_new(world->loop, NULL);
    world->http = http_client_new(world->loop, world->resolver, NULL);
    for (size_t i = 0; i < SERVERS; i++) {
        raw_server_init(&world->servers[i]);
        snprintf(world->names[i], sizeof(world->names[i]), "http://127.0.0.1:%u", world->servers[i].port);
    }
    *state = world;
    return 0;
}

int close_world(void **state)
{
    struct world *world = *state;
    registry_free(world->registry);
    http_client_free(world->http);
    resolver_free(world->resolver);
    loop_free(world->loop);
    for (size_t i = 0; i < SERVERS; i++) {
        raw_server_fini(&world->servers[i]);
        buf_fini(&world->answers[i]);
    }
    assert_int_equal(temp_dir_fini(&world->dir), 0);
    buf_fini(&world->applied);
    free(world);
    return 0;
}

void turn(struct world *world)
{
    for (size_t i = 0; i < SERVERS; i++) {
        raw_server_step(&world->servers[i]);
    }
    loop_turn_once(world->loop, false);
}

void will_stream(struct world *world, size_t i, enum raw_act act, const char *body, bool last)
{
    struct buf *answer = &world->answers[i];
    buf_clear(answer);
    buf_printf(answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    if (body[0] != '\0') {
        buf_printf(answer, "%zx\r\n%s\r\n", strlen(body), body);
    }
    buf_str(answer, last ? STR("0\r\n\r\n") : STR(""));
    world->servers[i].act = act;
    world->servers[i].answer = buf_text(answer);
}

void will_answer(struct world *world, size_t i, int status, const char *body)
{
    struct buf *answer = &world->answers[i];
    buf_clear(answer);
    buf_printf(answer, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
    world->servers[i].act = RAW_ANSWER;
    world->servers[i].answer = buf_text(answer);
}

void expect_heard(struct world *world, const char *expected)
{
    size_t size = strlen(expected);
    while (world->applied.size < size) {
        turn(world);
    }
    assert_string_equal(buf_text(&world->applied), expected);
    buf_clear(&world->applied);
}

void expect_ended(struct world *world, const char *id, const char *failure, const char *why)
{
    char expected[512];
    snprintf(expected, sizeof(expected), "%s ended %s: watch on %s: %s\n", id, failure,
             world->names[id[1] - 'a'], why);
    expect_heard(world, expected);
}

void wait_requests(struct world *world, size_t i, size_t count)
{
    while (world->servers[i].requests < count) {
        turn(world);
    }
}

void wait_closed(struct world *world, size_t i, size_t count)
{
    while (world->servers[i].closed_by_peer < count) {
        turn(world);
    }
}
