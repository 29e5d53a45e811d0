/* Answers that wait for their bodies to be compressed, behind a real server on a unix socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/packs.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/io/loop/loop.h"
#include "support/inflate.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PLAIN_SIZE = 600000 };

struct world {
    struct temp_dir dir;
    struct loop *loop;
    struct http_server *server;
    struct api_packs *packs;
    struct blob *plain;
    struct api_pack *pack; /* what requests wait for */
    size_t waited, refused;
};

static void on_request(struct http_exchange *exchange, const struct http_request *request, void *user)
{
    struct world *world = user;
    struct api_reply reply = {.status = 200,
                              .content_type = "application/json",
                              .varies = true,
                              .etag = "\"1-2-3\"",
                              .blob = blob_ref(world->plain)};
    (void)request;
    reply.pack = api_pack_ref(world->pack);
    if (api_pack_done(world->pack) == NULL && api_packs_wait(world->packs, exchange, &reply)) {
        world->waited++;
        return;
    }
    world->refused++;
    api_respond(exchange, &reply);
    api_reply_fini(&reply);
}

static void on_gone(struct http_exchange *exchange, void *user)
{
    struct world *world = user;
    api_packs_gone(world->packs, exchange);
}

static struct blob *make_plain(void)
{
    struct buf text = {0};
    for (int i = 0; text.size < PLAIN_SIZE; i++) {
        buf_printf(&text, "{\"id\":\"world-%d\"},", i);
    }
    return blob_take(&text);
}

static int set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    struct error err;
    assert_int_equal(temp_dir_init(&world->dir), 0);
    world->loop = loop_new(&err);
    assert_non_null(world->loop);
    world->server = http_server_new(world->loop, on_request, on_gone, world);
    assert_non_null(http_server_listen(
        world->server,
        &(struct http_listener_options){
            .unix_path = temp_path(&world->dir, "s"), .max_connections = 2000, .peer_share = 100},
        &err));
    world->packs = api_packs_new(world->loop);
    world->plain = make_plain();
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    blob_unref(world->plain);
    http_server_free(world->server);
    loop_free(world->loop);
    assert_int_equal(temp_dir_fini(&world->dir), 0);
    free(world);
    return 0;
}

static int dial(struct world *world, const char *method)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char request[80];
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", temp_path(&world->dir, "s"));
    snprintf(request, sizeof(request), "%s / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", method);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    return fd;
}

/* Turns the loop until `count` requests have come. */
static void come(struct world *world, size_t count)
{
    while (world->waited + world->refused < count) {
        loop_turn_once(world->loop, false);
    }
}

static void hear(struct world *world, int fd, struct buf *answer)
{
    char block[65536];
    ssize_t got = 1;
    while (got != 0) {
        got = recv(fd, block, sizeof(block), MSG_DONTWAIT);
        if (got > 0) {
            buf_add(answer, block, (size_t)got);
        } else if (got < 0) {
            loop_turn_once(world->loop, false);
        }
    }
    close(fd);
}

static struct str body_of(const struct buf *answer)
{
    const char *end = strstr(buf_text(answer), "\r\n\r\n");
    assert_non_null(end);
    return (struct str){end + 4, answer->size - (size_t)(end + 4 - answer->data)};
}

static void assert_packed(const struct world *world, const struct buf *answer)
{
    struct buf back = {0};
    assert_non_null(strstr(buf_text(answer), "\r\nContent-Encoding: gzip\r\n"));
    assert_non_null(strstr(buf_text(answer), "\r\nVary: Accept-Encoding\r\n"));
    assert_non_null(strstr(buf_text(answer), "\r\nETag: W/\"1-2-3\"\r\n"));
    assert_int_equal(inflate_text(body_of(answer), &back), 1);
    assert_true(str_eq(buf_view(&back), blob_view(world->plain)));
    buf_fini(&back);
}

static void assert_plain(const struct world *world, const struct buf *answer)
{
    assert_null(strstr(buf_text(answer), "Content-Encoding"));
    assert_non_null(strstr(buf_text(answer), "\r\nVary: Accept-Encoding\r\n"));
    assert_non_null(strstr(buf_text(answer), "\r\nETag: \"1-2-3\"\r\n"));
    assert_true(str_eq(body_of(answer), blob_view(world->plain)));
}

