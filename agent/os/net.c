/* Addresses of an interface: RTM_GETADDR. Addresses of the default routes: RTM_GETROUTE for the interfaces they leave by,
 * RTM_GETADDR for the addresses of these, and a connected socket for the source address that the kernel would use, which
 * also counts rules and preferred sources. */
#include "outrider/os/net.h"

#include "outrider/base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* ---- dumps ---- */

/* The kernel fills the buffer of the reader with whole messages, up to this size. */
enum { DUMP_BUFFER = 32 * 1024, DUMP_PATIENCE_S = 2 };

/* A router may have a million routes. The default routes come first in a dump, so the rest is not waited for. */
enum { DUMP_MESSAGES_MAX = 100000 };

typedef void dump_fn(const struct nlmsghdr *message, void *user);

static int send_request(int fd, uint16_t type, unsigned char family)
{
    /* Every request of rtnetlink takes this general header; its only member is the family. */
    struct {
        struct nlmsghdr head;
        struct rtgenmsg body;
    } request = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
                          .nlmsg_type = type,
                          .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                 .body = {.rtgen_family = family}};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    return sendto(fd, &request, request.head.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0
               ? -1
               : 0;
}

/* Returns 0, or -1 with errno. */
static int read_dump(int fd, uint16_t wanted, dump_fn *fn, void *user)
{
    static _Alignas(struct nlmsghdr) char buffer[DUMP_BUFFER];
    for (unsigned seen = 0; seen < DUMP_MESSAGES_MAX;) {
        ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return -1;
        }
        size_t size = (size_t)got;
        for (struct nlmsghdr *message = (struct nlmsghdr *)buffer; NLMSG_OK(message, size);
             message = NLMSG_NEXT(message, size), seen++) {
            if (message->nlmsg_type == NLMSG_DONE) {
                return 0;
            }
            if (message->nlmsg_type == NLMSG_ERROR) {
                const struct nlmsgerr *failure = NLMSG_DATA(message);
                errno = failure->error != 0 ? -failure->error : EPROTO;
                return -1;
            }
            if (message->nlmsg_type == wanted) {
                fn(message, user);
            }
        }
    }
    return 0;
}

static int dump(uint16_t type, uint16_t wanted, unsigned char family, dump_fn *fn, void *user)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return -1;
    }
    struct timeval patience = {.tv_sec = DUMP_PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    int rc = send_request(fd, type, family);
    rc = rc < 0 ? rc : read_dump(fd, wanted, fn, user);
    int saved = errno;
    close(fd);
    errno = saved;
    return rc;
}

/* The attribute of this type that has at least `size` bytes; NULL: none. */
static const void *attribute(const struct rtattr *first, size_t left, unsigned short type, size_t size)
{
    for (const struct rtattr *at = first; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
        if ((at->rta_type & NLA_TYPE_MASK) == type && RTA_PAYLOAD(at) >= size) {
            return RTA_DATA(at);
        }
    }
    return NULL;
}

/* The system lacks something for a moment, which says nothing about addresses. */
static bool is_shortage(int errnum)
{
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM || errnum == EAGAIN;
}

/* ---- default routes ---- */

enum { ROUTES_MAX = 16 };

/* The interfaces that default routes leave by, and the kernel's source address; [0] IPv4, [1] IPv6. */
struct routes {
    struct {
        unsigned interfaces[ROUTES_MAX];
        size_t count;
        char source[NET_ADDRESS_SIZE]; /* "": none */
    } of[2];
};

static size_t family_index(int family)
{
    return family == AF_INET ? 0 : 1;
}

static void note_route(struct routes *routes, int family, unsigned interface)
{
    size_t *count = &routes->of[family_index(family)].count;
    if (*count < ROUTES_MAX) {
        routes->of[family_index(family)].interfaces[(*count)++] = interface;
    }
}

