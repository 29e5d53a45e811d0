#include "dns_listener_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/net/address.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/process.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

/* Clients get a small share of the descriptors: the registry and the probes need theirs. */
enum { MAX_CONNECTIONS = 64, SHARE_OF_FILES = 16, IDLE_MS = 10000, BACKLOG = 256 };

static bool is_any(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    return address->ss_family == AF_INET ? v4->sin_addr.s_addr == htonl(INADDR_ANY)
                                         : IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

/* At a wildcard the kernel says to which address a datagram came: the answer comes from that one. */
static void set_options(int fd, int type, const struct sockaddr_storage *address)
{
    int on = 1, off = 0;
    if (address->ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (type == SOCK_STREAM) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    } else if (is_any(address) && address->ss_family == AF_INET) {
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
    } else if (is_any(address)) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
    }
}

/* Opens one of the two sockets; the other one has the same port. */
static int open_socket(int type, struct sockaddr_storage *address, int *ret_fd, struct error *err)
{
    char text[INET6_ADDRSTRLEN];
    const char *kind = type == SOCK_STREAM ? "TCP" : "UDP";
    socklen_t size = sizeof(*address);
    int fd = socket(address->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        set_options(fd, type, address);
        if (bind(fd, (const struct sockaddr *)address, address_size(address)) == 0 &&
            (type != SOCK_STREAM || listen(fd, BACKLOG) == 0) &&
            getsockname(fd, (struct sockaddr *)address, &size) == 0) {
            *ret_fd = fd;
            return 0;
        }
    }
    int problem = errno;
    if (fd >= 0) {
        close(fd);
    }
    address_text(address, text);
    if (problem == EADDRINUSE) {
        return error_set(err, ERROR_BUSY, "cannot listen on %s %s port %u: the address is in use", kind, text,
                         address_port(address));
    }
    return error_errno(err, problem, "cannot listen on %s %s port %u", kind, text, address_port(address));
}

static int open_both(struct dns_listener *listener, const struct dns_listener_options *options,
                     struct error *err)
{
    struct sockaddr_storage addresses[RESOLVER_ADDRESSES_MAX];
    if (resolver_literal(options->host, options->port, addresses) == 0) {
        return error_set(err, ERROR_INVALID, "cannot listen on %s: not an IP address", options->host);
    }
    if (open_socket(SOCK_DGRAM, &addresses[0], &listener->udp_fd, err) < 0 ||
        open_socket(SOCK_STREAM, &addresses[0], &listener->tcp_fd, err) < 0) {
        return -1;
    }
    listener->port = address_port(&addresses[0]);
    return 0;
}

struct dns_listener *dns_listener_new(struct loop *loop, const struct dns_listener_options *options,
                                      dns_listener_fn *fn, void *user, struct error *err)
{
    struct dns_listener *listener = mem_zalloc(sizeof(*listener));
    size_t share = process_files_for_peers() / SHARE_OF_FILES;
    listener->loop = loop;
    listener->fn = fn;
    listener->user = user;
    listener->udp_fd = listener->tcp_fd = -1;
    listener->max_connections = options->max_connections == 0 ? MAX_CONNECTIONS : options->max_connections;
    listener->max_connections = listener->max_connections < share ? listener->max_connections : share;
    listener->idle_ms = options->idle_ms == 0 ? IDLE_MS : options->idle_ms;
    if (open_both(listener, options, err) < 0) {
        dns_listener_free(listener);
        return NULL;
    }
    dns_udp_start(listener);
    dns_tcp_start(listener);
    return listener;
}

const struct dns_listener_counters *dns_listener_counters(const struct dns_listener *listener)
{
    return &listener->counters;
}

size_t dns_listener_connections(const struct dns_listener *listener)
{
    return listener->connection_count;
}

uint16_t dns_listener_port(const struct dns_listener *listener)
{
    return listener->port;
}

void dns_listener_free(struct dns_listener *listener)
{
    if (listener != NULL) {
        dns_udp_stop(listener);
        dns_tcp_stop(listener);
        free(listener);
    }
}
