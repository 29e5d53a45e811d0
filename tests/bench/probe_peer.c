#include "probe_peer.h"

#include "meter.h"
#include "outrider/base/buf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, ROOM = 4096 };

/* ---- games that answer datagrams: the answer to `asked`, in `out` ---- */

static void answer_a2s(struct str asked, struct buf *out)
{
    enum { ASKED_WITHOUT_CHALLENGE = 25 };
    static const char info[] = "\xff\xff\xff\xffI\x11"
                               "Server of ours\0de_dust2\0cstrike\0Counter-Strike\0\x0a\0\x07\x20\0dl\0\1"
                               "1.38.7.9";
    buf_str(out, asked.size > ASKED_WITHOUT_CHALLENGE ? (struct str){info, sizeof(info)}
                                                      : STR("\xff\xff\xff\xff"
                                                            "A\1\2\3\4"));
}

static void answer_raknet(struct str asked, struct buf *out)
{
    enum { TIME_AT = 1, MAGIC_AT = 9, TIME_SIZE = 8, MAGIC_SIZE = 16 };
    static const char text[] = "MCPE;Server of ours;748;1.21.40;7;20;1;world;Survival;1;19132;19133;";
    buf_add(out, "\x1c", 1);
    buf_add(out, asked.data + TIME_AT, TIME_SIZE);
    buf_add(out, "\0\0\0\0\0\0\0\1", 8);
    buf_add(out, asked.data + MAGIC_AT, MAGIC_SIZE);
    buf_add(out, (char[]){0, (char)strlen(text)}, 2);
    buf_str(out, str_of(text));
}

static void answer_quake3(struct str asked, struct buf *out)
{
    enum { CHALLENGE_AT = 12 }; /* after the four bytes, "getinfo" and a blank */
    struct str challenge = {asked.data + CHALLENGE_AT, asked.size - CHALLENGE_AT};
    buf_str(out, STR("\xff\xff\xff\xffinfoResponse\n\\challenge\\"));
    buf_str(out, str_trim(challenge));
    buf_str(out,
            STR("\\protocol\\71\\hostname\\Server of ours\\mapname\\q3dm17\\clients\\7\\sv_maxclients\\20"
                "\\gametype\\0\\pure\\1\\gamename\\Quake3Arena"));
}

typedef void answer_fn(struct str asked, struct buf *out);

static void serve_datagrams(int fd, answer_fn *answer)
{
    struct buf out = {0};
    for (;;) {
        char bytes[ROOM];
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        ssize_t got = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);
        if (got > 0) {
            buf_clear(&out);
            answer((struct str){bytes, (size_t)got}, &out);
            sendto(fd, out.data, out.size, 0, (struct sockaddr *)&from, size);
        }
    }
}

static void serve_a2s(int fd)
{
    serve_datagrams(fd, answer_a2s);
}

static void serve_raknet(int fd)
{
    serve_datagrams(fd, answer_raknet);
}

static void serve_quake3(int fd)
{
    serve_datagrams(fd, answer_quake3);
}

/* ---- what closes each connection ---- */

static void serve_nothing(int listener)
{
    for (;;) {
        close(accept(listener, NULL, NULL));
    }
}

static void send_all(int fd, struct str bytes)
{
    if (send(fd, bytes.data, bytes.size, MSG_NOSIGNAL) != (ssize_t)bytes.size) {
        _exit(0);
    }
}

/* A VarInt of two bytes. */
static void add_size(struct buf *out, size_t size)
{
    buf_add(out, (char[]){(char)(size % 128 | 128), (char)(size / 128)}, 2);
}

/* With a small picture, as most servers have. */
static void serve_minecraft(int listener)
{
    enum { PICTURE = 2048 };
    struct buf json = {0}, out = {0};
    buf_str(&json,
            STR("{\"version\":{\"name\":\"1.21.1\",\"protocol\":767},\"players\":{\"max\":20,\"online\":7},"
                "\"description\":{\"text\":\"Server of ours\"},\"favicon\":\"data:image/png;base64,"));
    memset(buf_extend(&json, PICTURE), 'A', PICTURE);
    buf_str(&json, STR("\"}"));
    add_size(&out, json.size + 3);
    buf_add(&out, "", 1);
    add_size(&out, json.size);
    buf_str(&out, buf_view(&json));
    for (;;) {
        char asked[ROOM];
        int fd = accept(listener, NULL, NULL);
        if (recv(fd, asked, sizeof(asked), 0) > 0) {
            send_all(fd, buf_view(&out));
        }
        close(fd);
    }
}

/* ---- connections that are kept: a process each ---- */

