/* Whole connections to the real HTTP server: the bytes are a script of what a few peers do and when. A peer connects, sends pieces of
 * requests, whole or cut anywhere, several at once, reads what it was answered or does not, ends its direction, or goes. The handler answers
 * at once, later, with much, without end, or hands the connection over. Whatever the script:
 *
 * - a request is answered at most once, its connection reads the answers in order, and each ends where it says;
 * - nothing follows an answer that says `Connection: close`;
 * - an exchange ends exactly once, and the number of connections is bounded;
 * - a peer that sent whole requests, and was not closed, has an answer to each. */
#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/transport.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PEERS = 4,
    WAITING_MAX = 32,
    SENT_MAX = 1500, /* whole requests */
    SERIALS_MAX = 4096,
    MUCH = 300000,
    PUSHED = 20000,
    BODY_MAX = 100,
    OPEN_MAX = 4 + 4 + 64 /* connections, pushes, and those that are told that there is no room */
};

/* What the handler does with the requests from now on. */
enum mode { ANSWER, ANSWER_MUCH, ANSWER_AND_CLOSE, LATER, PUSH, UPGRADE, MODES };

struct peer {
    int fd;          /* -1: not connected */
    bool cut;        /* some of a request may be missing, or is not a request */
    bool at_end;     /* the server has closed */
    bool last_seen;  /* an answer was the last, or has no end */
    size_t requests; /* whole ones */
    size_t answers;
    unsigned serial; /* of the last answer */
    struct buf got;
};

struct waiting {
    struct http_exchange *exchange;
    unsigned serial;
};

struct world {
    struct loop *loop;
    struct http_server *server;
    struct sockaddr_un address;
    struct peer peers[PEERS];
    struct waiting waiting[WAITING_MAX];
    size_t waiting_count;
    struct http_push *pushes[WAITING_MAX];
    size_t push_count;
    enum mode mode;
    size_t sent;
    unsigned serials; /* requests that reached the handler */
    unsigned ended;   /* exchanges that are over */
    bool is_head[SERIALS_MAX], answered[SERIALS_MAX];
    struct blob *much, *pushed;
};

static void check_at(bool ok, int line)
{
    if (!ok) {
        fprintf(stderr, "tests/fuzz/fuzz_http_connection.c:%d does not hold\n", line);
        abort();
    }
}

#define CHECK(condition) check_at((condition), __LINE__)

/* ---- the handler ---- */

static const char *serial_header(unsigned serial)
{
    static char header[32];
    snprintf(header, sizeof(header), "X-Serial: %u", serial);
    return header;
}

static void answer(struct world *world, struct http_exchange *exchange, unsigned serial, enum mode mode)
{
    world->ended++;
    http_respond(exchange,
                 &(struct http_response){.status = 200,
                                         .content_type = STR("text/plain"),
                                         .headers = (const char *const[]){serial_header(serial), NULL},
                                         .blob = mode == ANSWER_MUCH ? world->much : NULL,
                                         .body = STR("answer"),
                                         .close = mode == ANSWER_AND_CLOSE});
}

static void on_closed(struct http_push *push, enum http_push_end why, void *user)
{
    struct world *world = user;
    (void)why;
    for (size_t i = 0; i < world->push_count; i++) {
        if (world->pushes[i] == push) {
            world->pushes[i] = world->pushes[--world->push_count];
            http_push_end(push);
            return;
        }
    }
    CHECK(false);
}

static void on_drained(struct http_push *push, void *user)
{
    (void)user;
    CHECK(http_push_facts(push)->behind == 0);
}

static const struct http_push_calls push_calls = {.drained = on_drained, .closed = on_closed};

static void on_upgraded(struct transport *transport, struct str ahead, void *user)
{
    (void)user;
    CHECK(ahead.size <= HTTP_HEAD_MAX + BODY_MAX);
    if (transport != NULL) {
        transport_close(transport);
    }
}

static bool begin_push(struct world *world, struct http_exchange *exchange, unsigned serial)
{
    if (world->push_count == WAITING_MAX || world->is_head[serial]) {
        return false;
    }
    struct http_push *push = http_push_begin(
        exchange,
        &(struct http_push_options){.content_type = STR("text/event-stream"),
                                    .headers = (const char *const[]){serial_header(serial), NULL}},
        &push_calls, world);
    world->ended++;
    if (push != NULL) {
        world->pushes[world->push_count++] = push;
    }
    return true;
}

static bool begin_upgrade(struct world *world, struct http_exchange *exchange, unsigned serial)
{
    if (!http_exchange_upgrade(exchange, (const char *const[]){"Upgrade: other", serial_header(serial), NULL},
                               on_upgraded, world)) {
        return false;
    }
    world->ended++;
    return true;
}

