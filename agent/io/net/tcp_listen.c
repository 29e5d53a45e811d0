#include "outrider/io/net/tcp_listen.h"

#include "outrider/base/error.h"
#include "outrider/io/net/address.h"
#include "outrider/io/net/resolver.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128 };

int tcp_listen(const char *host, uint16_t port, struct error *err, int *ret_fd, uint16_t *ret_port)
{
    struct sockaddr_storage addresses[RESOLVER_ADDRESSES_MAX];
    struct sockaddr_storage *address = &addresses[0];
    if (resolver_literal(host, port, addresses) == 0) {
        return error_set(err, ERROR_INVALID, "cannot listen on %s: not an IP address", host);
    }
    socklen_t size = address_size(address);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_errno(err, errno, "cannot listen on %s port %u", host, port);
    }
    int on = 1;
    int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, (const struct sockaddr *)address, size) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)address, &size) < 0) {
        int problem = errno;
        close(fd);
        if (problem == EADDRINUSE) {
            return error_set(err, ERROR_BUSY, "cannot listen on %s port %u: the address is in use", host,
                             port);
        }
        return error_errno(err, problem, "cannot listen on %s port %u", host, port);
    }
    *ret_fd = fd;
    *ret_port = address_port(address);
    return 0;
}
