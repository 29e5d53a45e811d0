/* Which of several addresses is given to others. */
#include "outrider/os/net.h"

#include "outrider/base/attr.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static enum net_flaw worse(enum net_flaw a, enum net_flaw b)
{
    return a > b ? a : b;
}

static void classify_v4(const struct in_addr *bytes, unsigned flags, struct net_address *address)
{
    uint32_t host = ntohl(bytes->s_addr);
    address->kind = NET_IPV4;
    address->is_secondary = (flags & IFA_F_SECONDARY) != 0;
    if (host >> 24 == IN_LOOPBACKNET) {
        address->flaw = NET_LOOPBACK;
    } else if (host >> 16 == 0xa9fe) { /* 169.254.0.0/16, RFC 3927 */
        address->flaw = NET_LINK_LOCAL;
    }
}

static void classify_v6(const struct in6_addr *bytes, unsigned flags, struct net_address *address)
{
    /* fc00::/7 of RFC 4193, and fec0::/10, which it replaces */
    bool is_local = (bytes->s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_SITELOCAL(bytes);
    address->kind = is_local ? NET_IPV6_UNIQUE_LOCAL : NET_IPV6_GLOBAL;
    if (IN6_IS_ADDR_LOOPBACK(bytes)) {
        address->flaw = NET_LOOPBACK;
    } else if (IN6_IS_ADDR_LINKLOCAL(bytes)) {
        address->flaw = NET_ZONED;
    } else if ((flags & IFA_F_TEMPORARY) != 0) {
        address->flaw = NET_TEMPORARY;
    }
}

bool net_address_classify(struct net_address *address, unsigned flags)
{
    struct in_addr v4;
    struct in6_addr v6;
    address->flaw = NET_FLAWLESS;
    address->is_secondary = false;
    if (strcmp(address->text, "0.0.0.0") == 0 || strcmp(address->text, "::") == 0) {
        return false; /* the source of a socket for which the kernel has none */
    }
    if (inet_pton(AF_INET, address->text, &v4) == 1) {
        classify_v4(&v4, flags, address);
    } else if (inet_pton(AF_INET6, address->text, &v6) == 1) {
        classify_v6(&v6, flags, address);
    } else {
        return false;
    }
    if ((flags & IFA_F_DEPRECATED) != 0) {
        address->flaw = worse(address->flaw, NET_DEPRECATED);
    }
    bool is_unproven = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
    if (is_unproven || (flags & IFA_F_DADFAILED) != 0) {
        address->flaw = worse(address->flaw, NET_TENTATIVE);
    }
    return true;
}

static bool is_better(const struct net_address *a, const struct net_address *b)
{
    if (a->flaw != b->flaw) {
        return a->flaw < b->flaw;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind;
    }
    if (a->is_source != b->is_source) {
        return a->is_source;
    }
    return !a->is_secondary && b->is_secondary;
}

void net_choose(struct net_choice *choice, bool allow_loopback)
{
    enum net_flaw worst = allow_loopback ? NET_LOOPBACK : NET_LINK_LOCAL;
    choice->chosen = choice->count;
    for (size_t i = 0; i < choice->count; i++) {
        const struct net_address *address = &choice->addresses[i];
        if (address->flaw <= worst &&
            (choice->chosen == choice->count || is_better(address, &choice->addresses[choice->chosen]))) {
            choice->chosen = i;
        }
    }
}

const char *net_rejected_why(const struct net_choice *choice, size_t index)
{
    static const char *const flaws[NET_FLAW_COUNT] = {
        [NET_DEPRECATED] = "deprecated",
        [NET_TEMPORARY] = "temporary",
        [NET_LINK_LOCAL] = "link-local",
        [NET_LOOPBACK] = "loopback",
        [NET_TENTATIVE] = "tentative, duplicate address detection has not passed",
        [NET_ZONED] = "link-local, without meaning on another machine",
        [NET_DOWN] = "the interface is down",
    };
    const struct net_address *address = &choice->addresses[index];
    const struct net_address *chosen =
        choice->chosen == choice->count ? NULL : &choice->addresses[choice->chosen];
    if (chosen == NULL || address->flaw != chosen->flaw) {
        return flaws[address->flaw];
    }
    if (address->kind != chosen->kind) {
        return chosen->kind == NET_IPV4 ? "an IPv4 address is preferred"
                                        : "a global IPv6 address is preferred";
    }
    if (chosen->is_source && !address->is_source) {
        return "not the kernel's source address";
    }
    return address->is_secondary && !chosen->is_secondary ? "secondary" : "not the first";
}
