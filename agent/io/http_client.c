/* Which way a request goes: by its scheme. */
#include "outrider/io/http_client.h"

#include "http_secure_private.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

struct http_client {
    struct loop *loop;
    struct http_secure *secure;
    struct http_tls tls;
};

struct http_client *http_client_new(struct loop *loop, const struct http_tls *tls)
{
    struct http_client *client = mem_zalloc(sizeof(*client));
    client->loop = loop;
    if (tls != NULL) {
        client->tls = *tls;
    }
    struct error err;
    client->secure = http_secure_new(loop, &client->tls, &err);
    if (client->secure == NULL) {
        abort();
    }
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client != NULL) {
        http_secure_free(client->secure);
        free(client);
    }
}

struct http_request_handle *http_client_post(struct http_client *client, const struct http_call *call,
                                             http_result_fn *fn, void *user)
{
    return http_secure_post(client->secure, call, fn, user);
}

void http_request_cancel(struct http_request_handle *request)
{
    if (request != NULL) {
        http_secure_cancel(request);
    }
}

size_t http_client_in_flight(const struct http_client *client)
{
    return http_secure_in_flight(client->secure);
}
