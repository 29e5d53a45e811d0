/* An http:// URL taken apart, and the request that is made of it. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_URL_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_URL_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct http_call;

enum { HTTP_URL_HOST_MAX = 255 };

enum http_scheme { HTTP_SCHEME_PLAIN, HTTP_SCHEME_SECURE, HTTP_SCHEME_UNKNOWN };

/* Views of the URL's text. */
struct http_url {
    struct str authority; /* host[:port] as written, without user and password: for Host and for persons */
    struct str host;      /* without the brackets of an IPv6 address */
    uint16_t port;
    struct str target; /* path and query as written, maybe empty or without the first '/' */
};

/* http, https or neither, whatever else is wrong with it. */
enum http_scheme http_url_scheme(const char *url);

/* Takes an http:// URL apart. Returns 0, or -1 with ERROR_INVALID: the text says what is wrong and repeats
 * nothing of the URL, which may hold a password. */
int http_url_parse(const char *url, struct error *err, struct http_url *ret_url) MUST_CHECK;

/* Appends the URL without user, password and fragment. */
void http_url_show(const struct http_url *url, struct buf *text);

/* Makes `request` the bytes of the POST: head, then the body of `call`, in memory taken at once, so that no
 * copy of a secret is left behind by growing. `close`: with "Connection: close". Returns 0, or -1 with
 * ERROR_INVALID when a header of the call holds a line break. */
int http_url_request(const struct http_url *url, const struct http_call *call, bool close, struct error *err,
                     struct buf *request) MUST_CHECK;

#endif
