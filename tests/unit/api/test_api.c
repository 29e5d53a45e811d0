/* The API behind its real server, over a unix socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/api.h"
#include "outrider/api/common/deferred.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/base/queue.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/fleet/view.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/process.h"
#include "small_agent.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

struct world {
    struct temp_dir dir;
    struct small_agent agent;
    struct loop *loop;
    struct api *api;
    struct view *view; /* NULL: none */
    uint64_t request;
};

static void listen_in(struct world *world)
{
    char where[256];
    snprintf(where, sizeof(where), "unix:%s", temp_path(&world->dir, "http.sock"));
    free(world->agent.config.http.listen[0]);
    world->agent.config.http.listen[0] = mem_strdup(where);
}

static int set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    struct error err;
    assert_int_equal(temp_dir_init(&world->dir), 0);
    small_agent_init(&world->agent);
    world->agent.config.http.max_connections = 1000;
    world->agent.config.http.peer_share = 100;
    world->agent.config.http.idle_timeout_ms = 20;
    listen_in(world);
    world->loop = loop_new(&err);
    assert_non_null(world->loop);
    world->api = api_new(world->loop, &world->agent.config, 0, world->agent.context.ops, &world->agent, &err);
    if (world->api == NULL) {
        fail_msg("%s", err.text);
    }
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    api_free(world->api);
    view_free(world->view);
    loop_free(world->loop);
    small_agent_fini(&world->agent);
    assert_int_equal(temp_dir_fini(&world->dir), 0);
    free(world);
    return 0;
}

/* Sends a request; returns the connection, for read_reply. */
static int ask(struct world *world, const char *request)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", temp_path(&world->dir, "http.sock"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    return fd;
}

/* Turns the loop until the server has closed the connection. */
static void read_reply(struct world *world, int fd, struct buf *answer)
{
    for (;;) {
        char block[4096];
        ssize_t got = recv(fd, block, sizeof(block), MSG_DONTWAIT);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            buf_add(answer, block, (size_t)got);
        } else {
            loop_turn_once(world->loop, true);
        }
    }
    close(fd);
}

/* Sends a request, which must say Connection: close, and reads the reply. */
static void talk(struct world *world, const char *request, struct buf *answer)
{
    read_reply(world, ask(world, request), answer);
}