static void several_share_one(void **state)
{
    struct world *world = *state;
    int fds[5];
    const struct api_packs_counters *counters = api_packs_counters(world->packs);
    world->pack = api_packs_begin(world->packs, world->plain);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = dial(world, i == 2 ? "HEAD" : "GET");
    }
    assert_null(api_pack_done(world->pack));
    size_t turns = 0;
    while (world->waited < COUNT_OF(fds)) {
        loop_turn_once(world->loop, false);
        turns++;
    }
    assert_int_equal(counters->waiting, COUNT_OF(fds));
    while (api_pack_done(world->pack) == NULL) { /* a slice in each turn, and no more */
        loop_turn_once(world->loop, false);
        turns++;
    }
    assert_true(turns >= PLAIN_SIZE / 65536);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        struct buf answer = {0};
        hear(world, fds[i], &answer);
        if (i == 2) {
            assert_non_null(strstr(buf_text(&answer), "\r\nContent-Encoding: gzip\r\n"));
            assert_int_equal(body_of(&answer).size, 0);
        } else {
            assert_packed(world, &answer);
        }
        buf_fini(&answer);
    }
    assert_int_equal(counters->packed, 1);
    assert_int_equal(counters->running, 0);
    assert_int_equal(counters->waiting, 0);
    struct buf answer = {0};
    hear(world, dial(world, "GET"), &answer); /* it is there now */
    assert_packed(world, &answer);
    buf_fini(&answer);
    assert_int_equal(counters->packed, 1);
    api_pack_unref(world->pack);
    api_packs_free(world->packs);
}

/* The compression ends with the last one that wants it. */
static void who_leaves_is_forgotten(void **state)
{
    struct world *world = *state;
    const struct api_packs_counters *counters = api_packs_counters(world->packs);
    world->pack = api_packs_begin(world->packs, world->plain);
    int leaves = dial(world, "GET"), stays = dial(world, "GET");
    come(world, 2);
    close(leaves);
    while (counters->waiting > 1) {
        loop_turn_once(world->loop, false);
    }
    struct buf answer = {0};
    hear(world, stays, &answer);
    assert_packed(world, &answer);
    buf_fini(&answer);
    api_pack_unref(world->pack);
    world->pack = api_packs_begin(world->packs, world->plain);
    leaves = dial(world, "GET");
    come(world, 3);
    api_pack_unref(world->pack); /* the list has changed */
    assert_int_equal(counters->running, 1);
    close(leaves);
    while (counters->running > 0) {
        loop_turn_once(world->loop, false);
    }
    assert_int_equal(counters->packed, 1); /* not the second */
    api_packs_free(world->packs);
}

static void what_is_too_much_is_sent_as_it_is(void **state)
{
    struct world *world = *state;
    struct api_pack *packs[API_PACKS_MAX];
    const struct api_packs_counters *counters = api_packs_counters(world->packs);
    for (size_t i = 0; i < API_PACKS_MAX; i++) {
        packs[i] = api_packs_begin(world->packs, world->plain);
        assert_non_null(packs[i]);
    }
    assert_null(api_packs_begin(world->packs, world->plain));
    assert_int_equal(counters->plain, 1);
    world->pack = packs[API_PACKS_MAX - 1]; /* the last to be done */
    struct api_reply reply = {.pack = world->pack};
    static char exchanges[API_PACKS_WAITING_MAX];
    for (size_t i = 0; i < API_PACKS_WAITING_MAX; i++) {
        reply = (struct api_reply){.status = 200, .pack = api_pack_ref(world->pack)};
        assert_true(api_packs_wait(world->packs, (struct http_exchange *)(void *)&exchanges[i], &reply));
        assert_null(reply.pack);
    }
    int fd = dial(world, "GET");
    come(world, 1);
    assert_int_equal(world->refused, 1);
    struct buf answer = {0};
    for (size_t i = 0; i < API_PACKS_WAITING_MAX; i++) {
        api_packs_gone(world->packs, (struct http_exchange *)(void *)&exchanges[i]);
    }
    assert_int_equal(counters->waiting, 0);
    hear(world, fd, &answer);
    assert_plain(world, &answer);
    buf_fini(&answer);
    for (size_t i = 0; i < API_PACKS_MAX; i++) {
        api_pack_unref(packs[i]);
    }
    assert_int_equal(counters->running, 0);
    api_packs_free(world->packs);
}

static void the_end_answers_those_that_wait(void **state)
{
    struct world *world = *state;
    world->pack = api_packs_begin(world->packs, world->plain);
    int fd = dial(world, "GET");
    come(world, 1);
    assert_null(api_pack_done(world->pack));
    api_pack_unref(world->pack);
    api_packs_free(world->packs);
    struct buf answer = {0};
    hear(world, fd, &answer);
    assert_plain(world, &answer);
    buf_fini(&answer);
    api_packs_free(NULL);
    api_pack_unref(NULL);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(several_share_one),
        WITH_WORLD(who_leaves_is_forgotten),
        WITH_WORLD(what_is_too_much_is_sent_as_it_is),
        WITH_WORLD(the_end_answers_those_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
