#include "listeners_internal.h"

#include "outrider/api/common/request.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/listen.h"
#include "outrider/io/net/tls_server.h"
#include "outrider/os/log.h"
#include "outrider/os/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_listeners {
    struct tls_server *tls;
    struct http_listener *sockets[CONFIG_LISTEN_MAX]; /* those on unix sockets, borrowed from the server */
    size_t socket_count;
    struct api_policy policies[CONFIG_LISTEN_MAX];
    size_t count;
};

static void log_limit(const char *listen, const char *setting, size_t wanted, size_t most)
{
    if (most < wanted) {
        log_info("http", "limit lowered by the limit of open files, raise LimitNOFILE",
                 LOG_TEXT("listen", listen), LOG_TEXT("setting", setting), LOG_INT("wanted", (int64_t)wanted),
                 LOG_INT("most", (int64_t)most));
    }
}

static int open_tls(struct api_listeners *listeners, struct loop *loop, const struct config *config,
                    struct error *err)
{
    if (!listen_has_tls(config)) {
        return 0;
    }
    struct tls_server_files files = {config->http.tls.cert_file, config->http.tls.key_file,
                                     config->http.tls.client_ca_file};
    listeners->tls = tls_server_new(loop, &files, err);
    return listeners->tls == NULL ? error_wrap(err, "http.tls") : 0;
}

/* The cookie is named after the port that browsers know, because cookies of one host are of all its ports; and where that is https,
 * they keep it to https and to this host. */
static void name_cookie(const struct config *config, const struct listen_place *place,
                        struct api_policy *policy)
{
    const char *url = config->http.public_url;
    struct str host, authority = {NULL, 0};
    uint16_t port = place->port;
    policy->secure = url != NULL ? strncmp(url, "https:", 6) == 0 : place->kind == LISTEN_TLS;
    if (url != NULL) {
        (void)str_split(str_of(url), '/', &authority);
        authority = (struct str){authority.data + 1, authority.size - 1};
        port = address_split(authority, &host, &port) == 0 ? port : policy->secure ? 443 : 80;
    }
    if (url == NULL && place->kind == LISTEN_UNIX) {
        snprintf(policy->cookie, sizeof(policy->cookie), "outrider-unix");
    } else {
        snprintf(policy->cookie, sizeof(policy->cookie), "%soutrider-%u", policy->secure ? "__Host-" : "",
                 port);
    }
}

static void make_policy(const struct config *config, const char *text, const struct listen_place *place,
                        struct api_policy *ret_policy)
{
    char machine[HOST_NAME_SIZE];
    bool is_unix = place->kind == LISTEN_UNIX, is_proxied = is_unix && listen_is_proxied(config, place->path);
    *ret_policy =
        (struct api_policy){.address = mem_strdup(text),
                            .machine = user_host_name(machine) ? mem_strdup(machine) : NULL,
                            .check_host = !is_unix,
                            .need_token = true,
                            .is_tls = place->kind == LISTEN_TLS,
                            .proxy_header = is_proxied ? mem_strdup(config->http.proxy_header) : NULL};
    name_cookie(config, place, ret_policy);
}

static struct http_listener *listen_at(struct http_server *server,
                                       const struct http_listener_options *options, struct error *err)
{
    struct http_listener *listener = http_server_listen(server, options, err);
    if (listener == NULL && err->code == ERROR_BUSY && options->unix_path == NULL) {
        struct error cause = *err;
        error_set(err, ERROR_BUSY, "%s; each agent of this machine needs its own", cause.text);
    }
    return listener;
}

static int add(struct api_listeners *listeners, struct http_server *server, const struct config *config,
               const char *text, int inherited_fd, http_short_fn *on_short, struct error *err)
{
    static const char *const kept_paths[] = {"/healthz", "/health", "/readyz", NULL};
    struct listen_place place;
    if (listen_read(text, &place) < 0) {
        return error_set(err, ERROR_INVALID, "%s is not HOST:PORT, [V6]:PORT, tls://HOST:PORT or unix:/PATH",
                         text);
    }
    bool is_unix = place.kind == LISTEN_UNIX;
    struct api_policy *policy = &listeners->policies[listeners->count];
    char *host = is_unix ? NULL : mem_copy(place.host.data, place.host.size);
    struct http_listener_options options = {.gid = (gid_t)-1,
                                            .unix_path = place.path,
                                            .host = host,
                                            .port = place.port,
                                            .inherited_fd =
                                                is_unix && listeners->socket_count == 0 ? inherited_fd : 0,
                                            .max_connections = config->http.max_connections,
                                            .max_pushes = config->http.max_subscribers,
                                            .listeners = config->http.listen_count,
                                            .idle_timeout_ms = config->http.idle_timeout_ms,
                                            .peer_share = config->http.peer_share,
                                            .kept_paths = kept_paths,
                                            .on_short = on_short,
                                            .policy = policy,
                                            .tls = place.kind == LISTEN_TLS ? listeners->tls : NULL};
    struct http_listener *listener = listen_at(server, &options, err);
    free(host);
    if (listener == NULL) {
        return -1;
    }
    make_policy(config, text, &place, policy);
    listeners->count++;
    const struct http_listener_options *limits = http_listener_options(listener);
    log_limit(text, "http.max_connections", config->http.max_connections, limits->max_connections);
    log_limit(text, "http.max_subscribers", config->http.max_subscribers, limits->max_pushes);
    log_info("http", "API open", LOG_TEXT("listen", text));
    if (is_unix) {
        listeners->sockets[listeners->socket_count++] = listener;
    }
    return 0;
}

struct api_listeners *api_listeners_new(void)
{
    return mem_zalloc(sizeof(struct api_listeners));
}

int api_listeners_open(struct api_listeners *listeners, struct http_server *server, struct loop *loop,
                       const struct config *config, int inherited_fd, http_short_fn *on_short,
                       struct error *err)
{
    int rc = open_tls(listeners, loop, config, err);
    for (size_t i = 0; rc == 0 && i < config->http.listen_count; i++) {
        rc = add(listeners, server, config, config->http.listen[i], inherited_fd, on_short, err);
        rc = rc < 0 ? error_wrap(err, "http.listen") : rc;
    }
    return rc;
}

int api_listeners_check(struct api_listeners *listeners, size_t nth, struct error *err)
{
    return nth < listeners->socket_count ? http_listener_check(listeners->sockets[nth], err) : 0;
}

const struct tls_server_counters *api_listeners_tls(const struct api_listeners *listeners)
{
    return listeners->tls == NULL ? NULL : tls_server_counters(listeners->tls);
}

void api_listeners_free(struct api_listeners *listeners)
{
    if (listeners == NULL) {
        return;
    }
    for (size_t i = 0; i < listeners->count; i++) {
        free(listeners->policies[i].address);
        free(listeners->policies[i].machine);
        free(listeners->policies[i].proxy_header);
    }
    tls_server_free(listeners->tls);
    free(listeners);
}
