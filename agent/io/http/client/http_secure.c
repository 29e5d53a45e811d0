/* One call: a slot with an easy handle, taken from a short free list because most of what an easy handle
 * costs is making it. http_secure_post hands it to http_multi, which lets libcurl run at once, so that a
 * request on a kept connection is on the wire when the function returns. */
#include "http_secure_internal.h"

#include "http_curl_internal.h"
#include "http_transfer_internal.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

enum { SLOTS_KEPT = 4, RESPONSE_KEPT = 16384 };

struct slot {
    struct http_request_handle handle; /* first: what the caller holds */
    struct http_transfer transfer;
    struct slot *next, *prev; /* in `calls`, or next in `spare` */
    struct buf response;
    size_t max_response;
    http_result_fn *fn;
    void *user;
};

static struct slot *slot_of(struct http_transfer *transfer)
{
    return (struct slot *)((char *)transfer - offsetof(struct slot, transfer));
}

static size_t received(char *data, size_t size, size_t count, void *user)
{
    struct slot *slot = user;
    size_t bytes = size * count;
    if (bytes > slot->max_response - slot->response.size) {
        slot->transfer.too_large = true;
        return 0;
    }
    buf_add(&slot->response, data, bytes);
    return bytes;
}

static void deliver_call(struct http_transfer *transfer);

static struct slot *slot_new(struct http_secure *client)
{
    struct slot *slot = mem_zalloc(sizeof(*slot));
    slot->handle.secure = true;
    http_transfer_init(&slot->transfer, client, deliver_call);
    curl_easy_setopt(slot->transfer.easy, CURLOPT_WRITEFUNCTION, received);
    curl_easy_setopt(slot->transfer.easy, CURLOPT_WRITEDATA, slot);
    return slot;
}

static void slot_free(struct slot *slot)
{
    if (slot->transfer.secret && slot->response.size > 0) {
        mem_wipe(slot->response.data, slot->response.size);
    }
    http_transfer_fini(&slot->transfer);
    buf_fini(&slot->response);
    free(slot);
}

static struct slot *slot_take(struct http_secure *client)
{
    struct slot *slot = client->spare;
    if (slot == NULL) {
        slot = slot_new(client);
    } else {
        client->spare = slot->next;
        client->spare_count--;
    }
    slot->prev = NULL;
    slot->next = client->calls;
    if (slot->next != NULL) {
        slot->next->prev = slot;
    }
    client->calls = slot;
    client->in_flight++;
    return slot;
}

/* Out of `calls`: the handle means nothing to the caller from here on. */
static void slot_unlink(struct slot *slot)
{
    struct http_secure *client = slot->transfer.client;
    if (slot->prev != NULL) {
        slot->prev->next = slot->next;
    } else {
        client->calls = slot->next;
    }
    if (slot->next != NULL) {
        slot->next->prev = slot->prev;
    }
    client->in_flight--;
}

/* An easy handle keeps what it sent last in buffers of its own: after a secret it is not kept, nor are the
 * options that a secret needs. */
static void slot_release(struct slot *slot)
{
    struct http_secure *client = slot->transfer.client;
    if (client->spare_count >= SLOTS_KEPT || slot->transfer.secret) {
        slot_free(slot);
        return;
    }
    http_transfer_clear(&slot->transfer);
    if (slot->response.capacity > RESPONSE_KEPT) {
        buf_fini(&slot->response);
    }
    buf_clear(&slot->response);
    slot->next = client->spare;
    client->spare = slot;
    client->spare_count++;
}

static void deliver_call(struct http_transfer *transfer)
{
    struct slot *slot = slot_of(transfer);
    struct buf text = {0};
    slot_unlink(slot);
    struct http_result result = http_transfer_result(transfer, &text);
    result.body = (struct str){buf_text(&slot->response), slot->response.size};
    slot->fn(&result, slot->user);
    buf_fini(&text);
    slot_release(slot);
}

/* A secret travels alone: nghttp2 frees its copies unwiped, and a kept connection keeps its buffers. A login
 * costs the server far more than a handshake does. */
static void use_own_connection(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

struct http_request_handle *http_secure_post(struct http_secure *client, const struct http_call *call,
                                             http_result_fn *fn, void *user)
{
    struct slot *slot = slot_take(client);
    slot->fn = fn;
    slot->user = user;
    slot->max_response = call->max_response;
    http_transfer_fill(&slot->transfer, call, NULL);
    curl_easy_setopt(slot->transfer.easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    if (call->secret) {
        use_own_connection(slot->transfer.easy);
    }
    http_transfer_start(&slot->transfer);
    return &slot->handle;
}

void http_secure_cancel(struct http_request_handle *handle)
{
    struct slot *slot = (struct slot *)handle;
    http_transfer_stop(&slot->transfer);
    slot_unlink(slot);
    slot_release(slot);
}

size_t http_secure_in_flight(const struct http_secure *client)
{
    return client->in_flight;
}

struct http_secure *http_secure_new(struct loop *loop, const struct http_tls *tls, struct error *err)
{
    if (http_curl_init(err) < 0) {
        return NULL;
    }
    struct http_secure *client = mem_zalloc(sizeof(*client));
    client->loop = loop;
    client->tls = tls;
    client->ready_end = &client->ready;
    client->late.fn = http_transfers_deliver;
    client->late.user = client;
    http_multi_init(&client->multi, loop, http_transfers_ran, client);
    return client;
}

void http_secure_free(struct http_secure *client)
{
    if (client == NULL) {
        return;
    }
    http_secure_streams_free(client);
    while (client->calls != NULL) {
        struct slot *slot = client->calls;
        slot_unlink(slot);
        slot_free(slot);
    }
    while (client->spare != NULL) {
        struct slot *slot = client->spare;
        client->spare = slot->next;
        slot_free(slot);
    }
    http_multi_fini(&client->multi);
    deferred_cancel(&client->late);
    free(client);
    curl_global_cleanup();
}
