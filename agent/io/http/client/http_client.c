/* A call is a slot with an easy handle, taken from a short list of spare ones since most of the cost of an easy
 * handle is making it. libcurl runs at once, so that a request on a kept connection is on the wire when
 * http_client_post returns. */
#include "http_client_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/http/client/http_stream.h"

#include <stdlib.h>
#include <utlist.h>

enum { SPARE_MAX = 4 };

static void call_free(struct http_request_handle *call)
{
    http_transfer_fini(&call->transfer);
    free(call);
}

static void deliver_call(struct http_transfer *transfer);

/* The spare slot that had this URL last, else any: setting a URL costs more than the rest of a request. */
static struct http_request_handle *call_take(struct http_client *client, const char *url)
{
    struct http_request_handle *call = client->spare, *each;
    for (each = client->spare; each != NULL; each = each->next) {
        call = strcmp(each->transfer.url, url) == 0 ? each : call;
    }
    if (call == NULL) {
        call = mem_zalloc(sizeof(*call));
        http_transfer_init(&call->transfer, client, deliver_call);
    } else {
        DL_DELETE(client->spare, call);
    }
    DL_APPEND(client->calls, call);
    return call;
}

/* An easy handle keeps in buffers of its own what it sent last, and the options set for a secret: after a
 * secret it is not kept. */
static void call_release(struct http_request_handle *call)
{
    struct http_client *client = call->transfer.client;
    struct http_request_handle *each;
    size_t spare = 0;
    DL_COUNT(client->spare, each, spare);
    if (spare >= SPARE_MAX || call->transfer.secret) {
        call_free(call);
        return;
    }
    http_transfer_clear(&call->transfer);
    DL_PREPEND(client->spare, call);
}

static void deliver_call(struct http_transfer *transfer)
{
    struct http_request_handle *call = (struct http_request_handle *)transfer;
    struct buf text = {0};
    DL_DELETE(transfer->client->calls, call); /* from here on the handle means nothing to the caller */
    struct http_result result = http_transfer_result(transfer, &text);
    result.body = (struct str){buf_text(&transfer->curl.body), transfer->curl.body.size};
    call->fn(&result, call->user);
    buf_fini(&text);
    call_release(call);
}

/* A kept connection keeps its buffers. A login costs the server far more than the handshake does. */
static void use_own_connection(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

struct http_request_handle *http_client_post(struct http_client *client, const struct http_call *call,
                                             http_result_fn *fn, void *user)
{
    struct http_request_handle *handle = call_take(client, call->url);
    handle->fn = fn;
    handle->user = user;
    if (call->secret) {
        use_own_connection(handle->transfer.curl.easy);
    }
    http_transfer_start(&handle->transfer, call, NULL, call->timeout_ms);
    return handle;
}

void http_request_cancel(struct http_request_handle *call)
{
    if (call != NULL) {
        http_transfer_stop(&call->transfer);
        DL_DELETE(call->transfer.client->calls, call);
        call_release(call);
    }
}

static void copy_tls(struct http_client *client, const struct http_tls *tls)
{
    client->tls.ca_file = client->texts[0] = mem_strdup(tls->ca_file);
    client->tls.cert_file = client->texts[1] = mem_strdup(tls->cert_file);
    client->tls.key_file = client->texts[2] = mem_strdup(tls->key_file);
    client->tls.server_name = client->texts[3] = mem_strdup(tls->server_name);
}

struct http_client *http_client_new(struct loop *loop, struct resolver *resolver, const struct http_tls *tls)
{
    http_curl_global_init();
    struct http_client *client = mem_zalloc(sizeof(*client));
    client->loop = loop;
    client->resolver = resolver;
    client->late = (struct deferred){.fn = http_transfers_deliver, .user = client};
    if (tls != NULL) {
        copy_tls(client, tls);
    }
    http_multi_init(client);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL) {
        return;
    }
    while (client->streams != NULL) {
        http_stream_close(client->streams);
    }
    DL_CONCAT(client->calls, client->spare);
    while (client->calls != NULL) {
        struct http_request_handle *call = client->calls;
        DL_DELETE(client->calls, call);
        call_free(call);
    }
    http_multi_fini(client);
    deferred_cancel(&client->late);
    for (size_t i = 0; i < COUNT_OF(client->texts); i++) {
        free(client->texts[i]);
    }
    free(client);
    curl_global_cleanup();
}
