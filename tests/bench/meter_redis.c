/* Sessions in Redis over HTTP, so many requests in flight, beside a bare program that gives the same Redis the same commands by hiredis'
 * own asynchronous interface. The two take turns, round by round.
 *
 *     bench_redis ROUNDS REQUESTS CONNECTIONS REDIS_PORT AGENT_PORT
 *
 * Prints for each round "put-floor US", "put-subject US", "get-floor US" and "get-subject US" until all REQUESTS were answered. A put
 * claims the id, enters the server's list and changes the record; a get reads the index of the id and the record. */
#include "http_peer.h"
#include "meter.h"

#include "outrider/base/buf.h"
#include "outrider/codec/redis/redis_reply.h"
#include "session/redis/session_redis_internal.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { PEERS_MAX = 256, SESSIONS = 10000, TEXT = 96 };

static size_t requests, asked, done;
static bool is_put;

/* ---- the floor ---- */

struct flight {
    size_t number;
    int pending;
    char token[TEXT], id[TEXT], player[TEXT], index[TEXT], list[TEXT], record[TEXT], ends[TEXT], place[TEXT];
    size_t place_size;
};

static redisAsyncContext *redis;
static struct event_base *base;
static char record_sha[REDIS_SHA_SIZE], index_sha[REDIS_SHA_SIZE];

static void begin(struct flight *flight);

static void call(redisCallbackFn *fn, struct flight *flight, int count, const char *const *words,
                 const size_t *sizes)
{
    const char *argv[24];
    size_t lengths[24];
    for (int i = 0; i < count; i++) {
        argv[i] = words[i];
        lengths[i] = sizes != NULL && sizes[i] != 0 ? sizes[i] : strlen(words[i]);
    }
    if (redisAsyncCommandArgv(redis, fn, flight, count, argv, lengths) != REDIS_OK) {
        meter_die("redis: %s", redis->errstr);
    }
}

#define CALL(fn, flight, ...)                                                                                \
    call(fn, flight, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                          \
         (const char *[]){__VA_ARGS__}, NULL)

static const redisReply *checked(void *got)
{
    const redisReply *reply = got;
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        meter_die("redis: %s", reply == NULL ? "the connection ended" : reply->str);
    }
    return reply;
}

static void over(redisAsyncContext *context, void *got, void *user)
{
    (void)context;
    checked(got);
    done++;
    if (done == requests) {
        event_base_loopbreak(base);
    } else if (asked < requests) {
        begin(user);
    }
}

static void on_index(redisAsyncContext *context, void *got, void *user)
{
    struct flight *flight = user;
    (void)context;
    const redisReply *reply = checked(got);
    if (is_put && --flight->pending > 0) {
        return;
    }
    if (is_put) {
        CALL(over, flight, "EVALSHA", record_sha, "2", flight->record, flight->ends, "put", "floor:sessions",
             flight->token, flight->player, "world", flight->id, "world/w1", "1800000", "any", "", "");
    } else if (reply->type == REDIS_REPLY_STRING) {
        CALL(over, flight, "EVALSHA", record_sha, "2", flight->record, flight->ends, "read", "floor:sessions",
             flight->token, flight->player, "world");
    } else {
        meter_die("redis: no session of the floor's own");
    }
}

static void begin(struct flight *flight)
{
    static unsigned long long tokens;
    size_t n = asked++ % SESSIONS, shard = n % KEYS_SHARDS;
    flight->number = n;
    snprintf(flight->token, TEXT, "token.%llu",
             ++tokens); /* a put with that of before would change nothing */
    snprintf(flight->id, TEXT, "s%zu", n);
    snprintf(flight->player, TEXT, "p%zu", n);
    snprintf(flight->index, TEXT, "{floor:%zu}:i:s%zu", shard, n);
    snprintf(flight->list, TEXT, "{floor:7}:s:world/w1");
    snprintf(flight->record, TEXT, "{floor:%zu}:p:p%zu", shard, n);
    snprintf(flight->ends, TEXT, "{floor:%zu}:x", shard);
    flight->place_size = (size_t)snprintf(flight->place, TEXT, "p%zu", n) + 1;
    memcpy(flight->place + flight->place_size, "world", 5);
    flight->place_size += 5;
    if (!is_put) {
        CALL(on_index, flight, "GET", flight->index);
        return;
    }
    flight->pending = 2;
    const char *claim[] = {"EVALSHA", index_sha, "1", flight->index, "claim", flight->place, "1800000", ""};
    const size_t sizes[] = {0, 0, 0, 0, 0, flight->place_size, 0, 0};
    call(on_index, flight, 8, claim, sizes);
    CALL(on_index, flight, "EVALSHA", index_sha, "1", flight->list, "enter", flight->player, "1800000");
}

