/* What http_client.c (calls) and http_stream.c share: which way a request goes. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_CLIENT_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_CLIENT_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/io/http/client/http_client.h"

struct error;
struct http_plain;
struct http_secure;

struct http_client {
    struct loop *loop;
    struct http_plain *plain;
    struct http_secure *secure; /* made by the first https:// request */
    struct http_tls tls;        /* views of `texts` */
    char *texts[4];
};

enum http_way { HTTP_WAY_PLAIN, HTTP_WAY_SECURE, HTTP_WAY_NONE };

/* By the scheme of `url`. HTTP_WAY_NONE, with the words in `err`: neither http nor https, or a libcurl that
 * cannot be initialised. With HTTP_WAY_SECURE `client->secure` is there. */
enum http_way http_client_way(struct http_client *client, const char *url, struct error *err) MUST_CHECK;

#endif