static void on_request(struct http_exchange *exchange, const struct http_request *request, void *user)
{
    struct world *world = user;
    unsigned serial = world->serials++;
    CHECK(request->method.size > 0 && request->path.size > 0 && request->body.size <= BODY_MAX);
    CHECK(serial < SERIALS_MAX);
    world->is_head[serial] = str_eq(request->method, STR("HEAD"));
    if (world->mode == LATER && world->waiting_count < WAITING_MAX) {
        world->waiting[world->waiting_count++] = (struct waiting){exchange, serial};
    } else if ((world->mode != PUSH || !begin_push(world, exchange, serial)) &&
               (world->mode != UPGRADE || !begin_upgrade(world, exchange, serial))) {
        answer(world, exchange, serial, world->mode);
    }
}

static void on_gone(struct http_exchange *exchange, void *user)
{
    struct world *world = user;
    for (size_t i = 0; i < world->waiting_count; i++) {
        if (world->waiting[i].exchange == exchange) {
            world->waiting[i] = world->waiting[--world->waiting_count];
            world->ended++;
            return;
        }
    }
    CHECK(false); /* an exchange that is over cannot go */
}

static void answer_waiting(struct world *world, size_t which)
{
    if (world->waiting_count > 0) {
        struct waiting *slot = &world->waiting[which % world->waiting_count], waiting = *slot;
        *slot = world->waiting[--world->waiting_count];
        answer(world, waiting.exchange, waiting.serial, which % 3 == 0 ? ANSWER_MUCH : ANSWER);
    }
}

/* ---- the answers ---- */

#include "http_connection_answers.c"

/* ---- the peers ---- */

static void read_some(struct world *world, struct peer *peer, size_t most)
{
    char bytes[65536];
    while (peer->fd >= 0 && most > 0) {
        size_t want = most < sizeof(bytes) ? most : sizeof(bytes);
        ssize_t got = recv(peer->fd, bytes, want, MSG_DONTWAIT);
        if (got <= 0) {
            peer->at_end = peer->at_end || got == 0 || errno != EAGAIN;
            break;
        }
        most -= (size_t)got;
        buf_add(&peer->got, bytes, (size_t)got);
        take_answers(world, peer);
    }
}

static void hang_up(struct peer *peer)
{
    if (peer->fd >= 0) {
        close(peer->fd);
    }
    buf_fini(&peer->got);
    *peer = (struct peer){.fd = -1};
}

static void connect_peer(struct world *world, struct peer *peer)
{
    hang_up(peer);
    peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (peer->fd >= 0 &&
        connect(peer->fd, (const struct sockaddr *)&world->address, sizeof(world->address)) < 0) {
        hang_up(peer);
    }
}

