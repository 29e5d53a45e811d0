/* One call: a slot with an easy handle, taken from a short free list because most of what an easy handle
 * costs is making it. http_secure_post hands it to http_multi, which lets libcurl run at once, so that a
 * request on a kept connection is on the wire when the function returns. From then on
 *
 *   socket or timer event -> libcurl -> collect() moves ended slots to `done` -> deliver() calls back.
 *
 * What ends within http_secure_post itself is delivered from a deferred call. Callbacks run only in
 * deliver(), with no libcurl function on the stack, and so may start and cancel calls. */
#include "http_secure_private.h"

#include "http_curl_private.h"
#include "http_multi_private.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop.h"

#include <stdlib.h>
#include <sys/socket.h>

enum { SLOTS_KEPT = 4, BUFFER_KEPT = 16384 };

enum slot_state { SLOT_FREE, SLOT_RUNNING, SLOT_DONE, SLOT_CANCELLED };

struct slot {
    struct http_request_handle handle; /* first: what the caller holds */
    struct slot *next, *prev;          /* in `calls`, or next in `spare` */
    struct slot *next_done;
    struct http_secure *client;
    CURL *easy;
    struct curl_slist *headers;
    char *url;
    struct buf body, response;
    size_t max_response;
    http_result_fn *fn;
    void *user;
    enum slot_state state;
    bool too_large;
    CURLcode code;
    char error_text[CURL_ERROR_SIZE];
};

struct http_secure {
    struct loop *loop;
    struct http_multi multi;
    struct deferred late;
    struct slot *calls, *spare;
    struct slot *done, *last_done;
    size_t spare_count, in_flight;
    bool delivering;
};

static size_t received(char *data, size_t size, size_t count, void *user)
{
    struct slot *slot = user;
    size_t bytes = size * count;
    if (bytes > slot->max_response - slot->response.size) {
        slot->too_large = true;
        return 0;
    }
    buf_add(&slot->response, data, bytes);
    return bytes;
}

static struct slot *slot_new(struct http_secure *client)
{
    struct slot *slot = mem_zalloc(sizeof(*slot));
    slot->handle.secure = true;
    slot->client = client;
    slot->easy = http_curl_new(slot->error_text);
    curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(slot->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, received);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
    http_multi_adopt(&client->multi, slot->easy);
    return slot;
}

static void slot_free(struct slot *slot)
{
    curl_easy_cleanup(slot->easy);
    curl_slist_free_all(slot->headers);
    free(slot->url);
    buf_fini(&slot->body);
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
    slot->state = SLOT_RUNNING;
    slot->too_large = false;
    return slot;
}

static void reuse(struct buf *buf)
{
    if (buf->capacity > BUFFER_KEPT) {
        buf_fini(buf);
    } else {
        buf_clear(buf);
    }
}

/* Out of `calls`: the handle means nothing to the caller from here on. */
static void slot_unlink(struct slot *slot)
{
    struct http_secure *client = slot->client;
    if (slot->prev != NULL) {
        slot->prev->next = slot->next;
    } else {
        client->calls = slot->next;
    }
    if (slot->next != NULL) {
        slot->next->prev = slot->prev;
    }
    client->in_flight--;
    slot->state = SLOT_FREE;
}

static void slot_release(struct slot *slot)
{
    struct http_secure *client = slot->client;
    if (slot->body.size > 0) {
        mem_wipe(slot->body.data, slot->body.size); /* a login's password */
    }
    if (client->spare_count >= SLOTS_KEPT) {
        slot_free(slot);
        return;
    }
    reuse(&slot->body);
    reuse(&slot->response);
    slot->next = client->spare;
    client->spare = slot;
    client->spare_count++;
}

/* Over HTTP/2 libcurl keeps the connection of a call that failed or timed out. We do not trust it any more:
 * shut down, it is found dead before it is reused. */
static void distrust_connection(struct slot *slot)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(slot->easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK && fd != CURL_SOCKET_BAD) {
        shutdown(fd, SHUT_RDWR);
    }
}

