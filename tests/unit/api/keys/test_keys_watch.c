/* Streams of keys over a watch that the test speaks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/context.h"
#include "outrider/api/common/counters.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/keys/key_watchers.h"
#include "outrider/base/error.h"
#include "outrider/core/config/config.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/io/loop/loop.h"
#include "support/listening_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHARED "/services/world/"

/* Of which the first is the one that speaks. */
struct api_key_watch {
    const struct api_key_watch_calls *calls;
    void *user;
};

static struct world {
    struct loop *loop;
    struct http_server *server;
    struct http_listener *listener;
    struct config config;
    struct api_context context;
    struct api_key_watch watches[API_KEY_WATCHES_MAX];
    size_t begun, ended;
    struct buf first, end; /* of the last one */
    int64_t after;
} world;

static struct api_key_watch *key_watch(void *agent, struct str key, struct str end, int64_t after,
                                       const struct api_key_watch_calls *calls, void *user)
{
    assert_null(agent);
    struct api_key_watch *watch = &world.watches[world.begun++];
    *watch = (struct api_key_watch){calls, user};
    buf_clear(&world.first);
    buf_clear(&world.end);
    buf_str(&world.first, key);
    buf_str(&world.end, end);
    world.after = after;
    return watch;
}

static void key_unwatch(void *agent, struct api_key_watch *watch)
{
    assert_null(agent);
    assert_non_null(watch->calls);
    watch->calls = NULL;
    world.ended++;
}

static void look(void *agent, struct api_view *ret_view)
{
    static const struct api_counters counters;
    (void)agent;
    *ret_view = (struct api_view){.config = &world.config, .counters = &counters};
}

static const struct api_ops ops = {.look = look, .key_watch = key_watch, .key_unwatch = key_unwatch};

static void handler(struct http_exchange *exchange, const struct http_request *http, void *user)
{
    static const struct api_policy anyone;
    (void)user;
    struct api_call call = {.context = &world.context,
                            .request = {.method = http->method,
                                        .path = http->path,
                                        .query = http->query,
                                        .is_unix = true,
                                        .policy = &anyone}};
    struct api_reply reply = {0};
    (void)http_head_find(http->head, STR("Last-Event-ID"), &call.request.last_event_id);
    assert_true(str_eq(http->path, STR("/api/keys/watch")));
    api_keys_watch(&call, &reply);
    if (reply.turn == API_TAKEN) {
        reply.take(&call, exchange);
    } else {
        api_respond(exchange, &reply);
    }
    api_reply_fini(&reply);
    api_call_fini(&call);
}

static int set_up(void **state)
{
    struct error err = {0};
    (void)state;
    world = (struct world){.loop = loop_new(&err)};
    world.config.http.keys = CONFIG_KEYS_OWN;
    world.config.registry.prefix = strdup("/services");
    world.config.registry.control_prefix = strdup("/ctl");
    world.context = (struct api_context){
        .config = &world.config, .ops = &ops, .key_watchers = key_watchers_new(world.loop)};
    world.server = http_server_new(world.loop, handler, NULL, NULL);
    world.listener =
        http_server_listen(world.server, &(struct http_listener_options){.peer_share = 100}, &err);
    assert_non_null(world.listener);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    key_watchers_free(world.context.key_watchers);
    assert_int_equal(world.ended, world.begun);
    http_server_free(world.server);
    loop_free(world.loop);
    free(world.config.registry.prefix);
    free(world.config.registry.control_prefix);
    buf_fini(&world.first);
    buf_fini(&world.end);
    return 0;
}

/* ---- a reader ---- */

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int dial(const char *query, const char *headers)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(listening_port(world.listener))};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    struct buf text = {0};
    buf_printf(&text, "GET /api/keys/watch?%s HTTP/1.1\r\nHost: h\r\n%s\r\n", query, headers);
    send_text(fd, buf_text(&text));
    buf_fini(&text);
    return fd;
}

/* Turns until what arrives has `text`, and returns what stands from there on, to be freed; at the end of the stream, what there is. */
static char *hear(int fd, const char *text)
{
    static char data[65536];
    static size_t size;
    for (size = 0;;) {
        ssize_t got = recv(fd, data + size, sizeof(data) - 1 - size, MSG_DONTWAIT);
        size += got > 0 ? (size_t)got : 0;
        data[size] = '\0';
        char *found = strstr(data, text);
        if (found != NULL || got == 0) {
            return strdup(found != NULL ? found : data);
        }
        loop_turn_once(world.loop, false);
    }
}

static void expect(int fd, const char *text)
{
    char *heard = hear(fd, text);
    if (strstr(heard, text) == NULL) {
        fail_msg("%s", heard);
    }
    free(heard);
}

static void expect_refused(const char *query, const char *headers, const char *status)
{
    int fd = dial(query, headers);
    expect(fd, status);
    close(fd);
}

static int open_stream(const char *query)
{
    int fd = dial(query, "");
    expect(fd, "200 OK");
    return fd;
}

/* ---- what it hears ---- */

