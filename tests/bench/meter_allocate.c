/* How many allocations over HTTP an agent makes when several connections ask at once, beside as many connections that each compare
 * and put a key of their own at the same etcd: the two take turns, round by round.
 *
 *     bench_allocate ROUNDS REQUESTS CONNECTIONS ETCD_PORT PREFIX AGENT_PORT PATH BODY
 *
 * Prints for each round "floor NS" and "subject NS" until all REQUESTS were answered, and in the end how many answers were none that
 * was hoped for: "floor-refused COUNT" and "subject-refused COUNT". */
#include "http_peer.h"
#include "meter.h"

#include "outrider/base/base64.h"
#include "outrider/base/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { PEERS_MAX = 256, ANSWER_MAX = 65536, READY_AT_ONCE = 64, PATIENCE_MS = 10000, VALUE_SIZE = 110 };

struct peer {
    int fd;
    size_t number;
    int64_t revision; /* of its key; floor */
    struct buf answer;
};

struct side {
    const char *name, *path, *prefix, *body; /* body: NULL for the floor */
    struct peer peers[PEERS_MAX];
    size_t count;
    int epoll;
    int64_t refused;
};

static void open_side(struct side *side, int64_t port, size_t count)
{
    side->epoll = epoll_create1(EPOLL_CLOEXEC);
    side->count = count;
    for (size_t i = 0; i < count; i++) {
        struct peer *peer = &side->peers[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        *peer = (struct peer){.fd = http_peer_dial((uint16_t)port), .number = i};
        if (epoll_ctl(side->epoll, EPOLL_CTL_ADD, peer->fd, &event) < 0) {
            meter_die("epoll: %s", strerror(errno));
        }
    }
}

static void floor_body(const struct side *side, const struct peer *peer, struct buf *out)
{
    char key[256], value[VALUE_SIZE];
    struct buf coded = {0};
    int size = snprintf(key, sizeof(key), "%s/%zu", side->prefix, peer->number);
    memset(value, 'v', sizeof(value));
    base64_encode((struct str){key, (size_t)size}, &coded);
    buf_printf(
        out,
        "{\"compare\":[{\"key\":\"%s\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"%" PRId64
        "\"}],",
        buf_text(&coded), peer->revision);
    buf_printf(out, "\"success\":[{\"request_put\":{\"key\":\"%s\",\"value\":\"", buf_text(&coded));
    buf_clear(&coded);
    base64_encode((struct str){value, sizeof(value)}, &coded);
    buf_printf(out, "%s\"}}]}", buf_text(&coded));
    buf_fini(&coded);
}

static void ask(const struct side *side, struct peer *peer)
{
    struct buf body = {0}, request = {0};
    if (side->body == NULL) {
        floor_body(side, peer, &body);
    } else {
        buf_printf(&body, "%s", side->body);
    }
    buf_printf(&request,
               "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
               "%zu\r\n\r\n%s",
               side->path, body.size, buf_text(&body));
    buf_clear(&peer->answer);
    if (send(peer->fd, request.data, request.size, MSG_NOSIGNAL) != (ssize_t)request.size) {
        meter_die("%s: a request could not be written: %s", side->name, strerror(errno));
    }
    buf_fini(&body);
    buf_fini(&request);
}

static void take(struct side *side, struct peer *peer)
{
    const char *text = buf_text(&peer->answer), *revision = strstr(text, "\"revision\":\"");
    bool ok = side->body != NULL ? strncmp(text, "HTTP/1.1 201", 12) == 0
                                 : strstr(text, "\"succeeded\":true") != NULL;
    side->refused += !ok;
    if (side->body == NULL && revision != NULL) {
        peer->revision = ok ? strtoll(revision + strlen("\"revision\":\""), NULL, 10) : peer->revision;
    }
}

/* Reads once; whether the answer has come. */
static bool read_peer(struct side *side, struct peer *peer)
{
    static char bytes[ANSWER_MAX];
    ssize_t got = recv(peer->fd, bytes, sizeof(bytes), 0);
    if (got <= 0) {
        meter_die("%s: %s", side->name, got == 0 ? "the connection was closed" : strerror(errno));
    }
    buf_add(&peer->answer, bytes, (size_t)got);
    return http_peer_is_whole(buf_text(&peer->answer), peer->answer.size);
}

static void pour(struct side *side, size_t requests)
{
    size_t asked = 0, done = 0;
    for (; asked < side->count && asked < requests; asked++) {
        ask(side, &side->peers[asked]);
    }
    while (done < requests) {
        struct epoll_event ready[READY_AT_ONCE];
        int found = epoll_wait(side->epoll, ready, READY_AT_ONCE, PATIENCE_MS);
        if (found == 0) {
            meter_die("%s: nothing came for %d ms", side->name, PATIENCE_MS);
        }
        for (int i = 0; i < found; i++) {
            struct peer *peer = ready[i].data.ptr;
            if (read_peer(side, peer)) {
                take(side, peer);
                done++;
                if (asked < requests) {
                    ask(side, peer);
                    asked++;
                }
            }
        }
    }
}

int main(int argc, char **argv)
{
    static struct side floor = {.name = "floor", .path = "/v3/kv/txn"}, subject = {.name = "subject"};
    if (argc != 9) {
        meter_die("usage: ROUNDS REQUESTS CONNECTIONS ETCD_PORT PREFIX AGENT_PORT PATH BODY");
    }
    size_t requests = (size_t)meter_number(argv[2]), count = (size_t)meter_number(argv[3]);
    if (count == 0 || count > PEERS_MAX) {
        meter_die("1 to %d connections", PEERS_MAX);
    }
    floor.prefix = argv[5];
    subject.path = argv[7];
    subject.body = argv[8];
    open_side(&floor, meter_number(argv[4]), count);
    open_side(&subject, meter_number(argv[6]), count);
    struct side *const sides[] = {&floor, &subject};
    for (int64_t round = -1; round < meter_number(argv[1]); round++) {
        for (size_t i = 0; i < 2; i++) {
            int64_t began = meter_now_us();
            pour(sides[i], requests);
            int64_t took = meter_now_us() - began;
            if (round >= 0) {
                printf("%s %" PRId64 "\n", sides[i]->name, took * 1000);
            } else {
                sides[i]->refused = 0; /* until each knows where it begins */
            }
        }
    }
    for (size_t i = 0; i < 2; i++) {
        printf("%s-refused %" PRId64 "\n", sides[i]->name, sides[i]->refused);
        for (size_t peer = 0; peer < count; peer++) {
            buf_fini(&sides[i]->peers[peer].answer);
        }
    }
    return 0;
}
