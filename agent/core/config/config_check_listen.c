/* What config_check() says of the places of http.listen together, and of what belongs to some of them. */
#include "settings_internal.h"

#include "outrider/base/attr.h"
#include "outrider/base/brief.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/config_check.h"
#include "outrider/core/config/listen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void PRINTF_LIKE(3, 4)
    report(const struct config_check *check, const char *path, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    brief_vformat(text, sizeof(text), format, args);
    va_end(args);
    check->report(path, text, check->user);
}

/* A port is one port, with TLS or without. */
static void check_ports(const struct config *config, const struct config_check *check)
{
    char *const *listen = config->http.listen;
    for (size_t i = 0; i < config->http.listen_count; i++) {
        struct listen_place place, other;
        for (size_t j = 0; j < i; j++) {
            if (listen_read(listen[i], &place) == 0 && listen_read(listen[j], &other) == 0 &&
                place.kind != LISTEN_UNIX && str_eq(place.address, other.address)) {
                report(check, "http.listen", "%s and %s are the same port: give each its own", listen[j],
                       listen[i]);
            }
        }
    }
}

void config_check_listen_paths(const struct config *config, const struct config_check *check)
{
    const char *const status[] = {config->status.socket, config->status.notify_socket}, *path;
    for (size_t i = 0; (path = listen_unix(config, i)) != NULL; i++) {
        for (size_t j = 0; j < COUNT_OF(status); j++) {
            if (status[j] != NULL && strcmp(status[j], path) == 0) {
                report(check, "http.listen", "%s is the path of a status socket: each needs its own", path);
            }
        }
    }
}

static void check_tls(const struct config *config, const struct config_check *check)
{
    const char *cert = config->http.tls.cert_file, *key = config->http.tls.key_file;
    bool has = listen_has_tls(config),
         set = cert != NULL || key != NULL || config->http.tls.client_ca_file != NULL;
    if (has && cert == NULL) {
        report(check, "http.tls.cert_file", "required: http.listen has tls://, which shows a certificate");
    }
    if (has && key == NULL) {
        report(check, "http.tls.key_file", "required: http.listen has tls://, whose certificate has a key");
    }
    if (!has && set) {
        report(check, "http.tls", "has no effect, because nothing in http.listen is tls://HOST:PORT");
    }
}

static void check_proxy(const struct config *config, const struct config_check *check)
{
    const char *named = config->http.proxy_socket, *path;
    bool found = named == NULL;
    if (config->http.proxy_header == NULL) {
        if (named != NULL) {
            report(check, "http.proxy_socket", "has no effect without http.proxy_header");
        }
        return;
    }
    for (size_t i = 0; (path = listen_unix(config, i)) != NULL; i++) {
        found = found || strcmp(path, named) == 0;
    }
    if (config->http.access_file == NULL) {
        report(check, "http.proxy_header", "needs http.access_file: the roles of the names in it");
    }
    if (listen_unix(config, 0) == NULL) {
        report(check, "http.proxy_header",
               "is believed on a unix socket alone: add unix:/PATH to http.listen, and give the proxy that");
    } else if (!found) {
        report(check, "http.proxy_socket", "%s is not in http.listen: add unix:%s", named, named);
    } else if (named == NULL && listen_unix(config, 1) != NULL) {
        report(check, "http.proxy_socket",
               "required: http.listen has more than one unix socket, and one of them is the proxy's");
    }
}

void config_check_listen(const struct config *config, const struct config_check *check)
{
    check_ports(config, check);
    check_tls(config, check);
    check_proxy(config, check);
}
