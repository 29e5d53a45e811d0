#include "outrider/os/net.h"

#include "outrider/base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int address_text(const union address *address, char out[static NET_ADDRESS_SIZE])
{
    const void *bytes = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
                                                          : (const void *)&address->v6.sin6_addr;
    return inet_ntop(address->any.sa_family, bytes, out, NET_ADDRESS_SIZE) == NULL ? -1 : 0;
}

static bool is_loopback(const union address *address)
{
    return address->any.sa_family == AF_INET ? ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
                                             : IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

/* Connecting a datagram socket sends nothing: the kernel looks up the route. Returns 0 or -1 with errno. */
static int source_towards(const union address *target, socklen_t size, union address *ret_own)
{
    int fd = socket(target->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    socklen_t own_size = sizeof(*ret_own);
    int rc = connect(fd, &target->any, size) < 0 || getsockname(fd, &ret_own->any, &own_size) < 0 ? -1 : 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return rc;
}

int net_source_address(struct error *err, char ret_text[static NET_ADDRESS_SIZE])
{
    /* Addresses reserved for documentation (RFC 5737, RFC 3849): only the default route leads to them. */
    union address targets[] = {{.v4 = {.sin_family = AF_INET, .sin_port = htons(9)}},
                               {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)}}};
    inet_pton(AF_INET, "192.0.2.1", &targets[0].v4.sin_addr);
    inet_pton(AF_INET6, "2001:db8::1", &targets[1].v6.sin6_addr);
    const socklen_t sizes[] = {sizeof(targets[0].v4), sizeof(targets[1].v6)};
    bool loopback = false;
    int first_errno = 0;
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        union address own = {0};
        if (source_towards(&targets[i], sizes[i], &own) < 0) {
            first_errno = first_errno == 0 ? errno : first_errno;
        } else if (is_loopback(&own)) {
            loopback = true;
        } else {
            return address_text(&own, ret_text);
        }
    }
    if (loopback) {
        return error_set(err, ERROR_NOT_FOUND, "the default route leads to loopback");
    }
    return error_set(err, ERROR_UNREACHABLE, "no route: %s", strerror(first_errno));
}

/* 2: preferred, 1: usable, 0: of no use to another machine. */
static int usefulness(const struct ifaddrs *entry)
{
    if (entry->ifa_addr == NULL || (entry->ifa_flags & IFF_UP) == 0) {
        return 0;
    }
    if (entry->ifa_addr->sa_family == AF_INET) {
        return 2;
    }
    if (entry->ifa_addr->sa_family != AF_INET6) {
        return 0;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, entry->ifa_addr, sizeof(v6));
    return IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) ? 0 : 1;
}

int net_interface_address(const char *name, struct error *err, char ret_text[static NET_ADDRESS_SIZE])
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) < 0) {
        return error_errno(err, errno, "cannot list the network interfaces");
    }
    bool found = false;
    int best = 0;
    union address address = {0};
    for (const struct ifaddrs *entry = all; entry != NULL; entry = entry->ifa_next) {
        if (strcmp(entry->ifa_name, name) != 0) {
            continue;
        }
        found = true;
        if (usefulness(entry) > best) {
            best = usefulness(entry);
            memcpy(&address, entry->ifa_addr, best == 2 ? sizeof(address.v4) : sizeof(address.v6));
        }
    }
    freeifaddrs(all);
    if (!found) {
        return error_set(err, ERROR_NOT_FOUND, "no network interface is named %s", name);
    }
    if (best == 0 || address_text(&address, ret_text) < 0) {
        return error_set(err, ERROR_UNREACHABLE, "the network interface %s is down or has no address", name);
    }
    return 0;
}
