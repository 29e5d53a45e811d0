#include "outrider/io/net/resolver.h"

#include "dns_query_internal.h"
#include "outrider/base/hash.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/address.h"
#include "outrider/os/clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* After a step without a reply the next server is asked, too. Each server is asked at most twice, since a
 * datagram may be lost. */
enum { STEP_MAX_MS = 1000, QUERIES_MAX = 2 * DNS_SERVERS_MAX };

enum { KNOWN_NAMES_MAX = 32 };

enum family_state { FAMILY_OPEN, FAMILY_FOUND, FAMILY_EMPTY /* no such address, or no such name */ };

struct family {
    enum family_state state;
    struct sockaddr_storage addresses[RESOLVER_ADDRESSES_MAX];
    size_t count;
};

struct lookup {
    struct resolver *resolver;
    struct lookup *next, *prev;
    resolver_fn *fn;
    void *user;
    char *host;
    uint16_t port;
    struct ares_addr_port_node servers[DNS_SERVERS_MAX]; /* in the order of asking */
    size_t server_count;
    struct dns_query *queries[QUERIES_MAX];
    size_t query_count;
    int64_t step_ms;
    int64_t next_query, family_deadline, deadline; /* mono ms */
    struct family families[DNS_FAMILIES];
    bool literal; /* the host is an address, which is not stored as a known name */
    bool no_such_name;
    const char *error; /* of the first failure, static */
    struct timer *timer;
    /* Queries report from within c-ares, which must have returned before they are freed. */
    struct deferred advance;
};

/* The last good addresses of a host. */
struct known_name {
    UT_hash_handle hh; /* the least recently used one is the first */
    struct sockaddr_storage addresses[RESOLVER_ADDRESSES_MAX];
    size_t count;
    char host[];
};

struct resolver {
    struct loop *loop;
    struct dns_config config;
    struct lookup *lookups;
    size_t lookup_count;
    struct ares_addr_port_node preferred; /* family AF_UNSPEC: none */
    struct known_name *known;
};

/* ---- known names ---- */

static struct known_name *find_known(struct resolver *resolver, const char *host)
{
    struct known_name *known = NULL;
    HASH_FIND_STR(resolver->known, host, known);
    if (known != NULL) {
        HASH_DEL(resolver->known, known);
        HASH_ADD_STR(resolver->known, host, known);
    }
    return known;
}

static void forget(struct resolver *resolver, struct known_name *known)
{
    if (known != NULL) {
        HASH_DEL(resolver->known, known);
        free(known);
    }
}

static void remember(struct resolver *resolver, const char *host, const struct sockaddr_storage *addresses,
                     size_t count)
{
    size_t size = strlen(host) + 1;
    struct known_name *known = mem_zalloc(sizeof(*known) + size);
    memcpy(known->host, host, size);
    memcpy(known->addresses, addresses, count * sizeof(addresses[0]));
    known->count = count;
    forget(resolver, find_known(resolver, host));
    if (HASH_COUNT(resolver->known) == KNOWN_NAMES_MAX) {
        forget(resolver, resolver->known);
    }
    HASH_ADD_STR(resolver->known, host, known);
}

/* ---- the resolver ---- */

struct resolver *resolver_new(struct loop *loop, const struct resolver_options *options)
{
    struct resolver *resolver = mem_zalloc(sizeof(*resolver));
    resolver->loop = loop;
    if (options != NULL) {
        resolver->config.resolv_conf = mem_strdup(options->resolv_conf);
        resolver->config.server_port = options->server_port;
    }
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    assert(status == ARES_SUCCESS);
    (void)status;
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    while (resolver->lookups != NULL) {
        resolver_cancel(resolver->lookups);
    }
    while (resolver->known != NULL) {
        forget(resolver, resolver->known);
    }
    free(resolver->config.resolv_conf);
    ares_library_cleanup();
    free(resolver);
}

/* ---- addresses ---- */

static bool parse(int family, const char *text, uint16_t port, struct sockaddr_storage *ret_address)
{
    *ret_address = (struct sockaddr_storage){.ss_family = (sa_family_t)family};
    address_set_port(ret_address, port);
    return inet_pton(family, text,
                     family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)ret_address)->sin6_addr
                                        : &((struct sockaddr_in *)ret_address)->sin_addr) == 1;
}