static void talk_http(int fd)
{
    static const char body[] = "{\"players\":7,\"capacity\":20,\"map\":\"arena\"}";
    char answer[256], asked[ROOM];
    int size = snprintf(answer, sizeof(answer),
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        strlen(body), body);
    while (recv(fd, asked, sizeof(asked), 0) > 0) {
        send_all(fd, (struct str){answer, (size_t)size});
    }
}

static bool take(int fd, void *bytes, size_t size)
{
    return size == 0 || recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

/* Three frames: the head with status 200, the message SERVING, the trailers with grpc-status 0. */
static void add_health(struct buf *out, const unsigned char stream[4])
{
    static const struct {
        unsigned char kind, flags;
        struct str bytes;
    } frames[] = {{1, 4,
                   STR_INIT("\x88\x0f\x10\x10"
                            "application/grpc")},
                  {0, 0, STR_INIT("\0\0\0\0\2\x08\1")},
                  {1, 5,
                   STR_INIT("\0\x0bgrpc-status\1"
                            "0")}};
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        struct str bytes = frames[i].bytes;
        buf_add(out, (char[]){0, 0, (char)bytes.size, (char)frames[i].kind, (char)frames[i].flags}, 5);
        buf_add(out, (const char *)stream, 4);
        buf_str(out, bytes);
    }
}

/* HTTP/2, as far as the clients that are measured need it. What it reads is given back to the window now and then. */
static void talk_grpc(int fd)
{
    enum { HELLO = 24, DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, END = 1, GIVE_BACK = 8192 };
    unsigned char head[9], bytes[16384], give[13] = {0, 0, 4, 8};
    size_t given = 0;
    struct buf out = {0};
    buf_add(&out, "\0\0\0\4\0\0\0\0\0", sizeof(head));
    bool goes_on = take(fd, bytes, HELLO);
    while (goes_on) {
        if (out.size > 0) {
            send_all(fd, buf_view(&out));
            buf_clear(&out);
        }
        goes_on = take(fd, head, sizeof(head));
        size_t size = (size_t)head[1] << 8 | head[2];
        if (!goes_on || head[0] != 0 || size > sizeof(bytes) || !take(fd, bytes, size)) {
            return;
        }
        given += head[3] == DATA ? size : 0;
        if ((head[3] == SETTINGS || head[3] == PING) && (head[4] & END) == 0) {
            head[4] = END; /* which means an acknowledgement here */
            head[2] = head[3] == PING ? 8 : 0;
            head[1] = 0;
            buf_add(&out, (const char *)head, sizeof(head));
            buf_add(&out, (const char *)bytes, head[2]);
        } else if ((head[3] == DATA || head[3] == HEADERS) && (head[4] & END) != 0) {
            add_health(&out, head + 5);
        }
        if (given >= GIVE_BACK) {
            give[11] = (unsigned char)(given >> 8);
            give[12] = (unsigned char)given;
            buf_add(&out, (const char *)give, sizeof(give));
            given = 0;
        }
    }
}

static void serve_kept(int listener, void (*talk)(int fd))
{
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL), one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (fd >= 0 && fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            talk(fd);
            _exit(0);
        }
        close(fd);
    }
}

static void serve_http(int listener)
{
    serve_kept(listener, talk_http);
}

static void serve_grpc(int listener)
{
    serve_kept(listener, talk_grpc);
}

/* ---- the table ---- */

static int open_port(int type, uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
        (type == SOCK_STREAM && listen(fd, BACKLOG) < 0) ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        meter_die("cannot serve: %s", strerror(errno));
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int open_path(char *path, size_t room)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(path, room, "/tmp/bench-probe-%d", (int)getpid());
    memcpy(address.sun_path, path, strlen(path));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0) {
        meter_die("cannot listen at %s: %s", path, strerror(errno));
    }
    return fd;
}

static const struct server {
    const char *type;
    int socket_type; /* 0: a UNIX socket */
    void (*serve)(int fd);
} servers[] = {
    {"tcp", SOCK_STREAM, serve_nothing},  {"unix", 0, serve_nothing},
    {"a2s", SOCK_DGRAM, serve_a2s},       {"raknet", SOCK_DGRAM, serve_raknet},
    {"quake3", SOCK_DGRAM, serve_quake3}, {"minecraft", SOCK_STREAM, serve_minecraft},
    {"http", SOCK_STREAM, serve_http},    {"grpc", SOCK_STREAM, serve_grpc},
};

void peer_start(const char *type, struct peer *ret_peer)
{
    *ret_peer = (struct peer){0};
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        const struct server *server = &servers[i];
        if (strcmp(server->type, type) == 0) {
            int fd = server->socket_type == 0 ? open_path(ret_peer->path, sizeof(ret_peer->path))
                                              : open_port(server->socket_type, &ret_peer->port);
            if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                server->serve(fd);
            }
            close(fd);
        }
    }
}
