/* The places of http.listen, as text; nothing is looked up. */
#ifndef OUTRIDER_CORE_CONFIG_LISTEN_H
#define OUTRIDER_CORE_CONFIG_LISTEN_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct config;

enum listen_kind { LISTEN_TCP, LISTEN_TLS, LISTEN_UNIX };

struct listen_place {
    enum listen_kind kind;
    struct str address; /* TCP and TLS: HOST:PORT or [V6]:PORT */
    struct str host;    /* of it, without brackets */
    uint16_t port;      /* of it */
    const char *path;   /* unix: the socket */
};

/* Reads HOST:PORT, [V6]:PORT, tls:// before either, or unix:PATH; the result is borrowed from `text`. Returns 0, or -1. */
int listen_read(const char *text, struct listen_place *ret_place) MUST_CHECK;

/* The path of the unix socket of http.listen that is `nth` among them, from 0; NULL: there is none. Borrowed. */
const char *listen_unix(const struct config *config, size_t nth);

/* Whether the socket at `path` is that of the proxy of http.proxy_header. */
bool listen_is_proxied(const struct config *config, const char *path);

/* Whether other machines can reach the place. */
bool listen_is_beyond(const char *text);

/* The first place that other machines can reach; NULL: there is none. Borrowed. */
const char *listen_beyond(const struct config *config);

/* Whether one of them is TLS. */
bool listen_has_tls(const struct config *config);

/* The place for commands on this machine: a unix socket without a proxy, else plain TCP, else TLS; NULL: http.listen is off.
 * Borrowed. */
const char *listen_for_commands(const struct config *config);

#endif
