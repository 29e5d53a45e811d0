#include "probe_bare.h"

#include "meter.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/game/a2s.h"
#include "outrider/codec/game/grpc_health.h"
#include "outrider/codec/game/minecraft.h"
#include "outrider/codec/game/quake3.h"
#include "outrider/codec/game/raknet.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONG_MS = 60000, ROOM = 8192 };

struct bare {
    const struct bare_kind *kind;
    const struct peer *peer;
    int epoll;

    /* of games: what is sent, each after the answer to the one before */
    struct buf requests[2];
    size_t request_count;

    /* of libcurl */
    CURLM *multi;
    CURL *easy;
    struct buf body;
};

struct bare_kind {
    const char *type;
    void (*prepare)(struct bare *bare); /* NULL: nothing */
    void (*run)(struct bare *bare);
};

/* ---- sockets ---- */

static void wait_for(const struct bare *bare, int fd, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events};
    if (operation != 0) {
        epoll_ctl(bare->epoll, operation, fd, &event);
    }
    if (epoll_wait(bare->epoll, &event, 1, LONG_MS) != 1) {
        meter_die("no answer to a bare program");
    }
}

static int connected(const struct bare *bare, const struct sockaddr *address, socklen_t size)
{
    int error = 0;
    socklen_t error_size = sizeof(error);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(fd, address, size) < 0) {
        error = errno;
    }
    if (error == EINPROGRESS) {
        wait_for(bare, fd, EPOLL_CTL_ADD, EPOLLOUT);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
    }
    if (fd < 0 || error != 0) {
        meter_die("a connection failed: %s", strerror(error));
    }
    return fd;
}

static struct sockaddr_in address_of(const struct bare *bare)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(bare->peer->port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int connected_tcp(const struct bare *bare)
{
    struct sockaddr_in address = address_of(bare);
    return connected(bare, (struct sockaddr *)&address, sizeof(address));
}

static void run_tcp(struct bare *bare)
{
    close(connected_tcp(bare));
}

static void run_unix(struct bare *bare)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", bare->peer->path);
    close(connected(bare, (struct sockaddr *)&address, sizeof(address)));
}

static void run_exec(struct bare *bare)
{
    (void)bare;
    char program[] = PROBE_PROGRAM, *words[] = {program, NULL}, *none[] = {NULL};
    pid_t pid;
    int status;
    if (posix_spawn(&pid, program, NULL, NULL, words, none) != 0 || waitpid(pid, &status, 0) != pid ||
        status != 0) {
        meter_die("%s did not run", program);
    }
}

/* ---- games ---- */

static void send_request(int fd, const struct buf *request)
{
    if (send(fd, request->data, request->size, MSG_NOSIGNAL) != (ssize_t)request->size) {
        meter_die("cannot send: %s", strerror(errno));
    }
}

static void run_datagrams(struct bare *bare)
{
    struct sockaddr_in address = address_of(bare);
    char bytes[ROOM];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        meter_die("cannot connect: %s", strerror(errno));
    }
    for (size_t i = 0; i < bare->request_count; i++) {
        send_request(fd, &bare->requests[i]);
        wait_for(bare, fd, i == 0 ? EPOLL_CTL_ADD : 0, EPOLLIN);
        if (recv(fd, bytes, sizeof(bytes), 0) <= 0) {
            meter_die("no answer: %s", strerror(errno));
        }
    }
    close(fd);
}

/* The size comes first, here in two bytes. */
static void run_minecraft(struct bare *bare)
{
    char bytes[ROOM];
    size_t size = 0, wanted = 2;
    int fd = connected_tcp(bare);
    send_request(fd, &bare->requests[0]);
    for (int operation = EPOLL_CTL_MOD; size < wanted; operation = 0) {
        wait_for(bare, fd, operation, EPOLLIN);
        ssize_t got = recv(fd, bytes + size, sizeof(bytes) - size, 0);
        if (got <= 0) {
            meter_die("no status");
        }
        size += (size_t)got;
        wanted = 2 + (((size_t)bytes[0] & 0x7f) | (size_t)bytes[1] << 7);
    }
    close(fd);
}