size_t resolver_literal(const char *host, uint16_t port,
                        struct sockaddr_storage ret_addresses[static RESOLVER_ADDRESSES_MAX])
{
    if (strcmp(host, "localhost") == 0) {
        (void)parse(AF_INET, "127.0.0.1", port, &ret_addresses[0]);
        (void)parse(AF_INET6, "::1", port, &ret_addresses[1]);
        return 2;
    }
    return parse(AF_INET, host, port, ret_addresses) || parse(AF_INET6, host, port, ret_addresses) ? 1 : 0;
}

/* Takes the addresses of one family out of a list of both. */
static void settle(struct family *family, int address_family, const struct ares_addrinfo_node *list,
                   uint16_t port)
{
    for (const struct ares_addrinfo_node *node = list; node != NULL && family->count < RESOLVER_ADDRESSES_MAX;
         node = node->ai_next) {
        if (node->ai_family == address_family && node->ai_addrlen <= sizeof(family->addresses[0])) {
            struct sockaddr_storage *address = &family->addresses[family->count++];
            memset(address, 0, sizeof(*address));
            memcpy(address, node->ai_addr, node->ai_addrlen);
            address_set_port(address, port);
        }
    }
    family->state = family->count > 0 ? FAMILY_FOUND : FAMILY_EMPTY;
}

/* IPv4 first; where there are too many of both, each family keeps half of the room. */
static size_t join(const struct lookup *lookup, struct sockaddr_storage out[static RESOLVER_ADDRESSES_MAX])
{
    const struct family *v4 = &lookup->families[DNS_V4], *v6 = &lookup->families[DNS_V6];
    size_t half = RESOLVER_ADDRESSES_MAX / 2;
    size_t reserved = v6->count < half ? v6->count : half;
    size_t first =
        v4->count < RESOLVER_ADDRESSES_MAX - reserved ? v4->count : RESOLVER_ADDRESSES_MAX - reserved;
    size_t second = v6->count < RESOLVER_ADDRESSES_MAX - first ? v6->count : RESOLVER_ADDRESSES_MAX - first;
    memcpy(out, v4->addresses, first * sizeof(out[0]));
    memcpy(out + first, v6->addresses, second * sizeof(out[0]));
    return first + second;
}

/* ---- name servers ---- */

static bool same_server(const struct ares_addr_port_node *a, const struct ares_addr_port_node *b)
{
    return a->family == b->family && a->udp_port == b->udp_port &&
           memcmp(&a->addr, &b->addr, a->family == AF_INET ? sizeof(a->addr.addr4) : sizeof(a->addr.addr6)) ==
               0;
}

/* The preferred server first, the others in the order of the file after it. */
static void order_servers(struct lookup *lookup, const struct dns_files *files)
{
    size_t first = 0;
    for (size_t i = 0; i < files->server_count; i++) {
        first = same_server(&files->servers[i], &lookup->resolver->preferred) ? i : first;
    }
    for (size_t i = 0; i < files->server_count; i++) {
        lookup->servers[i] = files->servers[(first + i) % files->server_count];
    }
    lookup->server_count = files->server_count;
}

static const char *error_text(int status)
{
    switch (status) {
    case ARES_EREFUSED: return "the name server refused the query";
    case ARES_ECONNREFUSED: return "the name server cannot be reached";
    case ARES_ESERVFAIL: return "the name server failed";
    case ARES_EBADRESP:
    case ARES_EFORMERR: return "the name server sent an invalid reply";
    default: return ares_strerror(status);
    }
}

/* ---- a look-up ---- */

static void on_reply(const struct ares_addr_port_node *server, enum dns_family index, int status,
                     const struct ares_addrinfo_node *addresses, void *user)
{
    struct lookup *lookup = user;
    struct family *family = &lookup->families[index];
    loop_defer(lookup->resolver->loop, &lookup->advance);
    if (family->state != FAMILY_OPEN) {
        return;
    }
    switch (status) {
    case ARES_SUCCESS: settle(family, index == DNS_V4 ? AF_INET : AF_INET6, addresses, lookup->port); break;
    case ARES_ENODATA: family->state = FAMILY_EMPTY; break;
    case ARES_ENOTFOUND:
    case ARES_EBADNAME: /* not a valid name */
        family->state = FAMILY_EMPTY;
        lookup->no_such_name = true;
        break;
    default: lookup->error = lookup->error == NULL ? error_text(status) : lookup->error; return;
    }
    lookup->resolver->preferred = *server;
}

