/* libcurl asks to watch a connection when a request is written and to forget it when the answer is read;
 * followed literally that is two epoll_ctl per call. A connection stays registered instead until it is closed
 * (its close callback tells us), or until something happens on it while nobody asks (the server closed it):
 * then libcurl, which looks before it reuses a connection, finds out by itself. */
#include "http_multi_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop/loop_base.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_KEPT = 4 };

/* A peer that vanished is found out while nothing is sent (probes) and while something is (user timeout);
 * idle and interval are set by http_curl_new. */
enum { KEEPALIVE_PROBES = 3, USER_TIMEOUT_MS = 19000 };

struct watched {
    struct watched *next;
    struct http_multi *multi;
    struct event *event;
    curl_socket_t fd;
    short events;
    bool connection; /* its end is told by closed(); anything else is a socket of the resolver's */
    bool wanted;     /* libcurl asked for it and has not yet said to forget it */
};

static struct watched *watched_find(struct http_multi *multi, curl_socket_t fd)
{
    struct watched *watched = multi->watched;
    while (watched != NULL && watched->fd != fd) {
        watched = watched->next;
    }
    return watched;
}

static void on_socket(evutil_socket_t fd, short events, void *user)
{
    struct watched *watched = user;
    struct http_multi *multi = watched->multi;
    if (!watched->wanted) {
        event_del(watched->event);
        watched->events = 0;
        return;
    }
    int action =
        ((events & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((events & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    int running = 0;
    curl_multi_socket_action(multi->curl, fd, action, &running);
    multi->ran(multi->user);
}

static struct watched *watched_new(struct http_multi *multi, curl_socket_t fd, bool connection)
{
    struct watched *watched = mem_zalloc(sizeof(*watched));
    watched->multi = multi;
    watched->fd = fd;
    watched->connection = connection;
    watched->event = event_new(loop_base(multi->loop), fd, 0, on_socket, watched);
    if (watched->event == NULL) {
        abort();
    }
    watched->next = multi->watched;
    multi->watched = watched;
    return watched;
}

static void watched_free(struct http_multi *multi, struct watched *watched)
{
    for (struct watched **at = &multi->watched; *at != NULL; at = &(*at)->next) {
        if (*at == watched) {
            *at = watched->next;
            break;
        }
    }
    event_free(watched->event);
    free(watched);
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *user, void *of_socket)
{
    (void)easy;
    (void)of_socket;
    struct http_multi *multi = user;
    struct watched *watched = watched_find(multi, fd);
    if (what == CURL_POLL_REMOVE) {
        if (watched != NULL && watched->connection) {
            watched->wanted = false;
        } else if (watched != NULL) {
            watched_free(multi, watched);
        }
        return 0;
    }
    if (watched == NULL) {
        watched = watched_new(multi, fd, false);
    }
    unsigned int wish = ((unsigned int)what & CURL_POLL_IN) != 0 ? EV_READ : 0;
    wish |= ((unsigned int)what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0;
    watched->wanted = true;
    if (watched->events == (short)wish) {
        return 0;
    }
    event_del(watched->event);
    watched->events = (short)wish;
    event_assign(watched->event, loop_base(multi->loop), fd, (short)(wish | EV_PERSIST), on_socket, watched);
    event_add(watched->event, NULL);
    return 0;
}

static int opened(void *user, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    struct http_multi *multi = user;
    int probes = KEEPALIVE_PROBES;
    unsigned int timeout_ms = USER_TIMEOUT_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    if (watched_find(multi, fd) == NULL) {
        watched_new(multi, fd, true);
    }
    return CURL_SOCKOPT_OK;
}

static int closed(void *user, curl_socket_t fd)
{
    struct http_multi *multi = user;
    struct watched *watched = watched_find(multi, fd);
    if (watched != NULL) {
        watched_free(multi, watched);
    }
    return close(fd);
}

static void on_timer(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    struct http_multi *multi = user;
    int running = 0;
    curl_multi_socket_action(multi->curl, CURL_SOCKET_TIMEOUT, 0, &running);
    multi->ran(multi->user);
}

/* libcurl must not be entered from here (CURLMOPT_TIMERFUNCTION(3)), so "now" is a timer of 0 ms; while a
 * call is being added it is not even that, since http_multi_start runs libcurl next. */
static int set_timer(CURLM *curl, long timeout_ms, void *user)
{
    (void)curl;
    struct http_multi *multi = user;
    if (timeout_ms < 0) {
        event_del(multi->timer);
    } else if (!multi->adding || timeout_ms > 0) {
        struct timeval delay = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
        event_add(multi->timer, &delay);
    }
    return 0;
}

void http_multi_init(struct http_multi *multi, struct loop *loop, void (*ran)(void *user), void *user)
{
    *multi = (struct http_multi){.loop = loop, .ran = ran, .user = user};
    multi->timer = event_new(loop_base(loop), -1, 0, on_timer, multi);
    multi->curl = curl_multi_init();
    if (multi->curl == NULL || multi->timer == NULL) {
        abort();
    }
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
    /* One call on a connection at a time, over HTTP/2 too: a call that fails takes no other with it, and a
     * heartbeat never waits behind a large answer. An agent has one call in flight, now and then two; all
     * that sharing would save it is a handshake now and then. */
    curl_multi_setopt(multi->curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    http_multi_set_reserved(multi, 0);
}

void http_multi_set_reserved(struct http_multi *multi, size_t count)
{
    curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)(CONNECTIONS_KEPT + count));
}

void http_multi_fini(struct http_multi *multi)
{
    curl_multi_cleanup(multi->curl);
    while (multi->watched != NULL) {
        watched_free(multi, multi->watched);
    }
    event_free(multi->timer);
}

void http_multi_adopt(struct http_multi *multi, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, opened);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, multi);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, closed);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi);
}

static in_port_t port_of(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    }
    return address->ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)address)->sin_port) : 0;
}

/* CURLINFO_ACTIVESOCKET knows nothing of a handle that was removed, and of one that runs it may give the
 * connection of the call before. */
void http_multi_distrust(struct http_multi *multi, CURL *easy)
{
    long ours = 0, theirs = 0;
    curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &ours);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &theirs);
    for (struct watched *watched = multi->watched; watched != NULL; watched = watched->next) {
        struct sockaddr_storage local = {0}, peer = {0};
        socklen_t local_size = sizeof(local), peer_size = sizeof(peer);
        if (watched->connection && getsockname(watched->fd, (struct sockaddr *)&local, &local_size) == 0 &&
            getpeername(watched->fd, (struct sockaddr *)&peer, &peer_size) == 0 && port_of(&local) == ours &&
            port_of(&peer) == theirs) {
            shutdown(watched->fd, SHUT_RDWR);
        }
    }
}

void http_multi_start(struct http_multi *multi, CURL *easy)
{
    multi->adding = true;
    CURLMcode code = curl_multi_add_handle(multi->curl, easy);
    multi->adding = false;
    if (code != CURLM_OK) {
        abort(); /* out of memory, or the handle is in use: a fault of ours */
    }
    int running = 0;
    curl_multi_socket_action(multi->curl, CURL_SOCKET_TIMEOUT, 0, &running);
}
