/* Which way a request goes: by its scheme. */
#include "outrider/io/http/client/http_client.h"

#include "http_client_internal.h"
#include "http_plain_internal.h"
#include "http_secure_internal.h"
#include "http_url_internal.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

struct http_client *http_client_new(struct loop *loop, const struct http_tls *tls)
{
    struct http_client *client = mem_zalloc(sizeof(*client));
    client->loop = loop;
    client->plain = http_plain_new(loop);
    if (tls != NULL) {
        client->tls.ca_file = client->texts[0] = mem_strdup(tls->ca_file);
        client->tls.cert_file = client->texts[1] = mem_strdup(tls->cert_file);
        client->tls.key_file = client->texts[2] = mem_strdup(tls->key_file);
        client->tls.server_name = client->texts[3] = mem_strdup(tls->server_name);
    }
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client != NULL) {
        http_plain_free(client->plain);
        http_secure_free(client->secure);
        for (size_t i = 0; i < COUNT_OF(client->texts); i++) {
            free(client->texts[i]);
        }
        free(client);
    }
}

enum http_way http_client_way(struct http_client *client, const char *url, struct error *err)
{
    switch (http_url_scheme(url)) {
    case HTTP_SCHEME_PLAIN: return HTTP_WAY_PLAIN;
    case HTTP_SCHEME_SECURE: break;
    case HTTP_SCHEME_UNKNOWN:
        error_set(err, ERROR_INVALID, "malformed URL: it begins with neither http:// nor https://");
        return HTTP_WAY_NONE;
    }
    if (client->secure == NULL) {
        client->secure = http_secure_new(client->loop, &client->tls, err);
    }
    return client->secure != NULL ? HTTP_WAY_SECURE : HTTP_WAY_NONE;
}

struct http_request_handle *http_client_post(struct http_client *client, const struct http_call *call,
                                             http_result_fn *fn, void *user)
{
    struct error err;
    switch (http_client_way(client, call->url, &err)) {
    case HTTP_WAY_PLAIN: return http_plain_post(client->plain, call, fn, user);
    case HTTP_WAY_SECURE: return http_secure_post(client->secure, call, fn, user);
    case HTTP_WAY_NONE: break;
    }
    return http_plain_refuse(client->plain, err.text, fn, user);
}

void http_request_cancel(struct http_request_handle *request)
{
    if (request != NULL && request->secure) {
        http_secure_cancel(request);
    } else if (request != NULL) {
        http_plain_cancel(request);
    }
}

size_t http_client_in_flight(const struct http_client *client)
{
    return http_plain_in_flight(client->plain) +
           (client->secure != NULL ? http_secure_in_flight(client->secure) : 0);
}