static void collect(struct http_secure *client)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi.curl, &left)) != NULL;) {
        struct slot *slot = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
        slot->code = message->data.result;
        curl_multi_remove_handle(client->multi.curl, slot->easy);
        if (slot->code != CURLE_OK) {
            distrust_connection(slot);
        }
        slot->state = SLOT_DONE;
        slot->next_done = NULL;
        if (client->done == NULL) {
            client->done = slot;
        } else {
            client->last_done->next_done = slot;
        }
        client->last_done = slot;
    }
}

static void call_back(struct slot *slot)
{
    long status = 0;
    curl_off_t elapsed_us = 0;
    char *content_type = NULL;
    struct buf text = {0};
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(slot->easy, CURLINFO_TOTAL_TIME_T, &elapsed_us);
    curl_easy_getinfo(slot->easy, CURLINFO_CONTENT_TYPE, &content_type);
    struct http_result result = {
        .transport = http_curl_transport(slot->easy, slot->code, slot->too_large),
        .sent = http_curl_sent(slot->easy),
        .status = (int)status,
        .content_type = str_of(content_type),
        .body = {buf_text(&slot->response), slot->response.size},
        .elapsed_us = elapsed_us,
    };
    if (result.transport != HTTP_TRANSPORT_OK) {
        http_curl_describe(&text, slot->url, result.transport, slot->code, slot->error_text);
    }
    result.text = buf_text(&text);
    slot->fn(&result, slot->user);
    buf_fini(&text);
}

static void deliver(void *user)
{
    struct http_secure *client = user;
    if (client->delivering) {
        return;
    }
    client->delivering = true;
    while (client->done != NULL) {
        struct slot *slot = client->done;
        client->done = slot->next_done;
        bool cancelled = slot->state == SLOT_CANCELLED;
        slot_unlink(slot);
        if (!cancelled) {
            call_back(slot);
        }
        slot_release(slot);
    }
    client->delivering = false;
}

static void ran(void *user)
{
    collect(user);
    deliver(user);
}

static void slot_fill(struct slot *slot, const struct http_call *call)
{
    if (slot->url == NULL || strcmp(slot->url, call->url) != 0) {
        free(slot->url);
        slot->url = mem_strdup(call->url);
        curl_easy_setopt(slot->easy, CURLOPT_URL, slot->url);
    }
    if (!http_curl_same_headers(slot->headers, call->headers)) {
        struct curl_slist *headers = http_curl_headers(call->headers);
        curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, headers);
        curl_slist_free_all(slot->headers);
        slot->headers = headers;
    }
    buf_str(&slot->body, call->body);
    slot->max_response = call->max_response;
    slot->error_text[0] = '\0';
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, buf_text(&slot->body));
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->body.size);
    curl_easy_setopt(slot->easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(slot->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->connect_timeout_ms);
}

struct http_request_handle *http_secure_post(struct http_secure *client, const struct http_call *call,
                                             http_result_fn *fn, void *user)
{
    struct slot *slot = slot_take(client);
    slot->fn = fn;
    slot->user = user;
    slot_fill(slot, call);
    http_multi_start(&client->multi, slot->easy);
    collect(client);
    if (client->done != NULL && !client->delivering) {
        loop_defer(client->loop, &client->late);
    }
    return &slot->handle;
}

void http_secure_cancel(struct http_request_handle *handle)
{
    struct slot *request = (struct slot *)handle;
    if (request->state == SLOT_DONE) {
        request->state = SLOT_CANCELLED;
    } else if (request->state == SLOT_RUNNING) {
        curl_multi_remove_handle(request->client->multi.curl, request->easy);
        slot_unlink(request);
        slot_release(request);
    }
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
    (void)tls;
    client->late.fn = deliver;
    client->late.user = client;
    http_multi_init(&client->multi, loop, ran, client);
    return client;
}

void http_secure_free(struct http_secure *client)
{
    if (client == NULL) {
        return;
    }
    while (client->calls != NULL) {
        struct slot *slot = client->calls;
        if (slot->state == SLOT_RUNNING) {
            curl_multi_remove_handle(client->multi.curl, slot->easy);
        }
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