static void requests_and_headers_reach_the_handlers(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    talk(world, "GET /api/agent HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 200 ")));
    assert_non_null(strstr(buf_text(&answer), "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(buf_text(&answer), "\"id\":\"01TEST\""));
    buf_clear(&answer);
    talk(world,
         "POST /api/agent/drain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
         "18\r\n"
         "Connection: close\r\n\r\n{\"reason\":\"patch\"}",
         &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 200 ")));
    assert_string_equal(world->agent.reason, "patch");
    char by[64];
    snprintf(by, sizeof(by), "API, uid %u", getuid());
    assert_string_equal(world->agent.by, by);
    buf_clear(&answer);
    talk(world,
         "POST /api/agent/drain HTTP/1.1\r\nHost: x\r\nOrigin: http://evil\r\nContent-Type: "
         "application/json\r\n"
         "Content-Length: 0\r\nConnection: close\r\n\r\n",
         &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 403 ")));
    buf_clear(&answer);
    talk(world, "PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
         &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 405 ")));
    assert_non_null(strstr(buf_text(&answer), "Allow: GET, HEAD\r\n"));
    buf_clear(&answer);
    talk(world, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &answer);
    assert_non_null(strstr(buf_text(&answer), "outrider_http_requests_total 5\n"));
    buf_fini(&answer);
}

static void a_reload_changes_the_token_file(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    struct config fresh = world->agent.config;
    char missing[] = "/nonexistent/token";
    fresh.http.token_file = missing;
    api_reload(world->api, &fresh);
    talk(world,
         "POST /api/agent/undrain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
         "0\r\n"
         "Connection: close\r\n\r\n",
         &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 500 ")));
    api_reload(world->api, &world->agent.config);
    buf_fini(&answer);
}

static void a_kept_connection_ends_after_the_idle_time(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    talk(world, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
         &answer); /* returns when the server has closed it */
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 200 ")));
    buf_clear(&answer);
    talk(world, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &answer);
    assert_non_null(strstr(buf_text(&answer), "outrider_http_timeouts_total{kind=\"idle\"} 1\n"));
    buf_fini(&answer);
}

/* ---- replies that come later ---- */

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define DRAIN                                                                                                \
    "POST /api/services/world/w1/drain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"            \
    "Content-Length: 18\r\nConnection: close\r\n\r\n{\"reason\":\"patch\"}"

static void step_view(struct world *world, struct view_event event)
{
    struct queue effects;
    struct view_effect effect;
    queue_init(&effects, sizeof(effect));
    event.now = world->agent.now;
    view_step(world->view, &event, &effects);
    while (queue_take(&effects, &effect)) {
        world->request = effect.type == VIEW_DO_REQUEST ? effect.request->id : world->request;
        view_effect_fini(&effect);
    }
    queue_fini(&effects);
}

/* A fleet that has not been read. */
static int set_up_fleet(void **state)
{
    process_raise_files();
    assert_int_equal(set_up(state), 0);
    struct world *world = *state;
    world->view = view_new(
        &(struct view_settings){.prefix = "/services", .mode = VIEW_ALWAYS, .can = REGISTRY_CAN_ALL});
    world->agent.fleet = world->view;
    world->agent.config.registry.request_timeout_ms = 60000;
    step_view(world, (struct view_event){.type = VIEW_ON_START});
    return 0;
}

static void read_fleet(struct world *world)
{
    static const char json[] = "{\"id\":\"w1\",\"type\":\"world\",\"status\":\"ready\"}";
    struct registry_item item = {.key = STR("/services/world/w1"),
                                 .kv = {.found = true, .value = str_of(json), .mod_revision = 7}};
    struct view_items items = {0};
    view_items_listed(&items, STR("/services"), &item, 1);
    struct registry_reply reply = {
        .id = world->request, .op = REGISTRY_LIST, .revision = 10, .cluster = 0xc1, .count = 1};
    step_view(world,
              (struct view_event){
                  .type = VIEW_ON_REPLY, .reply = &reply, .items = items.items, .item_count = items.count});
    view_items_fini(&items);
}

static void turns(struct world *world)
{
    for (int i = 0; i < 20; i++) {
        loop_turn_once(world->loop, false);
    }
}

static void a_request_waits_for_the_fleet(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    int fd = ask(world, GET("/api/services"));
    turns(world);
    api_fleet_moved(world->api, false); /* not known yet: waits on */
    turns(world);
    read_fleet(world);
    api_fleet_moved(world->api, true);
    read_reply(world, fd, &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 200 ")));
    assert_non_null(strstr(buf_text(&answer), "\"total\":1"));
    buf_fini(&answer);
}

static void waiting_ends_with_a_timeout(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    world->agent.config.registry.request_timeout_ms = 5;
    talk(world, GET("/api/services"), &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 503 ")));
    assert_non_null(strstr(buf_text(&answer), "\"not_known\""));
    assert_non_null(strstr(buf_text(&answer), "Retry-After: 1\r\n"));
    buf_fini(&answer);
}

static int drain_begun(struct world *world)
{
    int fd = ask(world, DRAIN);
    unsigned before = world->agent.controls;
    while (world->agent.controls == before) {
        loop_turn_once(world->loop, true);
    }
    return fd;
}

static void so_many_wait_and_no_more(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    int fds[API_DEFERRED_WAITS_MAX];
    if (process_files_for_peers() / 4 < API_DEFERRED_MAX + 8) {
        skip(); /* so few files may be open that connections run out first */
    }
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = ask(world, GET("/api/services"));
        turns(world);
    }
    talk(world, GET("/api/services"), &answer);
    assert_non_null(strstr(buf_text(&answer), "\"not_known\""));
    read_fleet(world); /* it is known, and there is some room for operations */
    int drains[API_DEFERRED_MAX - API_DEFERRED_WAITS_MAX];
    for (size_t i = 0; i < COUNT_OF(drains); i++) {
        drains[i] = drain_begun(world);
    }
    buf_clear(&answer);
    talk(world, DRAIN, &answer);
    assert_non_null(strstr(buf_text(&answer), "\"busy\""));
    assert_int_equal(world->agent.controls, COUNT_OF(drains));
    api_fleet_moved(world->api, true);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        buf_clear(&answer);
        read_reply(world, fds[i], &answer);
        assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 200 ")));
    }
    for (size_t i = 0; i < COUNT_OF(drains); i++) {
        close(drains[i]);
    }
    buf_clear(&answer);
    talk(world, GET("/metrics"), &answer);
    assert_non_null(strstr(buf_text(&answer), "\noutrider_view_waiting_refused_total 1\n"));
    buf_fini(&answer);
}

/* A client that is gone leaves its place to another one, and an operation goes on without it. */
static void a_gone_client_waits_no_more(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    int fds[API_DEFERRED_WAITS_MAX];
    if (process_files_for_peers() / 4 < API_DEFERRED_MAX + 8) {
        skip(); /* as in so_many_wait_and_no_more */
    }
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = ask(world, GET("/api/services"));
        turns(world);
    }
    close(fds[7]);
    turns(world);
    fds[7] = ask(world, GET("/api/services"));
    turns(world);
    read_fleet(world);
    api_fleet_moved(world->api, true);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        buf_clear(&answer);
        read_reply(world, fds[i], &answer);
        assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 200 ")));
    }
    close(drain_begun(world));
    turns(world);
    world->agent.controlled(&(struct api_controlled){.revision = 12}, world->agent.controlled_user);
    buf_clear(&answer);
    talk(world, GET("/metrics"), &answer);
    assert_non_null(strstr(buf_text(&answer), "\noutrider_view_waiting_refused_total 0\n"));
    buf_fini(&answer);
}

static void an_operation_ends_with_its_result(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    read_fleet(world);
    int fd = drain_begun(world);
    assert_string_equal(world->agent.reason, "world/w1 drain patch");
    world->agent.controlled(&(struct api_controlled){.revision = 12}, world->agent.controlled_user);
    read_reply(world, fd, &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 200 ")));
    assert_non_null(
        strstr(buf_text(&answer), "{\"type\":\"world\",\"id\":\"w1\",\"hold\":{\"kind\":\"ops\""));
    assert_non_null(strstr(buf_text(&answer), "\"revision\":12}"));
    static const struct {
        struct api_controlled result;
        const char *status, *code;
    } rows[] = {
        {{.conflict = true}, "HTTP/1.1 409 ", "\"conflict\""},
        {{.failure = REGISTRY_DENIED, .error = STR_INIT("denied")},
         "HTTP/1.1 502 ",
         "may not write the control keys of other servers: ask one whose user in the registry has the role "
         "`operator`"},
        {{.failure = REGISTRY_RETRY, .error = STR_INIT("refused")},
         "HTTP/1.1 503 ",
         "the hold was not written"},
        {{.failure = REGISTRY_UNKNOWN, .error = STR_INIT("reset")}, "HTTP/1.1 503 ", "it is not known"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf_clear(&answer);
        fd = drain_begun(world);
        world->agent.controlled(&rows[i].result, world->agent.controlled_user);
        read_reply(world, fd, &answer);
        assert_true(str_starts(buf_view(&answer), str_of(rows[i].status)));
        assert_non_null(strstr(buf_text(&answer), rows[i].code));
    }
    buf_fini(&answer);
}

static void an_operation_without_a_result_is_in_doubt(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    read_fleet(world);
    world->agent.config.registry.request_timeout_ms = 1;
    int fd = drain_begun(world);
    read_reply(world, fd, &answer);
    assert_non_null(strstr(buf_text(&answer), "\"registry_away\""));
    assert_non_null(strstr(buf_text(&answer), "it is not known whether the hold was written"));
    world->agent.controlled(&(struct api_controlled){.revision = 12}, world->agent.controlled_user);
    world->agent.config.registry.request_timeout_ms = 60000;
    fd = drain_begun(world);
    api_free(world->api);
    world->api = NULL;
    buf_clear(&answer);
    read_reply(world, fd, &answer);
    assert_non_null(strstr(buf_text(&answer), "\"stopping\""));
    buf_fini(&answer);
}

static void what_cannot_be_had_is_named(void **state)
{
    struct world *world = *state;
    struct error err;
    struct config other = world->agent.config;
    assert_null(api_new(world->loop, &other, 0, world->agent.context.ops, &world->agent, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.text, "http.listen"));
    assert_non_null(strstr(err.text, "http.sock"));
    char missing[] = "/nonexistent/token", nonsense[] = "here";
    other.http.token_file = missing;
    assert_null(api_new(world->loop, &other, 0, world->agent.context.ops, &world->agent, &err));
    assert_non_null(strstr(err.text, missing));
    other.http.token_file = NULL;
    other.http.listen[0] = nonsense;
    assert_null(api_new(world->loop, &other, 0, world->agent.context.ops, &world->agent, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    api_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_and_headers_reach_the_handlers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reload_changes_the_token_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kept_connection_ends_after_the_idle_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_waits_for_the_fleet, set_up_fleet, tear_down),
        cmocka_unit_test_setup_teardown(waiting_ends_with_a_timeout, set_up_fleet, tear_down),
        cmocka_unit_test_setup_teardown(so_many_wait_and_no_more, set_up_fleet, tear_down),
        cmocka_unit_test_setup_teardown(a_gone_client_waits_no_more, set_up_fleet, tear_down),
        cmocka_unit_test_setup_teardown(an_operation_ends_with_its_result, set_up_fleet, tear_down),
        cmocka_unit_test_setup_teardown(an_operation_without_a_result_is_in_doubt, set_up_fleet, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_had_is_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
