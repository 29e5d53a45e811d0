#include "outrider/shell/host_search.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/address.h"
#include "outrider/io/net/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below the interval at which the server's machine looks again. */
enum { RESOLVE_MS = 3000 };

struct host_search {
    struct loop *loop;
    struct resolver *resolver;
    host_search_fn *fn;
    void *user;
    char configured[256];
    struct lookup *lookup;
};

struct host_search *host_search_new(struct loop *loop, struct resolver *resolver, host_search_fn *fn,
                                    void *user)
{
    struct host_search *search = mem_zalloc(sizeof(*search));
    search->loop = loop;
    search->resolver = resolver;
    search->fn = fn;
    search->user = user;
    return search;
}

void host_search_free(struct host_search *search)
{
    if (search != NULL) {
        resolver_cancel(search->lookup);
        free(search);
    }
}

static void by_route(struct host_search *search)
{
    struct error err = {.text = ""};
    struct net_choice choice;
    struct host_answer answer = {.is_last = true, .from = "default route", .choice = &choice};
    if (net_choose_by_route(&err, &choice) == 0) {
        answer.host = choice.addresses[choice.chosen].text;
    } else if (err.code == ERROR_SYSTEM) {
        answer.unsure = true;
    } else {
        error_wrap(&err, "server.host is auto and this machine has no address that others can reach; set "
                         "server.host");
    }
    answer.reason = err.text;
    search->fn(&answer, search->user);
}

static void as_written(struct host_search *search)
{
    search->fn(
        &(struct host_answer){
            .host = search->configured, .reason = "", .is_last = true, .from = "configuration"},
        search->user);
}

static void on_resolved(const struct resolver_answer *resolved, void *user)
{
    struct host_search *search = user;
    char reason[160] = "";
    search->lookup = NULL;
    if (resolved->status == RESOLVER_FOUND || resolved->status == RESOLVER_OLD) {
        as_written(search);
        return;
    }
    bool unsure = resolved->status == RESOLVER_FAILED;
    if (unsure) {
        snprintf(reason, sizeof(reason), "and as a name it is not resolved: %s", resolved->error);
    }
    search->fn(&(struct host_answer){.absent = search->configured,
                                     .reason = reason,
                                     .unsure = unsure,
                                     .is_last = true,
                                     .from = "interface"},
               search->user);
}

bool host_search_follows(const char *configured)
{
    struct sockaddr_storage literal[RESOLVER_ADDRESSES_MAX];
    return strlen(configured) < NET_INTERFACE_SIZE && resolver_literal(configured, 0, literal) == 0;
}

/* Interfaces are created after the agent has started (a VPN, a VLAN), so a word that could be one is not taken for a name
 * before it is resolved. A name whose last label is a number cannot be one of the DNS: it is a VLAN such as eth0.100. */
static bool may_become_interface(const char *word)
{
    const char *dot = strrchr(word, '.');
    return strlen(word) < NET_INTERFACE_SIZE &&
           (dot == NULL || dot[1 + strspn(dot + 1, "0123456789")] == '\0');
}

static void by_name(struct host_search *search)
{
    struct sockaddr_storage literal[RESOLVER_ADDRESSES_MAX];
    if (!may_become_interface(search->configured) || resolver_literal(search->configured, 0, literal) > 0) {
        as_written(search);
        return;
    }
    search->lookup =
        resolver_look_up(search->resolver, search->configured, 0, RESOLVE_MS, on_resolved, search);
    search->fn(
        &(struct host_answer){
            .absent = search->configured, .reason = "", .unsure = true, .from = "interface"},
        search->user);
}

static void by_interface(struct host_search *search)
{
    struct error err = {.text = ""};
    struct net_choice choice;
    struct host_answer answer = {.is_last = true, .from = "interface", .choice = &choice};
    if (net_choose_by_interface(search->configured, &err, &choice) == 0) {
        answer.host = choice.addresses[choice.chosen].text;
    } else if (err.code == ERROR_NOT_FOUND) {
        by_name(search);
        return;
    } else if (err.code == ERROR_SYSTEM) {
        answer.unsure = true;
    } else {
        error_wrap(&err, "server.host names an interface");
    }
    answer.reason = err.text;
    search->fn(&answer, search->user);
}

void host_search_start(struct host_search *search, const char *configured)
{
    resolver_cancel(search->lookup);
    search->lookup = NULL;
    snprintf(search->configured, sizeof(search->configured), "%s", configured);
    if (strcmp(configured, "auto") == 0) {
        by_route(search);
    } else if (address_is_ipv4(str_of(configured)) || address_is_ipv6(str_of(configured))) {
        as_written(search);
    } else {
        by_interface(search);
    }
}