static bool has_route(const struct routes *routes, int family, unsigned interface)
{
    size_t index = family_index(family);
    for (size_t i = 0; i < routes->of[index].count; i++) {
        if (routes->of[index].interfaces[i] == interface) {
            return true;
        }
    }
    return false;
}

static void note_next_hops(struct routes *routes, int family, const struct rtattr *first, size_t left)
{
    for (const struct rtattr *at = first; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
        if ((at->rta_type & NLA_TYPE_MASK) != RTA_MULTIPATH) {
            continue;
        }
        size_t rest = RTA_PAYLOAD(at);
        for (const struct rtnexthop *hop = RTA_DATA(at);
             rest >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= rest;
             hop = RTNH_NEXT(hop)) {
            if ((hop->rtnh_flags & RTNH_F_DEAD) == 0) {
                note_route(routes, family, (unsigned)hop->rtnh_ifindex);
            }
            size_t step = (size_t)RTNH_ALIGN((int)hop->rtnh_len);
            rest -= step < rest ? step : rest;
        }
    }
}

static void on_route(const struct nlmsghdr *message, void *user)
{
    struct routes *routes = user;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtmsg))) {
        return;
    }
    const struct rtmsg *route = NLMSG_DATA(message);
    const struct rtattr *first = RTM_RTA(route);
    size_t left = RTM_PAYLOAD(message);
    bool is_default = route->rtm_dst_len == 0 && route->rtm_type == RTN_UNICAST &&
                      route->rtm_table == RT_TABLE_MAIN &&
                      (route->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)) == 0;
    if (!is_default || (route->rtm_family != AF_INET && route->rtm_family != AF_INET6)) {
        return;
    }
    const uint32_t *out = attribute(first, left, RTA_OIF, sizeof(*out));
    if (out != NULL) {
        note_route(routes, route->rtm_family, *out);
    }
    note_next_hops(routes, route->rtm_family, first, left);
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Connecting a datagram socket sends nothing: the kernel looks up the route. Returns 0 or -1 with errno. */
static int source_towards(const union address *target, socklen_t size, char ret_text[static NET_ADDRESS_SIZE])
{
    int fd = socket(target->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    union address own = {0};
    socklen_t own_size = sizeof(own);
    int rc = connect(fd, &target->any, size) < 0 || getsockname(fd, &own.any, &own_size) < 0 ? -1 : 0;
    int saved = errno;
    close(fd);
    errno = saved;
    const void *bytes =
        own.any.sa_family == AF_INET ? (const void *)&own.v4.sin_addr : (const void *)&own.v6.sin6_addr;
    if (rc == 0 && inet_ntop(own.any.sa_family, bytes, ret_text, NET_ADDRESS_SIZE) == NULL) {
        rc = -1;
    }
    return rc;
}

/* Returns 0, or the errno of the first family where there is no source at all, or that of a shortage. */
static int find_sources(struct routes *routes)
{
    /* Addresses reserved for documentation (RFC 5737, RFC 3849): only the default route leads to them. */
    union address targets[] = {{.v4 = {.sin_family = AF_INET, .sin_port = htons(9)}},
                               {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)}}};
    inet_pton(AF_INET, "192.0.2.1", &targets[0].v4.sin_addr);
    inet_pton(AF_INET6, "2001:db8::1", &targets[1].v6.sin6_addr);
    const socklen_t sizes[] = {sizeof(targets[0].v4), sizeof(targets[1].v6)};
    int first_errno = 0;
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        if (source_towards(&targets[i], sizes[i], routes->of[i].source) < 0) {
            if (is_shortage(errno)) {
                return errno;
            }
            first_errno = first_errno == 0 ? errno : first_errno;
            routes->of[i].source[0] = '\0';
        } else {
            found = true;
        }
    }
    return found ? 0 : first_errno;
}

/* ---- addresses ---- */

/* Which addresses a dump is to take. */
struct wanted {
    struct net_choice *choice;
    unsigned interface;          /* 0: by `routes` */
    const struct routes *routes; /* NULL: by `interface` */
};

