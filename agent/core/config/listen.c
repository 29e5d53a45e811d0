#include "outrider/core/config/listen.h"

#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"

#include <string.h>

int listen_read(const char *text, struct listen_place *ret_place)
{
    struct str rest = str_of(text);
    struct listen_place place = {.kind = LISTEN_TCP};
    if (str_starts(rest, STR("unix:"))) {
        place.kind = LISTEN_UNIX;
        place.path = text + 5;
        *ret_place = place;
        return 0;
    }
    if (str_starts(rest, STR("tls://"))) {
        place.kind = LISTEN_TLS;
        rest = (struct str){rest.data + 6, rest.size - 6};
    }
    place.address = rest;
    if (address_split(rest, &place.host, &place.port) < 0) {
        return -1;
    }
    *ret_place = place;
    return 0;
}

const char *listen_unix(const struct config *config, size_t nth)
{
    for (size_t i = 0; i < config->http.listen_count; i++) {
        struct listen_place place;
        if (listen_read(config->http.listen[i], &place) == 0 && place.kind == LISTEN_UNIX && nth-- == 0) {
            return place.path;
        }
    }
    return NULL;
}

bool listen_is_proxied(const struct config *config, const char *path)
{
    const char *named = config->http.proxy_socket;
    if (config->http.proxy_header == NULL) {
        return false;
    }
    return named != NULL ? strcmp(named, path) == 0 : listen_unix(config, 1) == NULL;
}

bool listen_is_beyond(const char *text)
{
    struct listen_place place;
    return listen_read(text, &place) == 0 && place.kind != LISTEN_UNIX && !address_is_loopback(place.host);
}

const char *listen_beyond(const struct config *config)
{
    for (size_t i = 0; i < config->http.listen_count; i++) {
        if (listen_is_beyond(config->http.listen[i])) {
            return config->http.listen[i];
        }
    }
    return NULL;
}

static const char *first_of(const struct config *config, enum listen_kind kind, bool proxied)
{
    for (size_t i = 0; i < config->http.listen_count; i++) {
        struct listen_place place;
        if (listen_read(config->http.listen[i], &place) == 0 && place.kind == kind &&
            (kind != LISTEN_UNIX || listen_is_proxied(config, place.path) == proxied)) {
            return config->http.listen[i];
        }
    }
    return NULL;
}

bool listen_has_tls(const struct config *config)
{
    return first_of(config, LISTEN_TLS, false) != NULL;
}

const char *listen_for_commands(const struct config *config)
{
    const char *found = first_of(config, LISTEN_UNIX, false);
    found = found != NULL ? found : first_of(config, LISTEN_TCP, false);
    found = found != NULL ? found : first_of(config, LISTEN_TLS, false);
    return found != NULL ? found : first_of(config, LISTEN_UNIX, true);
}