static void ready(redisAsyncContext *context, void *got, void *user)
{
    (void)context, (void)user;
    checked(got);
    if (++done == 2) {
        event_base_loopbreak(base);
    }
}

static void open_floor(int port)
{
    base = event_base_new();
    redis = redisAsyncConnect("127.0.0.1", port);
    if (redis == NULL || redis->err != 0) {
        meter_die("redis at port %d", port);
    }
    redisLibeventAttach(redis, base);
    redis_script_sha(str_of(scripts_record), record_sha);
    redis_script_sha(str_of(scripts_index), index_sha);
    CALL(ready, NULL, "SCRIPT", "LOAD", scripts_record);
    CALL(ready, NULL, "SCRIPT", "LOAD", scripts_index);
    event_base_dispatch(base);
}

static void pour_floor(size_t in_flight)
{
    static struct flight flights[PEERS_MAX];
    for (size_t i = 0; i < in_flight && asked < requests; i++) {
        begin(&flights[i]);
    }
    event_base_dispatch(base);
}

/* ---- the subject ---- */

struct peer {
    int fd;
    size_t got;
    char answer[4096];
};

static struct peer peers[PEERS_MAX];
static int epoll;

static void ask(struct peer *peer)
{
    char request[512], body[128];
    size_t n = asked++ % SESSIONS;
    int size = snprintf(body, sizeof(body), "{\"player\":\"p%zu\",\"server\":\"world/w1\"}", n);
    size =
        is_put
            ? snprintf(
                  request, sizeof(request),
                  "PUT /api/sessions/s%zu HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                  "Content-Length: %d\r\n\r\n%s",
                  n, size, body)
            : snprintf(request, sizeof(request), "GET /api/sessions/s%zu HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                       n);
    peer->got = 0;
    if (send(peer->fd, request, (size_t)size, MSG_NOSIGNAL) != size) {
        meter_die("agent: %s", strerror(errno));
    }
}

static void open_subject(uint16_t port, size_t count)
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &peers[i]};
        peers[i].fd = http_peer_dial(port);
        epoll_ctl(epoll, EPOLL_CTL_ADD, peers[i].fd, &event);
    }
}

static void pour_subject(size_t in_flight)
{
    struct epoll_event events[64];
    for (size_t i = 0; i < in_flight && asked < requests; i++) {
        ask(&peers[i]);
    }
    while (done < requests) {
        int count = epoll_wait(epoll, events, 64, 10000);
        if (count <= 0) {
            meter_die("agent: no answer in 10 s");
        }
        for (int i = 0; i < count; i++) {
            struct peer *peer = events[i].data.ptr;
            ssize_t got = recv(peer->fd, peer->answer + peer->got, sizeof(peer->answer) - 1 - peer->got, 0);
            if (got <= 0) {
                meter_die("agent: the connection ended");
            }
            peer->got += (size_t)got;
            peer->answer[peer->got] = '\0';
            if (!http_peer_is_whole(peer->answer, peer->got)) {
                continue;
            }
            if (strncmp(peer->answer, "HTTP/1.1 20", 11) != 0) {
                meter_die("agent: %s", peer->answer);
            }
            done++;
            if (asked < requests) {
                ask(peer);
            }
        }
    }
}

static void round_of(const char *name, bool put, void (*pour)(size_t), size_t in_flight)
{
    asked = done = 0;
    is_put = put;
    int64_t start = meter_now_us();
    pour(in_flight);
    printf("%s %lld\n", name, (long long)(meter_now_us() - start));
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        meter_die("usage: bench_redis ROUNDS REQUESTS CONNECTIONS REDIS_PORT AGENT_PORT");
    }
    int rounds = atoi(argv[1]);
    size_t in_flight = strtoul(argv[3], NULL, 10);
    in_flight = in_flight < PEERS_MAX ? in_flight : PEERS_MAX;
    open_floor(atoi(argv[4]));
    open_subject((uint16_t)atoi(argv[5]), in_flight);
    requests = SESSIONS; /* all of them are there before anything is measured */
    round_of("warm-floor", true, pour_floor, in_flight);
    round_of("warm-subject", true, pour_subject, in_flight);
    requests = strtoul(argv[2], NULL, 10);
    for (int i = 0; i < rounds; i++) {
        round_of("put-floor", true, pour_floor, in_flight);
        round_of("put-subject", true, pour_subject, in_flight);
        round_of("get-floor", false, pour_floor, in_flight);
        round_of("get-subject", false, pour_subject, in_flight);
        fflush(stdout);
    }
    return 0;
}