static void add(struct net_choice *choice, const struct net_address *address)
{
    if (choice->count < NET_ADDRESSES_MAX) {
        choice->addresses[choice->count++] = *address;
    }
}

/* The kernel's flags have grown beyond the 8 bits of the header. */
static unsigned address_flags(const struct ifaddrmsg *head, size_t left)
{
    const uint32_t *flags = attribute(IFA_RTA(head), left, IFA_FLAGS, sizeof(*flags));
    return flags != NULL ? *flags : head->ifa_flags;
}

static void on_address(const struct nlmsghdr *message, void *user)
{
    const struct wanted *wanted = user;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg))) {
        return;
    }
    const struct ifaddrmsg *head = NLMSG_DATA(message);
    size_t left = IFA_PAYLOAD(message);
    if (head->ifa_family != AF_INET && head->ifa_family != AF_INET6) {
        return;
    }
    size_t size = head->ifa_family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
    /* On a point-to-point link IFA_ADDRESS is the peer's. */
    const void *bytes = attribute(IFA_RTA(head), left, IFA_LOCAL, size);
    bytes = bytes != NULL ? bytes : attribute(IFA_RTA(head), left, IFA_ADDRESS, size);
    struct net_address address = {0};
    if (bytes == NULL || inet_ntop(head->ifa_family, bytes, address.text, sizeof(address.text)) == NULL ||
        !net_address_classify(&address, address_flags(head, left))) {
        return;
    }
    bool fits = head->ifa_index == wanted->interface;
    if (wanted->routes != NULL) {
        const char *source = wanted->routes->of[family_index(head->ifa_family)].source;
        address.is_source = strcmp(source, address.text) == 0;
        fits = address.is_source || has_route(wanted->routes, head->ifa_family, head->ifa_index);
    }
    char name[IF_NAMESIZE] = "";
    if (fits) {
        (void)if_indextoname(head->ifa_index, name);
        snprintf(address.interface, sizeof(address.interface), "%s", name);
        add(wanted->choice, &address);
    }
}

/* A source that no dump has shown: there is no netlink here, as in some sandboxes. */
static void add_sources(const struct routes *routes, struct net_choice *choice)
{
    for (size_t i = 0; i < COUNT_OF(routes->of); i++) {
        struct net_address address = {.is_source = true};
        bool known = routes->of[i].source[0] == '\0';
        for (size_t j = 0; j < choice->count; j++) {
            known = known || strcmp(choice->addresses[j].text, routes->of[i].source) == 0;
        }
        if (!known) {
            snprintf(address.text, sizeof(address.text), "%s", routes->of[i].source);
            if (net_address_classify(&address, 0)) {
                add(choice, &address);
            }
        }
    }
}

/* Returns 0, also where there is no netlink, as in some sandboxes: the sources are all there is then. Else the errno of a
 * shortage. */
static int dump_addresses(struct routes *routes, struct wanted *wanted)
{
    if ((dump(RTM_GETROUTE, RTM_NEWROUTE, AF_INET, on_route, routes) < 0 ||
         dump(RTM_GETROUTE, RTM_NEWROUTE, AF_INET6, on_route, routes) < 0) &&
        is_shortage(errno)) {
        return errno;
    }
    if (dump(RTM_GETADDR, RTM_NEWADDR, AF_UNSPEC, on_address, wanted) < 0 && is_shortage(errno)) {
        return errno;
    }
    add_sources(routes, wanted->choice);
    return 0;
}

