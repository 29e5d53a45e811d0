#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/http_fetch.h"
#include "outrider/io/http_server.h"
#include "outrider/io/loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BIG = 8 << 20 };

struct world {
    struct loop *loop;
    struct http_server *server;
    char folder[32], path[64];
    struct blob *big;
    struct http_exchange *kept; /* of /later */
    size_t gone, handled;
    char seen[512]; /* the last request */
};

static void handler(struct http_exchange *exchange, const struct http_request *request, void *user)
{
    struct world *world = user;
    static const char *const extra[] = {"X-Extra: yes", "X-Split: a\r\nX-Evil: b", NULL};
    struct str agent = STR("none");
    struct http_response response = {.status = 200, .content_type = STR("text/plain"), .body = STR("hello")};
    world->handled++;
    http_request_header(request, STR("user-agent"), &agent);
    snprintf(world->seen, sizeof(world->seen), "%.*s %.*s ?%.*s @%.*s %.*s [%.*s]%s",
             STR_ARG(request->method), STR_ARG(request->path), STR_ARG(request->query),
             STR_ARG(request->host), STR_ARG(agent), STR_ARG(request->body), request->is_unix ? " unix" : "");
    if (str_eq(request->path, STR("/later"))) {
        world->kept = exchange;
        return;
    }
    if (str_eq(request->path, STR("/big"))) {
        response.blob = world->big;
    } else if (str_eq(request->path, STR("/copied"))) {
        response.body = blob_view(world->big);
    } else if (str_eq(request->path, STR("/echo"))) {
        response.body = request->body;
    } else if (str_eq(request->path, STR("/extra"))) {
        response.headers = extra;
    } else if (str_eq(request->path, STR("/close"))) {
        response.close = true;
        http_respond(exchange, &response);
        assert_true(str_eq(request->path, STR("/close"))); /* still borrowed */
        assert_true(request->body.size == 0 || request->body.data[0] == 'b');
        return;
    } else if (str_eq(request->path, STR("/none"))) {
        response = (struct http_response){.status = 204};
    }
    http_respond(exchange, &response);
}

static void start(struct world *world, struct http_server_options options)
{
    struct error err = {0};
    world->server = http_server_new(world->loop, &options, handler, world, &err);
    assert_string_equal(err.text, "");
    assert_non_null(world->server);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct error err;
    char *zeros = calloc(1, BIG);
    memset(zeros, 'z', BIG);
    world->big = blob_new((struct str){zeros, BIG});
    free(zeros);
    world->loop = loop_new(&err);
    strcpy(world->folder, "/tmp/outrider-http-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof(world->path), "%s/http.sock", world->folder);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    http_server_free(world->server);
    loop_free(world->loop);
    blob_unref(world->big);
    unlink(world->path);
    rmdir(world->folder);
    free(world);
    return 0;
}

/* ---- a client of bytes ---- */

struct client {
    int fd;
    struct buf in;
    bool ended;
};

static struct client dial(struct world *world)
{
    struct client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(http_server_port(world->server)),
    };
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return client;
}

static void hang_up(struct client *client)
{
    close(client->fd);
    buf_fini(&client->in);
}

