/* Addresses of this machine, from the kernel by rtnetlink(7): nothing is sent. */
#ifndef OUTRIDER_OS_NET_H
#define OUTRIDER_OS_NET_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <stddef.h>

struct error;

/* Room for any address as text with its NUL (INET6_ADDRSTRLEN), and for the name of an interface (IFNAMSIZ). */
enum { NET_ADDRESS_SIZE = 46, NET_INTERFACE_SIZE = 16, NET_ADDRESSES_MAX = 64 };

/* What makes an address a bad one to give to others, the least bad first. From NET_TENTATIVE on it is never chosen: it
 * is not usable yet, or not on another machine. */
enum net_flaw {
    NET_FLAWLESS,
    NET_DEPRECATED,
    NET_TEMPORARY,
    NET_LINK_LOCAL,
    NET_LOOPBACK,
    NET_TENTATIVE, /* duplicate address detection has not ended, or found a duplicate */
    NET_ZONED,     /* an IPv6 link-local address: it means something only beside an interface */
    NET_DOWN,      /* the interface is down */
    NET_FLAW_COUNT
};

/* In the order of preference. */
enum net_kind { NET_IPV4, NET_IPV6_GLOBAL, NET_IPV6_UNIQUE_LOCAL };

struct net_address {
    char text[NET_ADDRESS_SIZE];
    char interface[NET_INTERFACE_SIZE]; /* "" where it is not known */
    enum net_kind kind;
    enum net_flaw flaw;
    bool is_source;    /* the kernel's own choice for what it sends to the default route */
    bool is_secondary; /* another address of its subnet came first */
};

/* The addresses there are, in the kernel's order, and which of them is to be published; the rest are rejected. */
struct net_choice {
    struct net_address addresses[NET_ADDRESSES_MAX];
    size_t count;
    size_t chosen; /* an index; `count`: none is fit */
};

/* Fills `addresses[].kind` and `.flaw` from the text of the address; returns false where it is no address, or the unspecified one. `flags` are
 * those of the kernel (IFA_F_...). */
bool net_address_classify(struct net_address *address, unsigned flags);

/* Sets `chosen`: the least flaw, then the kind, then the kernel's source, then a primary address, then the first.
 * Loopback only with `allow_loopback`. */
void net_choose(struct net_choice *choice, bool allow_loopback);

/* Why the address `index` was not chosen, for a person: "link-local", "an IPv4 address is preferred". */
const char *net_rejected_why(const struct net_choice *choice, size_t index);

/* Chooses among the addresses of the default routes: those of their interfaces, and the kernel's source. Returns 0; or -1
 * with ERROR_UNREACHABLE when there is no route, ERROR_NOT_FOUND when the route leads to loopback only or none of the
 * addresses is fit, or ERROR_SYSTEM when it cannot be found out (no file left). `ret_choice` is always written. */
int net_choose_by_route(struct error *err, struct net_choice *ret_choice) MUST_CHECK;

/* Chooses among the addresses of the interface `name`. Returns 0; or -1 with ERROR_NOT_FOUND (no such interface),
 * ERROR_UNREACHABLE (it is down or has no usable address) or ERROR_SYSTEM (it cannot be found out). `ret_choice` is always written. */
int net_choose_by_interface(const char *name, struct error *err, struct net_choice *ret_choice) MUST_CHECK;

/* A descriptor, owned by the caller, that becomes readable when an address, an interface or a route of this machine has
 * changed. -1 with ERROR_SYSTEM. */
int net_changes_open(struct error *err) MUST_CHECK;

/* Reads what has come on it. Returns whether anything has; messages that were lost count. */
bool net_changes_take(int fd);

#endif
