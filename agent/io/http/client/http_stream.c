/* A stream is a transfer of its own on a connection of its own. Bytes are kept from libcurl's callback to the
 * delivery, since handlers may close streams and start calls: at most what libcurl reads in one run. */
#include "outrider/io/http/client/http_stream.h"

#include "http_client_internal.h"
#include "http_transfer_internal.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"

#include <stdlib.h>
#include <string.h>

enum { PENDING_KEPT = 16384 };

struct http_stream {
    struct http_transfer transfer;
    struct http_stream *next;
    struct http_stream_handler handler;
    void *user;
    struct timer *head_timer; /* NULL: no limit */
    struct buf pending;
    bool head_delivered;
    bool delivering;
    bool closed; /* by the handler, from within its own callback */
};

static struct http_stream *stream_of(struct http_transfer *transfer)
{
    return (struct http_stream *)((char *)transfer - offsetof(struct http_stream, transfer));
}

static size_t on_head(char *data, size_t size, size_t count, void *user)
{
    struct http_stream *stream = user;
    if (!http_curl_head_line(&stream->transfer.head, stream->transfer.easy, data, size * count)) {
        return 0;
    }
    if (stream->transfer.head.status != 0 && !stream->head_delivered) {
        timer_free(stream->head_timer);
        stream->head_timer = NULL;
        http_transfer_ready(&stream->transfer);
    }
    return size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct http_stream *stream = user;
    buf_add(&stream->pending, data, size * count);
    http_transfer_ready(&stream->transfer);
    return size * count;
}

static void stream_unlink(struct http_stream *stream)
{
    struct http_client *client = stream->transfer.client;
    struct http_stream **at = &client->streams;
    while (*at != stream) {
        at = &(*at)->next;
    }
    *at = stream->next;
    http_multi_set_streams(&client->multi, --client->stream_count);
}

static void stream_free(struct http_stream *stream)
{
    if (stream->transfer.secret && stream->pending.size > 0) {
        mem_wipe(stream->pending.data, stream->pending.size);
    }
    http_transfer_fini(&stream->transfer);
    stream_unlink(stream);
    timer_free(stream->head_timer);
    buf_fini(&stream->pending);
    free(stream);
}

/* A handler that starts a call makes libcurl run, which may add to `pending` meanwhile. */
static void deliver_data(struct http_stream *stream)
{
    struct buf bytes = stream->pending;
    stream->pending = (struct buf){0};
    stream->handler.data(buf_view(&bytes), stream->user);
    if (bytes.capacity > PENDING_KEPT || stream->pending.size > 0) {
        buf_fini(&bytes);
        return;
    }
    buf_clear(&bytes);
    stream->pending = bytes;
}

static void deliver_end(struct http_stream *stream)
{
    struct buf text = {0};
    struct http_result result = http_transfer_result(&stream->transfer, &text);
    stream->closed = true;
    stream->handler.end(&result, stream->user);
    buf_fini(&text);
}

static void deliver_stream(struct http_transfer *transfer)
{
    struct http_stream *stream = stream_of(transfer);
    stream->delivering = true;
    if (transfer->head.status != 0 && !stream->head_delivered) {
        stream->head_delivered = true;
        stream->handler.head(transfer->head.status, stream->user);
    }
    while (!stream->closed && stream->pending.size > 0) {
        deliver_data(stream);
    }
    if (!stream->closed && transfer->ended) {
        deliver_end(stream);
    }
    stream->delivering = false;
    if (stream->closed) {
        stream_free(stream);
    }
}

static void on_head_timeout(void *user)
{
    struct http_stream *stream = user;
    http_transfer_abort(&stream->transfer, CURLE_OPERATION_TIMEDOUT, "");
}

static struct http_stream *stream_new(struct http_client *client, const struct http_stream_handler *handler,
                                      void *user)
{
    struct http_stream *stream = mem_zalloc(sizeof(*stream));
    stream->handler = *handler;
    stream->user = user;
    http_transfer_init(&stream->transfer, client, deliver_stream);
    CURL *easy = stream->transfer.easy;
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, stream);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, stream);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    stream->next = client->streams;
    client->streams = stream;
    http_multi_set_streams(&client->multi, ++client->stream_count);
    return stream;
}

struct http_stream *http_stream_open(struct http_client *client, const struct http_call *call,
                                     const struct http_stream_handler *handler, void *user)
{
    struct http_stream *stream = stream_new(client, handler, user);
    if (call->timeout_ms > 0) {
        stream->head_timer = timer_new(client->loop, on_head_timeout, stream);
        timer_arm_ms(stream->head_timer, call->timeout_ms);
    }
    /* Over HTTP/1.1 etcd answers while the request goes on, and reads all of it, only where the connection ends
     * with the request (docs/design/etcd-gateway.md, "Request bodies"). libcurl leaves this header out over HTTP/2. */
    http_transfer_fill(&stream->transfer, call, "Connection: close", 0);
    http_transfer_start(&stream->transfer);
    return stream;
}

void http_stream_close(struct http_stream *stream)
{
    if (stream != NULL && stream->delivering) {
        stream->closed = true;
        http_transfer_stop(&stream->transfer);
    } else if (stream != NULL) {
        stream_free(stream);
    }
}

void http_streams_free(struct http_client *client)
{
    while (client->streams != NULL) {
        stream_free(client->streams);
    }
}
