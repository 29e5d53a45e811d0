/* libcurl asks to watch a connection when a request is written and to forget it when the answer is read: two
 * epoll_ctl per call. A connection stays registered instead until it is closed (libcurl's close callback), or
 * until something happens on it while it is idle: the peer closed it, or sends what was not asked for.
 *
 * libcurl has no call that closes a connection of its pool. Where one must not be used again it is shut down:
 * the peer sees the end at once, and libcurl finds it dead before it would reuse it. */
#include "http_client_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/net/address.h"

#include <event2/event.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

/* A connection that this many calls for each kept one did not need is closed: a burst, as at start, leaves some behind, and
 * each costs the server memory. Counted in calls, so that an idle client needs no timer. */
enum { UNUSED_CALLS_MAX = 4 };

/* A dead peer is found 19 s after its last byte, with TCP_KEEPIDLE and TCP_KEEPINTVL as http_curl_init sets
 * them: by probes while nothing is under way, by the user timeout while something is. */
enum { KEEPALIVE_PROBES = 3, USER_TIMEOUT_MS = 19000 };

struct watched {
    struct watched *next, *prev;
    struct http_client *client;
    struct event *event;
    CURL *easy;          /* the transfer for which libcurl asked to watch it last */
    uint64_t idle_since; /* http_client.answered when a call on it ended */
    curl_socket_t fd;
    short events;
    bool may_speak;  /* while it is idle; known once it is */
    bool connection; /* from opened() to closed(); any other descriptor is a socket of libcurl's resolver */
    bool connected;  /* it has a peer; known once libcurl asks to forget it */
    bool wanted;     /* libcurl asked to watch it and did not yet ask to forget it */
};

static struct watched *watched_find(struct http_client *client, curl_socket_t fd)
{
    struct watched *watched = client->watched;
    while (watched != NULL && watched->fd != fd) {
        watched = watched->next;
    }
    return watched;
}

static bool is_idle(const struct watched *watched)
{
    return watched->connection && !watched->wanted;
}

static void stop_watching(struct watched *watched)
{
    event_del(watched->event);
    watched->events = 0;
}

static void shut_down(struct watched *watched)
{
    stop_watching(watched);
    shutdown(watched->fd, SHUT_RDWR);
}

/* Something happened on an idle connection. Bytes are legitimate only over TLS, as a late session ticket, and over HTTP/2:
 * libcurl reads them when it uses the connection next. */
static void on_idle(struct watched *watched)
{
    struct pollfd poll_fd = {.fd = watched->fd, .events = POLLIN | POLLRDHUP};
    bool is_closed = poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
    if (is_closed || !watched->may_speak) {
        shut_down(watched);
    } else {
        stop_watching(watched);
    }
}

static void on_socket(evutil_socket_t fd, short events, void *user)
{
    struct watched *watched = user;
    struct http_client *client = watched->client;
    if (!watched->wanted) {
        on_idle(watched);
        return;
    }
    int action =
        ((events & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((events & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    int running = 0;
    curl_multi_socket_action(client->multi, fd, action, &running);
    http_transfers_ran(client);
}

static struct watched *watched_new(struct http_client *client, curl_socket_t fd, bool connection)
{
    struct watched *watched = mem_zalloc(sizeof(*watched));
    watched->client = client;
    watched->fd = fd;
    watched->connection = connection;
    watched->event = event_new(loop_base(client->loop), fd, 0, on_socket, watched);
    if (watched->event == NULL) {
        abort();
    }
    DL_PREPEND(client->watched, watched);
    return watched;
}

static void watched_free(struct watched *watched)
{
    DL_DELETE(watched->client->watched, watched);
    event_free(watched->event);
    free(watched);
}

/* libcurl 7.88 closes a descriptor that did not connect without its close callback, and then asks to forget it. What
 * is opened next in the process has the same number, so only a connection with a peer may stay watched. */
static bool is_connected(struct watched *watched)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    watched->connected = watched->connected || getpeername(watched->fd, (struct sockaddr *)&peer, &size) == 0;
    return watched->connected;
}

static void forget(struct watched *watched)
{
    if (watched->connection && is_connected(watched)) {
        watched->wanted = false;
    } else {
        watched_free(watched);
    }
}

static void start_watching(struct watched *watched, short events)
{
    event_del(watched->event);
    watched->events = events;
    event_assign(watched->event, loop_base(watched->client->loop), watched->fd, (short)(events | EV_PERSIST),
                 on_socket, watched);
    event_add(watched->event, NULL);
}

/* CURLMOPT_SOCKETFUNCTION */
static int watch(CURL *easy, curl_socket_t fd, int what, void *user, void *of_socket)
{
    (void)of_socket;
    struct http_client *client = user;
    struct watched *watched = watched_find(client, fd);
    if (what == CURL_POLL_REMOVE) {
        if (watched != NULL) {
            forget(watched);
        }
        return 0;
    }
    if (watched == NULL) {
        watched = watched_new(client, fd, false);
    }
    unsigned int wish = ((unsigned int)what & CURL_POLL_IN) != 0 ? EV_READ : 0;
    wish |= ((unsigned int)what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0;
    watched->wanted = true;
    watched->easy = easy;
    if (watched->events != (short)wish) {
        start_watching(watched, (short)wish);
    }
    return 0;
}

/* CURLOPT_SOCKOPTFUNCTION */
static int opened(void *user, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    struct http_client *client = user;
    int probes = KEEPALIVE_PROBES;
    unsigned int timeout_ms = USER_TIMEOUT_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    struct watched *watched = watched_find(client, fd);
    if (watched == NULL) {
        watched = watched_new(client, fd, true);
    }
    watched->connection = true;
    watched->connected = false;
    if (watched->events != 0) {
        /* The descriptor that had the number is closed, and with it the kernel's registration. libcurl may ask for
         * nothing, since for the number nothing changes. */
        start_watching(watched, watched->events);
    }
    return CURL_SOCKOPT_OK;
}

/* CURLOPT_CLOSESOCKETFUNCTION */
static int closed(void *user, curl_socket_t fd)
{
    struct http_client *client = user;
    struct watched *watched = watched_find(client, fd);
    if (watched != NULL) {
        watched_free(watched);
    }
    http_relay_closed(client, fd);
    return close(fd);
}

static void on_timer(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    struct http_client *client = user;
    int running = 0;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    http_transfers_ran(client);
}

/* libcurl must not be entered from here (CURLMOPT_TIMERFUNCTION(3)), so "now" is a timer of 0 ms. While a
 * transfer is being added it is no timer at all, since http_multi_start runs libcurl next. */
static int set_timer(CURLM *curl, long timeout_ms, void *user)
{
    (void)curl;
    struct http_client *client = user;
    if (timeout_ms < 0) {
        event_del(client->timer);
    } else if (!client->adding || timeout_ms > 0) {
        struct timeval delay = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
        event_add(client->timer, &delay);
    }
    return 0;
}

void http_multi_init(struct http_client *client)
{
    client->timer = event_new(loop_base(client->loop), -1, 0, on_timer, client);
    client->multi = curl_multi_init();
    if (client->multi == NULL || client->timer == NULL) {
        abort();
    }
    /* libcurl wakes itself through two sockets that it opens without close-on-exec, and does not name. */
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    /* One call at a time on a connection: a call that fails takes no other with it, and a heartbeat never waits behind a
     * large answer. */
    curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    http_streams_counted(client);
}

void http_multi_fini(struct http_client *client)
{
    curl_multi_cleanup(client->multi);
    while (client->watched != NULL) {
        watched_free(client->watched);
    }
    event_free(client->timer);
}

void http_multi_adopt(struct http_client *client, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, opened);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, client);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, closed);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, client);
}