int net_choose_by_route(struct error *err, struct net_choice *ret_choice)
{
    struct routes routes = {0};
    struct wanted wanted = {.choice = ret_choice, .routes = &routes};
    *ret_choice = (struct net_choice){0};
    int errnum = find_sources(&routes);
    int shortage = is_shortage(errnum) ? errnum : dump_addresses(&routes, &wanted);
    if (shortage != 0) {
        *ret_choice = (struct net_choice){0};
        return error_errno(err, shortage, "cannot list the addresses of this machine");
    }
    net_choose(ret_choice, false);
    if (ret_choice->chosen < ret_choice->count) {
        return 0;
    }
    if (ret_choice->count == 0) {
        return error_set(err, ERROR_UNREACHABLE, "no route: %s", strerror(errnum));
    }
    if (ret_choice->addresses[0].flaw == NET_LOOPBACK) {
        return error_set(err, ERROR_NOT_FOUND, "the default route leads to loopback");
    }
    return error_set(err, ERROR_NOT_FOUND,
                     "the interface of the default route has no address yet, only %s (%s)",
                     ret_choice->addresses[0].text, net_rejected_why(ret_choice, 0));
}

/* The index of an interface, and whether it is up. -1 with errno: ENODEV where there is none. if_nametoindex(3) does not
 * tell that from a process without a file left. */
static int find_interface(const char *name, unsigned *ret_index, bool *ret_up)
{
    struct ifreq request = {0};
    if (strlen(name) >= sizeof(request.ifr_name)) {
        errno = ENODEV;
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    memcpy(request.ifr_name, name, strlen(name) + 1);
    int rc = ioctl(fd, SIOCGIFINDEX, &request);
    int saved = errno;
    if (rc == 0) {
        *ret_index = (unsigned)request.ifr_ifindex;
        *ret_up = ioctl(fd, SIOCGIFFLAGS, &request) < 0 || (request.ifr_flags & IFF_UP) != 0;
    }
    close(fd);
    errno = saved;
    return rc;
}

int net_choose_by_interface(const char *name, struct error *err, struct net_choice *ret_choice)
{
    *ret_choice = (struct net_choice){0};
    struct wanted wanted = {.choice = ret_choice};
    bool up = false;
    if (find_interface(name, &wanted.interface, &up) < 0) {
        return is_shortage(errno) ? error_errno(err, errno, "cannot look up the network interface %s", name)
                                  : error_set(err, ERROR_NOT_FOUND, "no network interface is named %s", name);
    }
    if (dump(RTM_GETADDR, RTM_NEWADDR, AF_UNSPEC, on_address, &wanted) < 0) {
        int errnum = errno;
        *ret_choice = (struct net_choice){0};
        return error_errno(err, errnum, "cannot list the addresses of this machine");
    }
    for (size_t i = 0; i < ret_choice->count && !up; i++) {
        ret_choice->addresses[i].flaw = NET_DOWN;
    }
    net_choose(ret_choice, true);
    if (!up) {
        return error_set(err, ERROR_UNREACHABLE, "the network interface %s is down", name);
    }
    if (ret_choice->count == 0) {
        return error_set(err, ERROR_UNREACHABLE, "the network interface %s has no address yet", name);
    }
    if (ret_choice->chosen == ret_choice->count) {
        return error_set(err, ERROR_UNREACHABLE, "the network interface %s has no address yet, only %s (%s)",
                         name, ret_choice->addresses[0].text, net_rejected_why(ret_choice, 0));
    }
    return 0;
}

/* ---- changes ---- */

int net_changes_open(struct error *err)
{
    struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
                                 .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                              RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0 || bind(fd, (struct sockaddr *)&groups, sizeof(groups)) < 0) {
        error_errno(err, errno, "cannot follow the addresses of this machine");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

bool net_changes_take(int fd)
{
    /* What they say is not needed: the addresses are read again. A bound, as they may come faster than they are read. */
    enum { READS_MAX = 64 };
    char byte;
    bool any = false;
    for (unsigned i = 0; i < READS_MAX; i++) {
        if (recv(fd, &byte, sizeof(byte), 0) >= 0 || errno == ENOBUFS) {
            any = true;
        } else if (errno != EINTR) {
            break;
        }
    }
    return any;
}