static void say(struct client *client, const char *text)
{
    assert_int_equal(send(client->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void turn(struct world *world)
{
    loop_turn_once(world->loop, false);
}

static void listen_to(struct client *client)
{
    char data[65536];
    ssize_t got;
    while ((got = recv(client->fd, data, sizeof(data), MSG_DONTWAIT)) > 0) {
        buf_add(&client->in, data, (size_t)got);
    }
    client->ended = client->ended || got == 0;
}

/* Turns until `count` answers' worth of the text `mark` has come. */
static void hear(struct world *world, struct client *client, const char *mark, size_t count)
{
    for (;;) {
        size_t found = 0;
        listen_to(client);
        for (const char *at = buf_text(&client->in); (at = strstr(at, mark)) != NULL; at++) {
            found++;
        }
        if (found >= count) {
            return;
        }
        assert_false(client->ended);
        turn(world);
    }
}

static void hear_end(struct world *world, struct client *client)
{
    while (!client->ended) {
        turn(world);
        listen_to(client);
    }
}

static bool heard(const struct client *client, const char *text)
{
    return strstr(buf_text(&client->in), text) != NULL;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* ---- tests ---- */

static void test_answer(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    struct client client = dial(world);
    say(&client, "GET /a%20b?x=%31 HTTP/1.1\r\nHost: me:1\r\nUser-Agent: nc\r\n\r\n");
    hear(world, &client, "hello", 1);
    assert_string_equal(world->seen, "GET /a b ?x=%31 @me:1 nc []");
    assert_true(heard(&client, "HTTP/1.1 200 OK\r\n"));
    assert_true(heard(&client, "Content-Type: text/plain\r\n"));
    assert_true(heard(&client, "Content-Length: 5\r\n"));
    assert_true(heard(&client, "Date: "));
    assert_false(heard(&client, "Connection:"));
    say(&client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nping");
    hear(world, &client, "ping", 1);
    say(&client, GET("/extra"));
    hear(world, &client, "X-Extra: yes\r\n", 1);
    assert_false(heard(&client, "Evil"));
    say(&client, GET("/none"));
    hear(world, &client, "204 No Content\r\n", 1);
    say(&client, "HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    buf_clear(&client.in);
    hear_end(world, &client);
    assert_true(heard(&client, "Content-Length: 5\r\n"));
    assert_true(heard(&client, "Connection: close\r\n"));
    assert_false(heard(&client, "hello"));
    hang_up(&client);
    const struct http_server_counters *counters = http_server_counters(world->server);
    assert_int_equal(counters->accepted, 1);
    assert_int_equal(counters->requests, 5);
    assert_int_equal(counters->faults, 0);
    while (counters->open > 0) {
        turn(world);
    }
}

static void test_split_reads(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    struct client client = dial(world);
    const char *text = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world";
    for (size_t i = 0; i < strlen(text); i++) {
        assert_int_equal(world->handled, 0);
        assert_int_equal(send(client.fd, text + i, 1, 0), 1);
        turn(world);
    }
    hear(world, &client, "hello world", 1);
    assert_int_equal(world->handled, 1);
    hang_up(&client);
}

static void test_pipelining(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    struct client client = dial(world);
    struct buf text = {0};
    for (int i = 0; i < 100; i++) {
        buf_printf(&text, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n<%03d>", i);
    }
    say(&client, buf_text(&text));
    shutdown(client.fd, SHUT_WR); /* printf ... | nc -N: what was asked is answered */
    hear_end(world, &client);
    const char *at = buf_text(&client.in);
    for (int i = 0; i < 100; i++) {
        char want[16];
        snprintf(want, sizeof(want), "<%03d>", i);
        at = strstr(at, want);
        assert_non_null(at);
    }
    assert_int_equal(world->handled, 100);
    buf_fini(&text);
    hang_up(&client);
}

static void test_http_1_0(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    struct client client = dial(world);
    say(&client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    hear(world, &client, "Connection: keep-alive\r\n", 1);
    say(&client, "GET / HTTP/1.0\r\n\r\n");
    hear_end(world, &client);
    assert_true(heard(&client, "Connection: close\r\n"));
    hang_up(&client);
}

static void answer(struct world *world, const char *text)
{
    struct http_exchange *exchange = world->kept;
    world->kept = NULL;
    http_respond(exchange, &(struct http_response){.status = 202, .body = str_of(text)});
}

static void test_later(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    struct client client = dial(world);
    say(&client, GET("/later") GET("/now"));
    while (world->kept == NULL) {
        turn(world);
    }
    turn(world);
    assert_int_equal(world->handled, 1); /* the second waits for the first */
    char peer[64];
    http_exchange_peer(world->kept, peer, sizeof(peer));
    assert_int_equal(strncmp(peer, "127.0.0.1:", 10), 0);
    answer(world, "finally");
    assert_int_equal(world->handled, 1); /* and no handler runs within http_respond */
    hear(world, &client, "hello", 1);
    assert_true(strstr(buf_text(&client.in), "finally") < strstr(buf_text(&client.in), "hello"));
    hang_up(&client);
}

static void count_gone(struct http_exchange *exchange, void *user)
{
    struct world *world = user;
    char peer[64];
    world->gone++;
    http_exchange_peer(exchange, peer, sizeof(peer));
    assert_string_equal(peer, "gone");
    if (world->gone == 2) {
        answer(world, "into the void");
    }
}

static void test_gone(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    for (size_t round = 1; round <= 2; round++) {
        struct client client = dial(world);
        say(&client, GET("/later"));
        while (world->kept == NULL) {
            turn(world);
        }
        http_exchange_on_gone(world->kept, count_gone, world);
        hang_up(&client);
        while (world->gone < round) {
            turn(world);
        }
        if (round == 1) {
            answer(world, "too late");
        }
        assert_null(world->kept);
    }
    assert_int_equal(http_server_counters(world->server)->open, 0);
    struct client client = dial(world);
    say(&client, GET("/later"));
    while (world->kept == NULL) {
        turn(world);
    }
    http_exchange_on_gone(world->kept, count_gone, world);
    http_server_free(world->server); /* no callback, and the exchange can still be answered */
    world->server = NULL;
    assert_int_equal(world->gone, 2);
    answer(world, "nobody");
    hang_up(&client);
}

static void test_close_from_the_handler(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    struct client client = dial(world);
    say(&client, "POST /close HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody" GET("/never"));
    hear_end(world, &client);
    assert_int_equal(world->handled, 1);
    assert_true(heard(&client, "Connection: close"));
    hang_up(&client);
}

static void test_continue(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    struct client client = dial(world);
    say(&client, "PUT /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    hear(world, &client, "HTTP/1.1 100 Continue\r\n\r\n", 1);
    say(&client, "abc");
    hear(world, &client, "\r\n\r\nabc", 1);
    hang_up(&client);
}

static void test_faults(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *text, *status;
    } rows[] = {
        {"\x16\x03\x01", "400 Bad Request"},
        {"what\r\n\r\n", "400 Bad Request"},
        {GET("/%zz"), "400 Bad Request"},
        {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", "411 Length Required"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: br\r\n\r\n", "501 Not Implemented"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\nhello", "413 Content Too Large"},
        {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", "505 HTTP Version Not Supported"},
    };
    start(world, (struct http_server_options){0});
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client client = dial(world);
        say(&client, rows[i].text);
        hear_end(world, &client);
        assert_true(heard(&client, rows[i].status));
        assert_true(heard(&client, "Content-Type: application/json\r\n"));
        assert_true(heard(&client, "Connection: close\r\n"));
        assert_true(heard(&client, "{\"error\":{\"code\":\""));
        hang_up(&client);
    }
    struct client client = dial(world);
    struct buf head = {0};
    buf_str(&head, STR("GET / HTTP/1.1\r\nHost: h\r\nX: "));
    for (int i = 0; i < 9000; i++) {
        buf_str(&head, STR("x"));
    }
    say(&client, buf_text(&head));
    hear_end(world, &client);
    assert_true(heard(&client, "431 Request Header Fields Too Large"));
    buf_fini(&head);
    hang_up(&client);
    assert_int_equal(world->handled, 0);
    assert_int_equal(http_server_counters(world->server)->faults, COUNT_OF(rows) + 1);
}

static void test_slow_peers(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){.request_timeout_ms = 20, .idle_timeout_ms = 20});
    const struct http_server_counters *counters = http_server_counters(world->server);
    struct client silent = dial(world);
    hear_end(world, &silent);
    assert_int_equal(silent.in.size, 0);
    assert_int_equal(counters->request_timeouts, 1);
    struct client half_head = dial(world);
    say(&half_head, "GET / HTTP/1.1\r\nHost:");
    hear_end(world, &half_head);
    assert_true(heard(&half_head, "408 Request Timeout"));
    assert_int_equal(counters->request_timeouts, 2);
    struct client half_body = dial(world);
    say(&half_body, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    hear_end(world, &half_body);
    assert_true(heard(&half_body, "408 Request Timeout"));
    struct client idle = dial(world);
    say(&idle, GET("/"));
    hear_end(world, &idle);
    assert_true(heard(&idle, "hello"));
    assert_false(heard(&idle, "408"));
    assert_int_equal(counters->idle_timeouts, 1);
    hang_up(&silent);
    hang_up(&half_head);
    hang_up(&half_body);
    hang_up(&idle);
}

/* A peer that asks and does not read holds one answer, by reference, until its time is up. */
static void test_never_reading_peer(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){.write_timeout_ms = 50});
    struct client client = dial(world);
    for (int i = 0; i < 10; i++) {
        say(&client, GET("/big"));
    }
    while (world->handled == 0) {
        turn(world);
    }
    const struct http_server_counters *counters = http_server_counters(world->server);
    while (counters->open > 0) {
        turn(world);
    }
    assert_int_equal(world->handled, 1);
    assert_int_equal(counters->write_timeouts, 1);
    assert_true(counters->bytes_sent < BIG);
    hang_up(&client);
}

static void test_large_answers_arrive_whole(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    struct client client = dial(world);
    say(&client, GET("/big") GET("/copied") "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    hear_end(world, &client);
    size_t letters = 0;
    for (size_t i = 0; i < client.in.size; i++) {
        letters += client.in.data[i] == 'z' ? 1 : 0;
    }
    assert_int_equal(letters, 2 * BIG);
    assert_string_equal(buf_text(&client.in) + client.in.size - 5, "hello");
    hang_up(&client);
}

static void test_max_connections(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){.max_connections = 2});
    const struct http_server_counters *counters = http_server_counters(world->server);
    struct client first = dial(world);
    say(&first, GET("/"));
    hear(world, &first, "hello", 1);
    struct client second = dial(world);
    say(&second, GET("/"));
    hear(world, &second, "hello", 1);
    struct client third = dial(world); /* the first has been idle longest */
    say(&third, GET("/later"));
    hear_end(world, &first);
    while (world->kept == NULL) {
        turn(world);
    }
    assert_int_equal(counters->evicted, 1);
    struct http_exchange *one = world->kept;
    world->kept = NULL;
    say(&second, GET("/later"));
    while (world->kept == NULL) {
        turn(world);
    }
    struct client fourth = dial(world); /* nobody is idle */
    say(&fourth, GET("/"));
    hear_end(world, &fourth);
    assert_true(heard(&fourth, "503 Service Unavailable"));
    assert_true(heard(&fourth, "too_many_connections"));
    assert_int_equal(counters->rejected, 1);
    assert_int_equal(counters->faults, 0);
    answer(world, "two");
    world->kept = one;
    answer(world, "one");
    hear(world, &third, "one", 1);
    hear(world, &second, "two", 1);
    hang_up(&first);
    hang_up(&second);
    hang_up(&third);
    hang_up(&fourth);
}

/* Descriptors run out: the loop does not spin, and goes on when there are some again. */
static void test_no_descriptors(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    struct client client = dial(world);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {(rlim_t)client.fd + 1, before.rlim_max};
    int spare[64];
    size_t count = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (count < COUNT_OF(spare) && (spare[count] = dup(0)) >= 0) {
        count++;
    }
    say(&client, GET("/"));
    turn(world);
    turn(world);
    assert_int_equal(world->handled, 0);
    for (size_t i = 0; i < count; i++) {
        close(spare[i]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (world->handled == 0) {
        loop_turn_once(world->loop, true);
    }
    hear(world, &client, "hello", 1);
    hang_up(&client);
}

static void test_unix_path(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){.unix_path = world->path, .mode = 0600, .gid = (gid_t)-1});
    struct stat status;
    assert_int_equal(stat(world->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    struct client client = {.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, world->path);
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    say(&client, "GET /x HTTP/1.0\r\n\r\n");
    hear_end(world, &client);
    assert_string_equal(world->seen, "GET /x ? @ none [] unix");
    say(&client, "");
    struct error err;
    struct http_server_options same = {.unix_path = world->path, .gid = (gid_t)-1};
    assert_null(http_server_new(world->loop, &same, handler, world, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    http_server_free(world->server);
    world->server = NULL;
    assert_int_equal(access(world->path, F_OK), -1);
    hang_up(&client);
}

static void test_address_in_use(void **state)
{
    struct world *world = *state;
    struct error err;
    start(world, (struct http_server_options){.host = "127.0.0.1"});
    struct http_server_options same = {.host = "127.0.0.1", .port = http_server_port(world->server)};
    assert_null(http_server_new(world->loop, &same, handler, world, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.text, "127.0.0.1"));
    struct http_server_options name = {.host = "not an address"};
    assert_null(http_server_new(world->loop, &name, handler, world, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    struct http_server_options v6 = {.host = "::1"};
    struct http_server *server = http_server_new(world->loop, &v6, handler, world, &err);
    if (server != NULL) { /* a machine without IPv6 says ERROR_SYSTEM */
        assert_true(http_server_port(server) != 0);
    } else {
        assert_int_equal(err.code, ERROR_SYSTEM);
    }
    http_server_free(server);
}

static void test_stop_accepting(void **state)
{
    struct world *world = *state;
    start(world, (struct http_server_options){0});
    struct client idle = dial(world);
    say(&idle, GET("/"));
    hear(world, &idle, "hello", 1);
    struct client busy = dial(world);
    say(&busy, GET("/later"));
    while (world->kept == NULL) {
        turn(world);
    }
    http_server_stop_accepting(world->server);
    hear_end(world, &idle);
    answer(world, "done");
    hear_end(world, &busy);
    assert_true(heard(&busy, "done"));
    hang_up(&idle);
    hang_up(&busy);
}

/* ---- http_fetch, from a child since it blocks ---- */

static int fetch_all(const char *url, const char *path, uint16_t port)
{
    struct error err = {0};
    struct buf body = {0};
    int status = 0;
    char refused[64];
    struct http_fetch_request request = {.method = "POST",
                                         .url = url,
                                         .unix_path = path,
                                         .body = STR("ping"),
                                         .max_response = 4,
                                         .timeout_ms = 60000};
    int wrong = 0;
    wrong += http_fetch(&request, &err, &status, &body) == 0 && status == 200 &&
                     strcmp(buf_text(&body), "ping") == 0
                 ? 0
                 : 1;
    request.max_response = 3;
    wrong +=
        http_fetch(&request, &err, &status, &body) < 0 && err.code == ERROR_LIMIT && body.size == 4 ? 0 : 2;
    request.method = "GET";
    request.body = (struct str){NULL, 0};
    wrong += http_fetch(&request, &err, &status, &body) == 0 && status == 200 && body.size == 4 ? 0 : 4;
    request.unix_path = path == NULL ? NULL : "/nonexistent/socket";
    snprintf(refused, sizeof(refused), "http://127.0.0.1:%u/", port);
    request.url = refused;
    wrong += http_fetch(&request, &err, &status, &body) < 0 && err.code == ERROR_UNREACHABLE ? 0 : 8;
    request.unix_path = NULL;
    request.url = "gopher://x/";
    wrong += http_fetch(&request, &err, &status, &body) < 0 && err.code == ERROR_INVALID ? 0 : 16;
    buf_fini(&body);
    return wrong;
}

static void fetch_in_child(struct world *world, const char *url, const char *path)
{
    int closed = socket(AF_INET, SOCK_STREAM, 0); /* a port that is bound and does not listen refuses */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    assert_int_equal(bind(closed, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(closed, (struct sockaddr *)&address, &size), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(fetch_all(url, path, ntohs(address.sin_port)));
    }
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        turn(world);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(closed);
}

static void test_fetch(void **state)
{
    struct world *world = *state;
    char url[64];
    start(world, (struct http_server_options){0});
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/echo", http_server_port(world->server));
    fetch_in_child(world, url, NULL);
    http_server_free(world->server);
    start(world, (struct http_server_options){.unix_path = world->path, .gid = (gid_t)-1});
    fetch_in_child(world, "http://localhost/echo", world->path);
    assert_non_null(strstr(world->seen, "GET /echo ? @localhost"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_answer),
        T(test_split_reads),
        T(test_pipelining),
        T(test_http_1_0),
        T(test_later),
        T(test_gone),
        T(test_close_from_the_handler),
        T(test_continue),
        T(test_faults),
        T(test_slow_peers),
        T(test_never_reading_peer),
        T(test_large_answers_arrive_whole),
        T(test_max_connections),
        T(test_no_descriptors),
        T(test_unix_path),
        T(test_address_in_use),
        T(test_stop_accepting),
        T(test_fetch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
