#include "http_host_internal.h"

#include "http_curl_internal.h"
#include "outrider/base/mem.h"
#include "outrider/io/net/address.h"

#include <stdlib.h>
#include <string.h>

/* A list of one entry, which is freed. */
static struct curl_slist *list_of(struct buf *entry)
{
    struct curl_slist *list = http_curl_append(NULL, buf_text(entry));
    buf_fini(entry);
    return list;
}

/* CURLOPT_RESOLVERSTARTFUNCTION: not called where the addresses were given by CURLOPT_RESOLVE. */
static int on_resolve(void *state, void *reserved, void *user)
{
    (void)state;
    (void)reserved;
    struct http_host *host = user;
    host->is_asked = host->name != NULL;
    return host->name != NULL ? 1 : 0;
}

void http_host_init(struct http_host *host, CURL *easy, bool is_relayed)
{
    *host = (struct http_host){.easy = easy, .is_relayed = is_relayed};
    curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, on_resolve);
    curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, host);
}

void http_host_fini(struct http_host *host)
{
    http_host_cancel(host);
    curl_slist_free_all(host->connect_to);
    curl_slist_free_all(host->resolve);
    free(host->name);
    free(host->target);
}

/* ---- the URL ---- */

/* "::HOST:" means: whatever the URL names, connect to HOST at the URL's port. */
static struct curl_slist *connect_to(CURLU *parts, const char *name, const char *server_name)
{
    struct buf entry = {0};
    if (server_name == NULL || curl_url_set(parts, CURLUPART_HOST, server_name, 0) != CURLUE_OK) {
        return NULL;
    }
    buf_printf(&entry, "::%s:", name);
    return list_of(&entry);
}

static void set_resolve(struct http_host *host, struct curl_slist *list)
{
    http_curl_must(curl_easy_setopt(host->easy, CURLOPT_RESOLVE, list));
    curl_slist_free_all(host->resolve);
    host->resolve = list;
}

/* libcurl's entry for the name: "NAME:PORT:ADDRESS,..." */
static struct curl_slist *entry_of(const char *name, uint16_t port, const struct sockaddr_storage *addresses,
                                   size_t count)
{
    struct buf entry = {0};
    buf_printf(&entry, "%s:%u:", name, port);
    for (size_t i = 0; i < count; i++) {
        char text[INET6_ADDRSTRLEN];
        bool is_v6 = addresses[i].ss_family == AF_INET6;
        buf_printf(&entry, is_v6 ? "%s[%s]" : "%s%s", i > 0 ? "," : "", address_text(&addresses[i], text));
    }
    return list_of(&entry);
}

/* libcurl gets some address for a name: none of it is used. */
static void set_target(struct http_host *host, const char *name)
{
    size_t size = strlen(name);
    if (name[0] == '[') {
        host->target = mem_strdup(name + 1);
        host->target[size - 2] = '\0';
        return;
    }
    struct buf entry = {0};
    host->target = mem_strdup(name);
    buf_printf(&entry, "%s:%u:127.0.0.1", name, host->port);
    set_resolve(host, list_of(&entry));
}

/* Names are resolved when they are needed. What resolver_literal knows needs no look-up; libcurl parses addresses
 * itself, but would try localhost as ::1 first. */
static void set_name(struct http_host *host, const char *name, const char *port)
{
    struct sockaddr_storage addresses[RESOLVER_ADDRESSES_MAX];
    host->port = (uint16_t)strtoul(port, NULL, 10);
    if (host->is_relayed) {
        set_target(host, name);
        return;
    }
    size_t count = name[0] == '[' ? 1 : resolver_literal(name, host->port, addresses);
    if (count == 0) {
        host->name = mem_strdup(name);
    } else if (strcmp(name, "localhost") == 0) {
        set_resolve(host, entry_of(name, host->port, addresses, count));
    }
}

void http_host_set(struct http_host *host, const char *url, const char *server_name)
{
    struct curl_slist *list = NULL;
    char *asked = NULL, *name = NULL, *port = NULL;
    CURLU *parts = curl_url();
    http_curl_must(parts == NULL ? CURLE_OUT_OF_MEMORY : CURLE_OK);
    free(host->name);
    free(host->target);
    host->name = host->target = NULL;
    set_resolve(host, NULL);
    if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &name, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
        curl_url_set(parts, CURLUPART_USER, NULL, 0);
        curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
        set_name(host, name, port);
        list = connect_to(parts, name, server_name);
        curl_url_get(parts, CURLUPART_URL, &asked, 0);
    }
    http_curl_must(curl_easy_setopt(host->easy, CURLOPT_URL, asked == NULL ? url : asked));
    http_curl_must(curl_easy_setopt(host->easy, CURLOPT_CONNECT_TO, list));
    curl_slist_free_all(host->connect_to);
    host->connect_to = list;
    curl_free(asked);
    curl_free(name);
    curl_free(port);
    curl_url_cleanup(parts);
}

/* ---- the addresses ---- */

/* "-NAME:PORT" takes the name out of the cache that all transfers share. libcurl applies the option once: it is
 * set for each request. */
void http_host_begin(struct http_host *host)
{
    host->is_asked = false;
    if (host->name == NULL) {
        return;
    }
    if (host->has_addresses || host->resolve == NULL) {
        struct buf entry = {0};
        buf_printf(&entry, "-%s:%u", host->name, host->port);
        set_resolve(host, list_of(&entry));
    } else {
        http_curl_must(curl_easy_setopt(host->easy, CURLOPT_RESOLVE, host->resolve));
    }
    host->has_addresses = false;
}

void http_host_look_up(struct http_host *host, struct resolver *resolver, int64_t timeout_ms, resolver_fn *fn,
                       void *user)
{
    host->is_asked = false;
    host->lookup = resolver_look_up(resolver, host->name, host->port, timeout_ms, fn, user);
}

bool http_host_use(struct http_host *host, const struct resolver_answer *answer)
{
    host->lookup = NULL;
    if (answer->count == 0) {
        return false;
    }
    set_resolve(host, entry_of(host->name, host->port, answer->addresses, answer->count));
    host->has_addresses = true;
    return true;
}

void http_host_cancel(struct http_host *host)
{
    resolver_cancel(host->lookup);
    host->lookup = NULL;
}