static void test_changes(void **state)
{
    (void)state;
    int fd = open_stream("prefix=" SHARED "&after=812");
    const struct api_key_watch *watch = &world.watches[0];
    assert_string_equal(buf_text(&world.first), SHARED);
    assert_string_equal(buf_text(&world.end), "/services/world0");
    assert_int_equal(world.after, 812);
    watch->calls->opened(815, watch->user);
    expect(fd, "event: state\ndata: {\"stale\":false,\"reason\":null,\"revision\":815,\"now\":");
    const struct registry_change changes[] = {
        {.key = STR(SHARED "a"), .value = STR("v\n"), .mod_revision = 816, .create_revision = 816},
        {.key = STR(SHARED "b"), .value = STR(""), .mod_revision = 817, .create_revision = 3},
        {.key = STR(SHARED "\xff\n"), .deleted = true, .mod_revision = 817},
    };
    watch->calls->changed(changes, COUNT_OF(changes), watch->user);
    expect(fd,
           "event: put\ndata: {\"key\":\"/services/world/a\",\"id\":\"L3NlcnZpY2VzL3dvcmxkL2E\",\"size\":2,"
           "\"revision\":816,\"lease\":null,\"created\":true}\nid: 816\n\n"
           "event: put\ndata: {\"key\":\"/services/world/b\",\"id\":\"L3NlcnZpY2VzL3dvcmxkL2I\",\"size\":0,"
           "\"revision\":817,\"lease\":null,\"created\":false}\n\n"
           "event: delete\ndata: {\"id\":\"L3NlcnZpY2VzL3dvcmxkL_8K\",\"revision\":817}\nid: 817\n\n");
    close(fd);
    while (world.ended == 0) {
        loop_turn_once(world.loop, false);
    }
    assert_int_equal(key_watchers_count(world.context.key_watchers), 0);
}

/* A failure is told once, until the watch is open again. */
static void test_outage(void **state)
{
    (void)state;
    int fd = open_stream("prefix=" SHARED);
    const struct api_key_watch *watch = &world.watches[0];
    assert_int_equal(world.after, 0);
    watch->calls->failed(STR("connection refused"), watch->user);
    watch->calls->failed(STR("connection refused"), watch->user);
    watch->calls->opened(20, watch->user);
    char *heard = hear(fd, "\"stale\":true");
    assert_int_equal(strncmp(heard, "\"stale\":true,\"reason\":\"connection refused\",\"now\":", 47), 0);
    assert_null(strstr(heard + 1, "\"stale\":true"));
    free(heard);
    close(fd);
}

static void test_lost(void **state)
{
    (void)state;
    int fd = open_stream("prefix=" SHARED "&after=5");
    const struct api_key_watch *watch = &world.watches[0];
    watch->calls->lost(true, 900, STR("compacted at 899"), watch->user);
    assert_int_equal(world.ended, 1);
    char *heard = hear(fd, "never");
    assert_non_null(strstr(
        heard,
        "event: gone\ndata: {\"reason\":\"compacted\",\"oldest\":900,\"message\":\"compacted at 899: list"));
    free(heard);
    close(fd);
}

static void test_the_last_id_counts_first(void **state)
{
    (void)state;
    int fd = dial("prefix=" SHARED "&after=5", "Last-Event-ID: 9\r\n");
    expect(fd, "200 OK");
    assert_int_equal(world.after, 9);
    close(fd);
}

static void test_all_keys(void **state)
{
    (void)state;
    world.config.http.keys = CONFIG_KEYS_ALL;
    int fd = open_stream("");
    assert_int_equal(world.first.size, 1);
    assert_int_equal(world.end.size, 1);
    close(fd);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    expect_refused("", "", " 400 ");
    expect_refused("prefix=/services", "", " 403 ");
    expect_refused("prefix=/other/", "", " 403 ");
    expect_refused("prefix=" SHARED "&after=x", "", " 400 ");
    expect_refused("prefix=" SHARED "&after=0", "", " 400 ");
    expect_refused("prefix=" SHARED "&after=9223372036854775807", "", " 400 ");
    expect_refused("prefix=" SHARED "&more=1", "", " 400 ");
    expect_refused("prefix=" SHARED, "Last-Event-ID: 5-cafe\r\n", " 400 ");
    world.config.http.keys = CONFIG_KEYS_OFF;
    expect_refused("prefix=" SHARED, "", " 404 ");
    assert_int_equal(world.begun, 0);
}

static void test_places_and_the_end(void **state)
{
    (void)state;
    int fds[API_KEY_WATCHES_MAX];
    for (size_t i = 0; i < API_KEY_WATCHES_MAX; i++) {
        fds[i] = open_stream("prefix=" SHARED);
    }
    expect_refused("prefix=" SHARED, "", " 503 ");
    key_watchers_free(world.context.key_watchers);
    world.context.key_watchers = NULL;
    assert_int_equal(world.ended, API_KEY_WATCHES_MAX);
    for (size_t i = 0; i < API_KEY_WATCHES_MAX; i++) {
        expect(fds[i], "event: bye\ndata: {\"reason\":\"stopping\"");
        close(fds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_outage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_last_id_counts_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_places_and_the_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
