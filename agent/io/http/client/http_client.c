/* A call is a slot with an easy handle, taken from a short list of spare ones since most of the cost of an easy
 * handle is making it. libcurl runs at once, so that a request on a kept connection is on the wire when
 * http_client_post returns. */
#include "http_client_internal.h"

#include "http_curl_internal.h"
#include "http_transfer_internal.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

enum { SPARE_MAX = 4, RESPONSE_KEPT = 16384 };

struct http_request_handle {
    struct http_transfer transfer;
    struct http_request_handle *next; /* in `calls` or `spare` */
    struct buf response;
    size_t max_response;
    http_result_fn *fn;
    void *user;
};

static struct http_request_handle *call_of(struct http_transfer *transfer)
{
    return (struct http_request_handle *)((char *)transfer - offsetof(struct http_request_handle, transfer));
}

static size_t on_head(char *data, size_t size, size_t count, void *user)
{
    struct http_request_handle *call = user;
    return http_curl_head_line(&call->transfer.head, call->transfer.easy, data, size * count) ? size * count
                                                                                              : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct http_request_handle *call = user;
    size_t bytes = size * count;
    if (bytes > call->max_response - call->response.size) {
        call->transfer.too_large = true;
        return 0;
    }
    buf_add(&call->response, data, bytes);
    return bytes;
}

static void deliver_call(struct http_transfer *transfer);

static struct http_request_handle *call_new(struct http_client *client)
{
    struct http_request_handle *call = mem_zalloc(sizeof(*call));
    http_transfer_init(&call->transfer, client, deliver_call);
    curl_easy_setopt(call->transfer.easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(call->transfer.easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(call->transfer.easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(call->transfer.easy, CURLOPT_WRITEDATA, call);
    return call;
}

static void call_free(struct http_request_handle *call)
{
    if (call->transfer.secret && call->response.size > 0) {
        mem_wipe(call->response.data, call->response.size);
    }
    http_transfer_fini(&call->transfer);
    buf_fini(&call->response);
    free(call);
}

/* The spare slot that had this URL last, else any: setting a URL costs more than the rest of a request. */
static struct http_request_handle *spare_take(struct http_client *client, const char *url)
{
    struct http_request_handle **found = &client->spare;
    for (struct http_request_handle **at = &client->spare; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->transfer.url, url) == 0) {
            found = at;
            break;
        }
    }
    struct http_request_handle *call = *found;
    if (call != NULL) {
        *found = call->next;
        client->spare_count--;
    }
    return call;
}

static struct http_request_handle *call_take(struct http_client *client, const char *url)
{
    struct http_request_handle *call = spare_take(client, url);
    if (call == NULL) {
        call = call_new(client);
    }
    call->next = client->calls;
    client->calls = call;
    client->in_flight++;
    return call;
}

/* From here on the handle means nothing to the caller. */
static void call_unlink(struct http_request_handle *call)
{
    struct http_client *client = call->transfer.client;
    struct http_request_handle **at = &client->calls;
    while (*at != call) {
        at = &(*at)->next;
    }
    *at = call->next;
    client->in_flight--;
}

/* An easy handle keeps in buffers of its own what it sent last, and the options set for a secret: after a
 * secret it is not kept. */
static void call_release(struct http_request_handle *call)
{
    struct http_client *client = call->transfer.client;
    if (client->spare_count >= SPARE_MAX || call->transfer.secret) {
        call_free(call);
        return;
    }
    http_transfer_clear(&call->transfer);
    if (call->response.capacity > RESPONSE_KEPT) {
        buf_fini(&call->response);
    }
    buf_clear(&call->response);
    call->next = client->spare;
    client->spare = call;
    client->spare_count++;
}

static void deliver_call(struct http_transfer *transfer)
{
    struct http_request_handle *call = call_of(transfer);
    struct buf text = {0};
    call_unlink(call);
    struct http_result result = http_transfer_result(transfer, &text);
    result.body = (struct str){buf_text(&call->response), call->response.size};
    call->fn(&result, call->user);
    buf_fini(&text);
    call_release(call);
}

/* A kept connection keeps its buffers, and nghttp2 frees its copies unwiped. A login costs the server far more
 * than the handshake does. */
static void use_own_connection(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

struct http_request_handle *http_client_post(struct http_client *client, const struct http_call *call,
                                             http_result_fn *fn, void *user)
{
    struct http_request_handle *handle = call_take(client, call->url);
    handle->fn = fn;
    handle->user = user;
    handle->max_response = call->max_response;
    http_transfer_fill(&handle->transfer, call, NULL, call->timeout_ms);
    if (call->secret) {
        use_own_connection(handle->transfer.easy);
    }
    http_transfer_start(&handle->transfer);
    return handle;
}

void http_request_cancel(struct http_request_handle *call)
{
    if (call != NULL) {
        http_transfer_stop(&call->transfer);
        call_unlink(call);
        call_release(call);
    }
}

size_t http_client_in_flight(const struct http_client *client)
{
    return client->in_flight;
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
    http_curl_init();
    struct http_client *client = mem_zalloc(sizeof(*client));
    client->loop = loop;
    client->resolver = resolver;
    client->ready_end = &client->ready;
    client->late = (struct deferred){.fn = http_transfers_deliver, .user = client};
    if (tls != NULL) {
        copy_tls(client, tls);
    }
    http_multi_init(&client->multi, loop, http_transfers_ran, client);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL) {
        return;
    }
    http_streams_free(client);
    while (client->calls != NULL) {
        struct http_request_handle *call = client->calls;
        call_unlink(call);
        call_free(call);
    }
    while (client->spare != NULL) {
        struct http_request_handle *call = client->spare;
        client->spare = call->next;
        call_free(call);
    }
    http_multi_fini(&client->multi);
    deferred_cancel(&client->late);
    for (size_t i = 0; i < COUNT_OF(client->texts); i++) {
        free(client->texts[i]);
    }
    free(client);
    curl_global_cleanup();
}
