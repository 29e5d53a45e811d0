#include "dns_query_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* One UDP and one TCP socket per server; twice that, as c-ares may open a socket before it closes its
 * predecessor. */
enum { SOCKETS_MAX = 4 };

struct dns_socket {
    struct event event;
    struct dns_query *query;
    int fd; /* meaningful while `open` */
    bool open;
};

struct asked {
    struct dns_query *query;
    enum dns_family family;
    bool waits;
};

struct dns_query {
    ares_channel channel;
    struct loop *loop;
    struct ares_addr_port_node server;
    dns_query_fn *fn;
    void *user;
    bool freeing;
    struct asked asked[DNS_FAMILIES];
    struct dns_socket sockets[SOCKETS_MAX];
};

static void on_ready(evutil_socket_t fd, short what, void *user)
{
    struct dns_socket *socket = user;
    ares_process_fd(socket->query->channel, (what & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
                    (what & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
}

static struct dns_socket *find_socket(struct dns_query *query, int fd)
{
    struct dns_socket *free_one = NULL;
    for (size_t i = 0; i < SOCKETS_MAX; i++) {
        struct dns_socket *socket = &query->sockets[i];
        if (socket->open && socket->fd == fd) {
            return socket;
        }
        free_one = socket->open ? free_one : socket;
    }
    return free_one;
}

/* Without a free slot the socket is not watched, and its query goes unanswered. */
static void on_socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
    struct dns_query *query = user;
    struct dns_socket *socket = find_socket(query, fd);
    if (socket == NULL) {
        return;
    }
    if (socket->open) {
        event_del(&socket->event);
    }
    socket->open = readable || writable;
    if (socket->open) {
        socket->fd = fd;
        socket->query = query;
        event_assign(&socket->event, loop_base(query->loop), fd,
                     (short)(EV_PERSIST | (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0)), on_ready,
                     socket);
        event_add(&socket->event, NULL);
    }
}

static ares_channel open_channel(const struct dns_config *config, char *lookups, struct dns_query *query)
{
    struct ares_options ares = {
        .flags =
            ARES_FLAG_NOCHECKRESP, /* report refusals and failures: there is no other server in this channel */
        .lookups = lookups,
        .timeout = INT_MAX / 4, /* ms; never reached, resolver.c ends the query before */
        .tries = 1,
        .resolvconf_path = config->resolv_conf,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = query,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NOROTATE;
    mask |= config->resolv_conf != NULL ? ARES_OPT_RESOLVCONF : 0;
    mask |= query != NULL ? ARES_OPT_SOCK_STATE_CB : 0;
    ares_channel channel;
    return ares_init_options(&channel, &ares, mask) == ARES_SUCCESS ? channel : NULL;
}

struct dns_query *dns_query_new(struct loop *loop, const struct dns_config *config,
                                const struct ares_addr_port_node *server, dns_query_fn *fn, void *user)
{
    struct dns_query *query = mem_zalloc(sizeof(*query));
    query->loop = loop;
    query->server = *server;
    query->fn = fn;
    query->user = user;
    query->channel = open_channel(config, (char[]){"b"}, query);
    if (query->channel == NULL || ares_set_servers_ports(query->channel, &query->server) != ARES_SUCCESS) {
        dns_query_free(query);
        return NULL;
    }
    return query;
}

static void on_answer(void *user, int status, int timeouts, struct ares_addrinfo *list)
{
    (void)timeouts;
    struct asked *asked = user;
    struct dns_query *query = asked->query;
    asked->waits = false;
    if (!query->freeing) {
        query->fn(&query->server, asked->family, status, list == NULL ? NULL : list->nodes, query->user);
    }
    ares_freeaddrinfo(list);
}

void dns_query_ask(struct dns_query *query, const char *host, enum dns_family family)
{
    struct asked *asked = &query->asked[family];
    *asked = (struct asked){.query = query, .family = family, .waits = true};
    struct ares_addrinfo_hints hints = {.ai_family = family == DNS_V4 ? AF_INET : AF_INET6,
                                        .ai_socktype = SOCK_STREAM,
                                        .ai_flags = ARES_AI_NOSORT};
    ares_getaddrinfo(query->channel, host, NULL, &hints, on_answer, asked);
}

bool dns_query_waits(const struct dns_query *query, enum dns_family family)
{
    return query->asked[family].waits;
}

void dns_query_free(struct dns_query *query)
{
    query->freeing = true;
    if (query->channel != NULL) {
        ares_destroy(query->channel);
    }
    free(query);
}

static void on_hosts(void *user, int status, int timeouts, struct ares_addrinfo *list)
{
    (void)timeouts;
    struct ares_addrinfo **ret_hosts = user;
    if (status == ARES_SUCCESS) {
        *ret_hosts = list;
    } else {
        ares_freeaddrinfo(list);
    }
}

static void read_servers(ares_channel channel, uint16_t default_port, struct dns_files *files)
{
    struct ares_addr_port_node *servers = NULL;
    if (ares_get_servers_ports(channel, &servers) != ARES_SUCCESS) {
        return;
    }
    for (const struct ares_addr_port_node *server = servers;
         server != NULL && files->server_count < DNS_SERVERS_MAX; server = server->next) {
        struct ares_addr_port_node *copy = &files->servers[files->server_count++];
        *copy = *server;
        copy->next = NULL;
        copy->udp_port = copy->udp_port != 0 ? copy->udp_port : default_port;
        copy->tcp_port = copy->tcp_port != 0 ? copy->tcp_port : default_port;
    }
    ares_free_data(servers);
}

/* c-ares answers look-ups in files from within the call. */
void dns_files_read(const struct dns_config *config, const char *host, struct dns_files *ret_files)
{
    *ret_files = (struct dns_files){0};
    ares_channel channel = open_channel(config, (char[]){"f"}, NULL);
    if (channel == NULL) {
        return;
    }
    struct ares_addrinfo_hints hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT | ARES_AI_ENVHOSTS};
    ares_getaddrinfo(channel, host, NULL, &hints, on_hosts, &ret_files->hosts);
    read_servers(channel, config->server_port, ret_files);
    ares_destroy(channel);
}
