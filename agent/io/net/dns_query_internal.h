/* Queries for one name to one name server: a c-ares channel whose sockets are on the loop. c-ares encodes,
 * decodes, walks the search list and uses TCP where a reply is truncated. The channel has one server and one
 * try, so that resolver.c alone decides which server is asked, when, and for how long. */
#ifndef OUTRIDER_IO_NET_DNS_QUERY_INTERNAL_H
#define OUTRIDER_IO_NET_DNS_QUERY_INTERNAL_H

#include "outrider/io/net/resolver.h"

#include <ares.h>
#include <stdbool.h>

/* In the order of delivery. */
enum dns_family { DNS_V4, DNS_V6, DNS_FAMILIES };

enum { DNS_SERVERS_MAX = 4 };

/* As struct resolver_options; c-ares takes its path without const. */
struct dns_config {
    char *resolv_conf;
    uint16_t server_port;
};

struct dns_query;

/* The result of `server` for one family: an ARES_ status, and on ARES_SUCCESS the addresses, borrowed. Called from the
 * loop or from within dns_query_ask, once per family asked for, unless the query is freed before. Must not
 * free the query. */
typedef void dns_query_fn(const struct ares_addr_port_node *server, enum dns_family family, int status,
                          const struct ares_addrinfo_node *addresses, void *user);

/* A query to `server` that is pending until it is answered or freed. `config` is borrowed. NULL where c-ares
 * cannot open a channel. */
struct dns_query *dns_query_new(struct loop *loop, const struct dns_config *config,
                                const struct ares_addr_port_node *server, dns_query_fn *fn, void *user);

/* Asks for the addresses of one family. */
void dns_query_ask(struct dns_query *query, const char *host, enum dns_family family);

/* Whether the call of `fn` for the family is pending. */
bool dns_query_waits(const struct dns_query *query, enum dns_family family);

/* Closes the sockets; no callback follows. Not from within `fn`. */
void dns_query_free(struct dns_query *query);

/* The content of the two files that concerns `host`. */
struct dns_files {
    struct ares_addr_port_node servers[DNS_SERVERS_MAX]; /* of resolv.conf, in its order; `next` is NULL */
    size_t server_count;
    struct ares_addrinfo *hosts; /* of the hosts file, the caller's to free; NULL when it has no such name */
};

/* Reads resolv.conf and the hosts file; files that cannot be read count as empty. */
void dns_files_read(const struct dns_config *config, const char *host, struct dns_files *ret_files);

#endif