static void ask_next(struct lookup *lookup, int64_t now)
{
    const struct ares_addr_port_node *server = &lookup->servers[lookup->query_count % lookup->server_count];
    struct dns_query *query =
        dns_query_new(lookup->resolver->loop, &lookup->resolver->config, server, on_reply, lookup);
    lookup->next_query = now + lookup->step_ms;
    if (query == NULL) {
        lookup->server_count = lookup->query_count; /* further queries would fail likewise */
        return;
    }
    lookup->queries[lookup->query_count++] = query;
    for (enum dns_family i = 0; i < DNS_FAMILIES; i++) {
        if (lookup->families[i].state == FAMILY_OPEN) {
            dns_query_ask(query, lookup->host, i);
        }
    }
}

/* Whether a query may still settle a family that is open. */
static bool query_is_pending(const struct lookup *lookup, size_t index)
{
    for (enum dns_family i = 0; i < DNS_FAMILIES; i++) {
        if (lookup->families[i].state == FAMILY_OPEN && dns_query_waits(lookup->queries[index], i)) {
            return true;
        }
    }
    return false;
}

static bool any_pending(const struct lookup *lookup)
{
    for (size_t i = 0; i < lookup->query_count; i++) {
        if (query_is_pending(lookup, i)) {
            return true;
        }
    }
    return false;
}

static bool is_open(const struct lookup *lookup)
{
    return lookup->families[DNS_V4].state == FAMILY_OPEN || lookup->families[DNS_V6].state == FAMILY_OPEN;
}

static bool wants_query(const struct lookup *lookup, int64_t now)
{
    size_t count = lookup->query_count;
    bool latest_failed = count == 0 || !query_is_pending(lookup, count - 1);
    return (count < lookup->server_count && latest_failed) ||
           (now >= lookup->next_query && count < 2 * lookup->server_count);
}

static bool is_over(const struct lookup *lookup, int64_t now)
{
    bool exhausted = lookup->query_count >= lookup->server_count && !any_pending(lookup);
    return !is_open(lookup) || exhausted || now >= lookup->deadline || now >= lookup->family_deadline;
}

static void fill_answer(struct lookup *lookup,
                        struct sockaddr_storage addresses[static RESOLVER_ADDRESSES_MAX],
                        struct resolver_answer *ret_answer)
{
    struct resolver *resolver = lookup->resolver;
    *ret_answer =
        (struct resolver_answer){.addresses = addresses, .count = join(lookup, addresses), .error = ""};
    if (ret_answer->count > 0) {
        if (!lookup->literal) {
            remember(resolver, lookup->host, addresses, ret_answer->count);
        }
        return;
    }
    if (lookup->no_such_name || !is_open(lookup)) {
        forget(resolver, find_known(resolver, lookup->host));
        ret_answer->status = RESOLVER_NOT_FOUND;
        ret_answer->error = lookup->no_such_name ? "no such name" : "the name has no address";
        return;
    }
    const struct known_name *old = find_known(resolver, lookup->host);
    ret_answer->status = old != NULL ? RESOLVER_OLD : RESOLVER_FAILED;
    ret_answer->error = lookup->error != NULL ? lookup->error : "no name server answered";
    for (size_t i = 0; old != NULL && i < old->count; i++) {
        addresses[i] = old->addresses[i];
        address_set_port(&addresses[i], lookup->port);
        ret_answer->count++;
    }
}

static void finish(struct lookup *lookup)
{
    struct sockaddr_storage addresses[RESOLVER_ADDRESSES_MAX];
    struct resolver_answer answer;
    fill_answer(lookup, addresses, &answer);
    resolver_fn *fn = lookup->fn;
    void *user = lookup->user;
    resolver_cancel(lookup);
    fn(&answer, user);
}

