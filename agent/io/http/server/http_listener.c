/* Where the server listens: accepting, and how many connections there may be in all. */
#include "http_server_internal.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/address.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/clock.h"
#include "outrider/os/process.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 64,
    SHARE_OF_FILES = 4,
    PUSH_SHARE_OF_FILES = 2,
    RETRY_MS = 200,
    BACKLOG = 4096 /* a crowd that comes at once must not push a health check out of the kernel's queue */
};

/* ---- accepting ---- */

static void on_acceptable(evutil_socket_t fd, short events, void *user)
{
    (void)events;
    struct http_listener *listener = user;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer >= 0) {
            budget_set_options(peer, listener->is_unix);
            connection_admit(listener, peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            listener_evict(listener); /* frees a descriptor for the next try; until then the queue waits */
            event_del(&listener->acceptable);
            timer_arm_ms(listener->retry, RETRY_MS);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

static void accept_again(void *user)
{
    struct http_listener *listener = user;
    event_add(&listener->acceptable, NULL);
}

/* ---- policy ---- */

static int adopt(struct http_listener *listener, int fd, struct error *err)
{
    int domain = AF_UNSPEC, listening = 0;
    socklen_t size = sizeof(int);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0) {
        return error_errno(err, errno, "inherited descriptor %d", fd);
    }
    if (!listening) {
        return error_set(err, ERROR_INVALID, "inherited descriptor %d is no listening stream socket", fd);
    }
    listener->is_unix = domain == AF_UNIX;
    return unix_bind(&(struct unix_place){.inherited_fd = fd}, SOCK_STREAM, err, &listener->socket);
}

/* An IPv6 wildcard accepts IPv4, too. */
static int listen_on(const char *host, uint16_t port, struct error *err, int *ret_fd)
{
    struct sockaddr_storage addresses[RESOLVER_ADDRESSES_MAX];
    if (resolver_literal(host, port, addresses) == 0) {
        return error_set(err, ERROR_INVALID, "cannot listen on %s: not an IP address", host);
    }
    int fd = socket(addresses[0].ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)); /* of no effect on an IPv4 socket */
        if (bind(fd, (const struct sockaddr *)addresses, address_size(addresses)) == 0 &&
            listen(fd, BACKLOG) == 0) {
            *ret_fd = fd;
            return 0;
        }
    }
    int problem = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (problem == EADDRINUSE) {
        return error_set(err, ERROR_BUSY, "cannot listen on %s port %u: the address is in use", host, port);
    }
    return error_errno(err, problem, "cannot listen on %s port %u", host, port);
}

static int bind_listener(struct http_listener *listener, const struct http_listener_options *options,
                         struct error *err)
{
    if (options->inherited_fd > 0) {
        return adopt(listener, options->inherited_fd, err);
    }
    if (options->unix_path == NULL) {
        const char *host = options->host == NULL ? "localhost" : options->host;
        return listen_on(host, options->port, err, &listener->socket.fd);
    }
    listener->is_unix = true;
    struct unix_place place = {.path = options->unix_path,
                               .mode = options->mode == 0 ? 0660 : options->mode,
                               .gid = options->gid,
                               .inherited_fd = -1};
    return unix_bind(&place, SOCK_STREAM, err, &listener->socket);
}

/* What is left of a share of the files for peers. Peers must not take the descriptors that probes and the
 * registry need: the game server would seem to fail. */
static size_t clamp(size_t wanted, size_t share, size_t taken, size_t listeners)
{
    size_t left = share > taken ? share - taken : 0, part = share / listeners;
    size_t most = left < part ? left : part;
    return wanted < most ? wanted : most;
}

static void set_limits(struct http_listener *listener, const struct http_listener_options *options)
{
    struct http_listener_options *mine = &listener->options;
    size_t files = process_files_for_peers(), connections = 0, pushes = 0;
    for (const struct http_listener *each = listener->server->listeners; each != NULL; each = each->next) {
        connections += each->options.max_connections;
        pushes += each->options.max_pushes;
    }
    *mine = *options;
    mine->unix_path = mine->host = NULL;
    mine->listeners = mine->listeners == 0 ? 1 : mine->listeners;
    mine->max_connections = clamp(mine->max_connections == 0 ? 1024 : mine->max_connections,
                                  files / SHARE_OF_FILES, connections, mine->listeners);
    mine->max_pushes = clamp(mine->max_pushes == 0 ? 5000 : mine->max_pushes, files / PUSH_SHARE_OF_FILES,
                             pushes, mine->listeners);
    mine->max_body = mine->max_body == 0 ? 65536 : mine->max_body;
    mine->request_timeout_ms = mine->request_timeout_ms == 0 ? 10000 : mine->request_timeout_ms;
    mine->idle_timeout_ms = mine->idle_timeout_ms == 0 ? 75000 : mine->idle_timeout_ms;
    mine->write_timeout_ms = mine->write_timeout_ms == 0 ? 10000 : mine->write_timeout_ms;
    mine->peer_share = mine->peer_share == 0 ? 25 : mine->peer_share;
    http_places_init(&listener->connections, mine->max_connections, mine->peer_share);
    http_places_init(&listener->pushes, mine->max_pushes, mine->peer_share);
}

static void serve(struct http_listener *listener)
{
    event_assign(&listener->acceptable, loop_base(listener->server->loop), listener->socket.fd,
                 EV_READ | EV_PERSIST, on_acceptable, listener);
    event_add(&listener->acceptable, NULL);
}

int http_listener_check(struct http_listener *listener, struct error *err)
{
    int old, rc = unix_check(&listener->socket, err, &old);
    if (rc == 1) {
        for (int waiting = 0; waiting < BACKLOG; waiting += ACCEPTS_PER_TURN) {
            on_acceptable(old, EV_READ, listener);
        }
        event_del(&listener->acceptable);
        close(old);
        serve(listener);
    }
    return rc;
}

struct http_listener *http_server_listen(struct http_server *server,
                                         const struct http_listener_options *options, struct error *err)
{
    struct http_listener *listener = mem_zalloc(sizeof(*listener));
    listener->server = server;
    listener->socket.fd = -1;
    if (bind_listener(listener, options, err) < 0) {
        free(listener);
        return NULL;
    }
    set_limits(listener, options);
    listener->retry = timer_new(server->loop, accept_again, listener);
    serve(listener);
    listener->next = server->listeners;
    server->listeners = listener;
    return listener;
}

void listener_free(struct http_listener *listener)
{
    event_del(&listener->acceptable);
    unix_unbind(&listener->socket);
    for (size_t i = 0; i < CONNECTION_STATES; i++) {
        while (listener->lists[i].first != NULL) {
            connection_end(listener->lists[i].first);
        }
    }
    http_places_fini(&listener->connections);
    http_places_fini(&listener->pushes);
    timer_free(listener->retry);
    free(listener);
}

const struct http_listener_options *http_listener_options(const struct http_listener *listener)
{
    return &listener->options;
}