static void prepare_a2s(struct bare *bare)
{
    a2s_request(&(struct game_query){0}, &bare->requests[0]);
    a2s_request(&(struct game_query){.challenges = 1, .challenge = {1, 2, 3, 4}}, &bare->requests[1]);
    bare->request_count = 2;
}

static void prepare_raknet(struct bare *bare)
{
    raknet_request(&(struct game_query){0}, &bare->requests[0]);
    bare->request_count = 1;
}

static void prepare_quake3(struct bare *bare)
{
    quake3_request(&(struct game_query){0}, &bare->requests[0]);
    bare->request_count = 1;
}

static void prepare_minecraft(struct bare *bare)
{
    struct game_query query = {.host = "127.0.0.1", .port = bare->peer->port};
    minecraft_request(&query, &bare->requests[0]);
}

/* ---- libcurl: one handle and one connection, which are kept ---- */

static size_t ignore(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    (void)user;
    return size * count;
}

static void prepare_curl(struct bare *bare, const char *path, const char *const *headers)
{
    char url[128];
    struct curl_slist *list = NULL;
    for (; *headers != NULL; headers++) {
        list = curl_slist_append(list, *headers);
    }
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", bare->peer->port, path);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    bare->multi = curl_multi_init();
    bare->easy = curl_easy_init();
    curl_easy_setopt(bare->easy, CURLOPT_URL, url);
    curl_easy_setopt(bare->easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(bare->easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(bare->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(bare->easy, CURLOPT_TIMEOUT_MS, (long)LONG_MS);
}

static void prepare_http(struct bare *bare)
{
    static const char *const headers[] = {"User-Agent: bare/1.0", NULL};
    prepare_curl(bare, "/", headers);
}

static void prepare_grpc(struct bare *bare)
{
    static const char *const headers[] = {"Content-Type: application/grpc", "TE: trailers",
                                          "User-Agent: bare/1.0", "Expect:", NULL};
    prepare_curl(bare, GRPC_HEALTH_PATH, headers);
    grpc_health_request(STR(""), &bare->body);
    curl_easy_setopt(bare->easy, CURLOPT_POSTFIELDSIZE, (long)bare->body.size);
    curl_easy_setopt(bare->easy, CURLOPT_POSTFIELDS, bare->body.data);
    curl_easy_setopt(bare->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
}

static void run_curl(struct bare *bare)
{
    int running = 1, left;
    long status = 0;
    curl_multi_add_handle(bare->multi, bare->easy);
    for (;;) {
        curl_multi_perform(bare->multi, &running);
        if (running == 0) {
            break;
        }
        curl_multi_poll(bare->multi, NULL, 0, LONG_MS, NULL);
    }
    const CURLMsg *message = curl_multi_info_read(bare->multi, &left);
    CURLcode code = message == NULL ? CURLE_GOT_NOTHING : message->data.result;
    curl_easy_getinfo(bare->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(bare->multi, bare->easy);
    if (code != CURLE_OK || status != 200) {
        meter_die("libcurl: %s, status %ld", curl_easy_strerror(code), status);
    }
}

/* libcurl 7.88 fails on a kept connection that a request with prior knowledge would use. */
static void run_grpc(struct bare *bare)
{
    run_curl(bare);
    curl_easy_setopt(bare->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_0);
}

/* ---- the table ---- */

static const struct bare_kind kinds[] = {
    {"tcp", NULL, run_tcp},
    {"unix", NULL, run_unix},
    {"exec", NULL, run_exec},
    {"a2s", prepare_a2s, run_datagrams},
    {"raknet", prepare_raknet, run_datagrams},
    {"quake3", prepare_quake3, run_datagrams},
    {"minecraft", prepare_minecraft, run_minecraft},
    {"http", prepare_http, run_curl},
    {"grpc", prepare_grpc, run_grpc},
};

struct bare *bare_new(const char *type, const struct peer *peer)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i].type, type) == 0) {
            struct bare *bare = mem_zalloc(sizeof(*bare));
            bare->kind = &kinds[i];
            bare->peer = peer;
            bare->epoll = epoll_create1(EPOLL_CLOEXEC);
            if (kinds[i].prepare != NULL) {
                kinds[i].prepare(bare);
            }
            return bare;
        }
    }
    return NULL;
}

void bare_try(struct bare *bare)
{
    bare->kind->run(bare);
}