static void send_bytes(struct peer *peer, const void *bytes, size_t size)
{
    if (peer->fd >= 0 && size > 0) {
        ssize_t sent = send(peer->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        peer->cut = peer->cut || sent < 0 || (size_t)sent < size;
    }
}

static const char *const requests[] = {
    "GET /kept HTTP/1.1\r\nHost: h\r\n\r\n",
    "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    "PUT /%62/c HTTP/1.1\r\nHost: h:80\r\ncontent-length: 0\r\n\r\n",
    "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    "POST /b HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
};

static void turn(struct world *world, int times)
{
    for (int i = 0; i < times; i++) {
        loop_turn_once(world->loop, false);
        const struct http_server_counters *counters = http_server_counters(world->server);
        CHECK(counters->open <= OPEN_MAX && counters->pushing <= counters->open);
        CHECK(world->ended + world->waiting_count == world->serials);
    }
}

/* ---- the script ---- */

struct script {
    const uint8_t *data;
    size_t size;
};

static uint8_t next(struct script *script)
{
    if (script->size == 0) {
        return 0;
    }
    script->size--;
    return *script->data++;
}

/* Sends a whole request, but for the last `less` bytes of it. */
static void send_request(struct world *world, struct peer *peer, size_t which, size_t less)
{
    const char *text = requests[which % COUNT_OF(requests)];
    size_t size = strlen(text);
    less = less < size ? less : size;
    if (world->sent < SENT_MAX) {
        world->sent++;
        peer->requests++;
        peer->cut = peer->cut || less > 0;
        send_bytes(peer, text, size - less);
    }
}

static void step(struct world *world, struct script *script)
{
    uint8_t word = next(script), more;
    struct peer *peer = &world->peers[word >> 4 & (PEERS - 1)];
    switch (word & 15) {
    case 0: connect_peer(world, peer); break;
    case 1: send_request(world, peer, next(script), 0); break;
    case 2:
        more = next(script);
        send_request(world, peer, more, next(script));
        break;
    case 3: /* bytes of the script itself */
        more = next(script);
        more = more < script->size ? more : (uint8_t)script->size;
        peer->cut = true;
        send_bytes(peer, script->data, more);
        script->data += more;
        script->size -= more;
        break;
    case 4: read_some(world, peer, next(script) * 16U + 1); break;
    case 5: read_some(world, peer, 1 << 22); break;
    case 6:
        if (peer->fd >= 0) {
            shutdown(peer->fd, SHUT_WR);
        }
        break;
    case 7: hang_up(peer); break;
    case 8: world->mode = (enum mode)(next(script) % MODES); break;
    case 9: answer_waiting(world, next(script)); break;
    case 10:
        for (size_t i = 0; i < world->push_count; i++) {
            http_push_send(world->pushes[i], &world->pushed, 1);
        }
        break;
    case 11:
        if (world->push_count > 0) {
            http_push_end(world->pushes[--world->push_count]);
        }
        break;
    case 12: /* a burst */
        more = next(script) % 40;
        for (size_t i = 0; i < more; i++) {
            send_request(world, peer, i % 3, 0);
        }
        break;
    default: turn(world, 1); break;
    }
}

static uint64_t progress(const struct world *world)
{
    const struct http_server_counters *counters = http_server_counters(world->server);
    return counters->accepted + counters->rejected + counters->bytes_sent + world->serials;
}

/* Whether the server had to close connections that did nothing wrong. */
static bool has_closed_any(const struct world *world)
{
    const struct http_server_counters *counters = http_server_counters(world->server);
    return counters->evicted + counters->rejected + counters->waiting_resets + counters->request_timeouts +
               counters->idle_timeouts + counters->write_timeouts >
           0;
}

/* Everything is answered and read: a peer that did all well has all its answers. */
static void settle(struct world *world)
{
    uint64_t before;
    world->mode = ANSWER;
    do {
        before = progress(world);
        while (world->waiting_count > 0) {
            answer_waiting(world, 1);
        }
        for (size_t i = 0; i < PEERS; i++) {
            read_some(world, &world->peers[i], 1 << 22);
        }
        turn(world, 4);
    } while (before != progress(world) || world->waiting_count > 0);
    for (size_t i = 0; i < PEERS; i++) {
        struct peer *peer = &world->peers[i];
        read_some(world, peer, 1 << 22);
        if (peer->fd >= 0 && !peer->cut && !peer->last_seen && (!peer->at_end || !has_closed_any(world))) {
            CHECK(peer->answers == peer->requests);
        }
    }
}

static void begin(struct world *world, uint8_t options)
{
    struct error err;
    static char text[MUCH];
    world->loop = loop_new(&err);
    world->server = http_server_new(world->loop, on_request, on_gone, world);
    world->address.sun_family = AF_UNIX;
    snprintf(world->address.sun_path, sizeof(world->address.sun_path), "/tmp/outrider-fuzz-%d.sock",
             (int)getpid());
    static const char *const kept[] = {"/kept", NULL};
    const struct http_listener_options listen = {.unix_path = world->address.sun_path,
                                                 .gid = (gid_t)-1,
                                                 .max_connections = (options & 3) + 1,
                                                 .max_pushes = (options >> 2 & 3) + 1,
                                                 .max_body = BODY_MAX,
                                                 .kept_paths = kept};
    CHECK(http_server_listen(world->server, &listen, &err) != NULL);
    http_server_limit_waiting(world->server, (options & 16) != 0 ? MUCH : 0);
    memset(text, 'x', MUCH);
    world->much = blob_new((struct str){text, MUCH});
    world->pushed = blob_new((struct str){text, PUSHED});
    for (size_t i = 0; i < PEERS; i++) {
        world->peers[i].fd = -1;
    }
}

static void end(struct world *world)
{
    for (size_t i = 0; i < PEERS; i++) {
        hang_up(&world->peers[i]);
    }
    while (world->push_count > 0) {
        http_push_end(world->pushes[--world->push_count]);
    }
    turn(world, 4);
    http_server_free(world->server);
    CHECK(world->waiting_count == 0 && world->ended == world->serials);
    blob_unref(world->much);
    blob_unref(world->pushed);
    loop_free(world->loop);
    free(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {data, size};
    struct world *world = calloc(1, sizeof(*world));
    signal(SIGPIPE, SIG_IGN);
    begin(world, next(&script));
    while (script.size > 0) {
        step(world, &script);
    }
    settle(world);
    end(world);
    return 0;
}