/* Once one family has a usable answer the other one gets a limited time. */
static void limit_the_other_family(struct lookup *lookup, int64_t now)
{
    bool usable = lookup->no_such_name || lookup->families[DNS_V4].count + lookup->families[DNS_V6].count > 0;
    if (usable && lookup->family_deadline == INT64_MAX) {
        lookup->family_deadline = now + RESOLVER_FAMILY_WAIT_MS;
    }
}

static void on_advance(void *user)
{
    struct lookup *lookup = user;
    int64_t now = clock_mono_ms();
    limit_the_other_family(lookup, now);
    if (!is_over(lookup, now) && wants_query(lookup, now)) {
        ask_next(lookup, now);
    }
    if (is_over(lookup, now)) {
        finish(lookup);
        return;
    }
    int64_t due = lookup->deadline < lookup->family_deadline ? lookup->deadline : lookup->family_deadline;
    bool asks_again = lookup->query_count < 2 * lookup->server_count;
    timer_arm_at_ms(lookup->timer, asks_again && lookup->next_query < due ? lookup->next_query : due);
}

static struct lookup *lookup_new(struct resolver *resolver, const char *host, uint16_t port, resolver_fn *fn,
                                 void *user)
{
    struct lookup *lookup = mem_zalloc(sizeof(*lookup));
    lookup->resolver = resolver;
    lookup->host = mem_strdup(host);
    lookup->port = port;
    lookup->fn = fn;
    lookup->user = user;
    lookup->next_query = lookup->family_deadline = INT64_MAX;
    lookup->advance = (struct deferred){.fn = on_advance, .user = lookup};
    lookup->timer = timer_new(resolver->loop, on_advance, lookup);
    DL_PREPEND(resolver->lookups, lookup);
    resolver->lookup_count++;
    return lookup;
}

/* Settles the look-up where the hosts file has the name, and reads the list of servers otherwise. */
static void use_files(struct lookup *lookup)
{
    struct dns_files files;
    dns_files_read(&lookup->resolver->config, lookup->host, &files);
    if (files.hosts != NULL) {
        settle(&lookup->families[DNS_V4], AF_INET, files.hosts->nodes, lookup->port);
        settle(&lookup->families[DNS_V6], AF_INET6, files.hosts->nodes, lookup->port);
    } else {
        order_servers(lookup, &files);
    }
    ares_freeaddrinfo(files.hosts);
}

struct lookup *resolver_look_up(struct resolver *resolver, const char *host, uint16_t port,
                                int64_t timeout_ms, resolver_fn *fn, void *user)
{
    struct lookup *lookup = lookup_new(resolver, host, port, fn, user);
    struct sockaddr_storage literal[RESOLVER_ADDRESSES_MAX];
    size_t count = resolver_literal(host, port, literal);
    int64_t time_ms = find_known(resolver, host) != NULL ? timeout_ms / 2 : timeout_ms;
    lookup->deadline = clock_mono_ms() + time_ms;
    for (size_t i = 0; i < count; i++) {
        struct family *family = &lookup->families[literal[i].ss_family == AF_INET ? DNS_V4 : DNS_V6];
        family->addresses[family->count++] = literal[i];
    }
    if (count > 0) {
        lookup->literal = true;
        lookup->families[DNS_V4].state = lookup->families[DNS_V6].state = FAMILY_FOUND;
    } else if (resolver->lookup_count > RESOLVER_LOOKUPS_MAX) {
        lookup->error = "too many look-ups under way";
    } else {
        use_files(lookup);
    }
    int64_t step = time_ms / ((int64_t)lookup->server_count + 1);
    lookup->step_ms = step < STEP_MAX_MS ? step : STEP_MAX_MS;
    loop_defer(resolver->loop, &lookup->advance);
    return lookup;
}

void resolver_cancel(struct lookup *lookup)
{
    if (lookup == NULL) {
        return;
    }
    for (size_t i = 0; i < lookup->query_count; i++) {
        dns_query_free(lookup->queries[i]);
    }
    deferred_cancel(&lookup->advance);
    timer_free(lookup->timer);
    DL_DELETE(lookup->resolver->lookups, lookup);
    lookup->resolver->lookup_count--;
    free(lookup->host);
    free(lookup);
}
