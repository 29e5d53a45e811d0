#include "outrider/io/loop/resolve.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop/loop_base.h"
#include "outrider/os/file.h"

#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 8 };

static const char RESOLV_CONF[] = "/etc/resolv.conf", HOSTS[] = "/etc/hosts";

/* Lives until libevent has answered, which it does also after a cancel: then `fn` is NULL. */
struct resolve {
    struct evdns_getaddrinfo_request *request;
    resolve_fn *fn;
    void *user;
};

static void on_answer(int result, struct evutil_addrinfo *list, void *user)
{
    struct resolve *resolve = user;
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    size_t count = 0;
    for (struct evutil_addrinfo *entry = list; entry != NULL && count < ADDRESSES_MAX;
         entry = entry->ai_next) {
        if (entry->ai_addrlen <= sizeof(addresses[0])) {
            memset(&addresses[count], 0, sizeof(addresses[0]));
            memcpy(&addresses[count++], entry->ai_addr, entry->ai_addrlen);
        }
    }
    if (list != NULL) {
        evutil_freeaddrinfo(list);
    }
    if (resolve->fn != NULL) {
        const char *error = count > 0     ? NULL
                            : result != 0 ? evutil_gai_strerror(result)
                                          : "it has no address";
        resolve->fn(addresses, count, error, resolve->user);
    }
    free(resolve);
}

/* libevent tells stderr of each name server that fails or is back, in words of its own; what a look-up came to is
 * told to whoever asked for it. */
static void say_nothing(int is_warning, const char *text)
{
    (void)is_warning;
    (void)text;
}

/* Look-ups under way go on with the name servers that there are now. */
static void read_anew(struct evdns_base *dns)
{
    evdns_base_clear_nameservers_and_suspend(dns);
    evdns_base_search_clear(dns);
    evdns_base_clear_host_addresses(dns);
    (void)evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL, RESOLV_CONF);
    evdns_base_resume(dns);
}

static struct evdns_base *ready_dns(struct loop *loop)
{
    struct resolver *resolver = loop_resolver(loop);
    uint64_t stamp = file_stamp(RESOLV_CONF) * 31 + file_stamp(HOSTS);
    if (resolver->dns == NULL) {
        evdns_set_log_fn(say_nothing);
        resolver->dns = evdns_base_new(loop_base(loop),
                                       EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    } else if (resolver->stamp != stamp) {
        read_anew(resolver->dns);
    }
    resolver->stamp = stamp;
    return resolver->dns;
}

struct resolve *resolve_start(struct loop *loop, const char *host, uint16_t port, resolve_fn *fn, void *user)
{
    struct evdns_base *dns = ready_dns(loop);
    if (dns == NULL) {
        fn(NULL, 0, "no name server is configured", user);
        return NULL;
    }
    struct resolve *resolve = mem_zalloc(sizeof(*resolve));
    resolve->fn = fn;
    resolve->user = user;
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(dns, host, service, &hints, on_answer, resolve);
    if (request == NULL) {
        return NULL; /* answered, and freed */
    }
    resolve->request = request;
    return resolve;
}

void resolve_cancel(struct resolve *resolve)
{
    if (resolve != NULL) {
        resolve->fn = NULL;
        evdns_getaddrinfo_cancel(resolve->request);
    }
}

void resolve_fini(struct resolver *resolver)
{
    if (resolver->dns != NULL) {
        evdns_base_free(resolver->dns, 1);
    }
}
