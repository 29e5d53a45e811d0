/* A call is a slot with an easy handle, taken from a short list of spare ones since most of the cost of an easy
 * handle is making it. libcurl runs at once, so that a request on a kept connection is on the wire when
 * http_client_send returns. */
#include "http_client_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/http/client/http_stream.h"

#include <stdlib.h>
#include <utlist.h>

static void call_free(struct http_request_handle *call)
{
    http_transfer_fini(&call->transfer);
    free(call);
}

static void deliver_call(struct http_transfer *transfer);

/* The spare slot that had this URL last, else any: setting a URL costs more than the rest of a request. */
static struct http_request_handle *call_take(struct http_client *client, const struct http_call *wanted)
{
    struct http_request_handle *call = NULL, *each;
    const struct http_tls *tls = wanted->tls == NULL ? &client->tls.view : wanted->tls;
    for (each = client->spare; each != NULL; each = each->next) {
        bool same_url = strcmp(each->transfer.url, wanted->url) == 0;
        if ((same_url || (call == NULL && !client->by_url)) && http_tls_equal(each->transfer.curl.tls, tls)) {
            call = each;
        }
    }
    if (call == NULL) {
        call = mem_zalloc(sizeof(*call));
        http_transfer_init(&call->transfer, client, wanted->tls, deliver_call);
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
    if (call->transfer.secret) {
        call_free(call);
        return;
    }
    http_transfer_clear(&call->transfer);
    DL_PREPEND(client->spare, call);
    DL_COUNT(client->spare, each, spare);
    if (spare > client->kept) {
        struct http_request_handle *oldest = client->spare->prev;
        DL_DELETE(client->spare, oldest);
        call_free(oldest);
    }
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

struct http_request_handle *http_client_send(struct http_client *client, const struct http_call *call,
                                             http_result_fn *fn, void *user)
{
    struct http_request_handle *handle = call_take(client, call);
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

struct http_client *http_client_new(struct loop *loop, struct resolver *resolver, const struct http_tls *tls)
{
    http_curl_global_init();
    struct http_client *client = mem_zalloc(sizeof(*client));
    client->loop = loop;
    client->resolver = resolver;
    client->late = (struct deferred){.fn = http_transfers_deliver, .user = client};
    client->kept = HTTP_CONNECTIONS_KEPT;
    http_tls_copy(&client->tls, tls);
    http_multi_init(client);
    return client;
}

void http_client_keep(struct http_client *client, size_t count)
{
    client->kept = count;
    client->by_url = true;
    http_streams_counted(client);
}

void http_client_relay(struct http_client *client)
{
    client->is_relayed = true;
}

bool http_client_has_http2(void)
{
    return (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2) != 0;
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
    http_relay_fini(client);
    deferred_cancel(&client->late);
    http_tls_copy_fini(&client->tls);
    free(client);
    curl_global_cleanup();
}