void http_multi_start(struct http_client *client, CURL *easy)
{
    client->adding = true;
    CURLMcode code = curl_multi_add_handle(client->multi, easy);
    client->adding = false;
    if (code != CURLM_OK) {
        abort(); /* out of memory, or a bug of ours: the handle is in use */
    }
    int running = 0;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* The connection of a transfer that still runs: it waits for something, so libcurl has asked to watch it. */
static curl_socket_t running_on(const struct http_client *client, const CURL *easy)
{
    const struct watched *watched = client->watched;
    while (watched != NULL && (watched->easy != easy || !watched->connection || !watched->wanted)) {
        watched = watched->next;
    }
    return watched == NULL ? CURL_SOCKET_BAD : watched->fd;
}

/* The connection of a transfer that has ended, if libcurl kept it. It need not have been watched: where the answer
 * is there at once, the transfer ends in one run. Where the transfer failed without a connection, it may be that of
 * the one before. */
static curl_socket_t ended_on(CURL *easy)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
    return fd;
}

static void count_answered(struct http_client *client, struct watched *used, bool is_tls)
{
    client->answered++;
    if (used != NULL) {
        used->idle_since = client->answered;
        used->may_speak = is_tls || client->is_relayed;
        http_relay_grant(client, used->fd);
    }
    for (struct watched *each = client->watched; each != NULL; each = each->next) {
        if (is_idle(each) && client->answered - each->idle_since >= UNUSED_CALLS_MAX * client->kept) {
            shut_down(each);
        }
    }
}

void http_multi_remove(struct http_client *client, CURL *easy, enum http_multi_end end, bool is_tls)
{
    curl_socket_t fd = end == HTTP_MULTI_STOPPED ? running_on(client, easy) : ended_on(easy);
    curl_multi_remove_handle(client->multi, easy);
    struct watched *used =
        fd == CURL_SOCKET_BAD ? NULL : watched_find(client, fd); /* NULL: libcurl closed it */
    if (end == HTTP_MULTI_ANSWERED) {
        count_answered(client, used, is_tls);
    } else if (used != NULL && is_idle(used)) {
        shut_down(used);
    }
}

struct http_transfer *http_multi_transfer_on(const struct http_client *client, int fd)
{
    const struct watched *watched = client->watched;
    struct http_transfer *transfer = NULL;
    while (watched != NULL && watched->fd != fd) {
        watched = watched->next;
    }
    if (watched != NULL && watched->wanted) {
        curl_easy_getinfo(watched->easy, CURLINFO_PRIVATE, &transfer);
    }
    return transfer;
}

static bool is_peer(const struct watched *watched, const char *ip, long port)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    char text[INET6_ADDRSTRLEN];
    return getpeername(watched->fd, (struct sockaddr *)&peer, &size) == 0 &&
           strcmp(address_text(&peer, text), ip) == 0 && address_port(&peer) == port;
}

void http_multi_close_idle(struct http_client *client, CURL *easy)
{
    char *ip = NULL;
    long port = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port);
    for (struct watched *each = client->watched; each != NULL; each = each->next) {
        if (is_idle(each) && is_peer(each, ip == NULL ? "" : ip, port)) {
            shut_down(each);
        }
    }
}
