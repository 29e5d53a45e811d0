#include "outrider/io/net/tcp_listen.h"

#include "outrider/base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static int parse_address(const char *host, uint16_t port, struct sockaddr_storage *ret_address,
                         socklen_t *ret_size)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4.sin_addr) == 1) {
        memcpy(ret_address, &v4, sizeof(v4));
        *ret_size = sizeof(v4);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(ret_address, &v6, sizeof(v6));
        *ret_size = sizeof(v6);
        return 0;
    }
    return -1;
}

static uint16_t bound_port(int fd)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any = {0}};
    socklen_t size = sizeof(address);
    getsockname(fd, (struct sockaddr *)&address, &size);
    return ntohs(address.any.ss_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

int tcp_listen(const char *host, uint16_t port, struct error *err, int *ret_fd, uint16_t *ret_port)
{
    struct sockaddr_storage address = {0};
    socklen_t size = 0;
    if (parse_address(host, port, &address, &size) < 0) {
        return error_set(err, ERROR_INVALID, "cannot listen on %s: not an IP address", host);
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_errno(err, errno, "cannot listen on %s port %u", host, port);
    }
    int on = 1;
    int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, (const struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0) {
        int problem = errno;
        close(fd);
        if (problem == EADDRINUSE) {
            return error_set(err, ERROR_BUSY, "cannot listen on %s port %u: the address is in use", host,
                             port);
        }
        return error_errno(err, problem, "cannot listen on %s port %u", host, port);
    }
    *ret_fd = fd;
    *ret_port = bound_port(fd);
    return 0;
}
