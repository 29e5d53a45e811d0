/* A stream is a transfer of its own on a connection of its own. Bytes are kept from libcurl's callback to the
 * delivery, since handlers may close streams and start calls: at most what libcurl reads in one run. */
#include "outrider/io/http/client/http_stream.h"

#include "http_client_internal.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"

#include <stdlib.h>
#include <utlist.h>

struct http_stream {
    struct http_transfer transfer; /* the first: deliver() gets it */
    struct http_stream *prev, *next;
    struct http_stream_handler handler;
    void *user;
    struct timer *head_timer; /* NULL: no limit */
    bool head_delivered;
    bool delivering;
    bool closed; /* by the handler, from within its own callback */
};

static bool on_arrived(struct http_curl *curl)
{
    struct http_stream *stream = (struct http_stream *)curl;
    timer_free(stream->head_timer);
    stream->head_timer = NULL;
    http_transfer_ready(&stream->transfer);
    return true;
}

void http_streams_counted(struct http_client *client)
{
    const struct http_stream *each;
    size_t streams;
    DL_COUNT(client->streams, each, streams);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)(client->kept + streams));
}

static void stream_free(struct http_stream *stream)
{
    struct http_client *client = stream->transfer.client;
    http_transfer_fini(&stream->transfer);
    DL_DELETE(client->streams, stream);
    http_streams_counted(client);
    timer_free(stream->head_timer);
    free(stream);
}

/* A handler that starts a call makes libcurl run, which may add to the body meanwhile. */
static void deliver_data(struct http_stream *stream)
{
    struct buf *body = &stream->transfer.curl.body;
    struct buf bytes = *body;
    *body = (struct buf){0};
    stream->handler.data(buf_view(&bytes), stream->user);
    if (bytes.capacity > HTTP_BUFFER_KEPT || body->size > 0) {
        buf_fini(&bytes);
        return;
    }
    buf_clear(&bytes);
    *body = bytes;
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
    struct http_stream *stream = (struct http_stream *)transfer;
    stream->delivering = true;
    if (transfer->curl.status != 0 && !stream->head_delivered) {
        stream->head_delivered = true;
        stream->handler.head(transfer->curl.status, stream->user);
    }
    while (!stream->closed && transfer->curl.body.size > 0) {
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

struct http_stream *http_stream_open(struct http_client *client, const struct http_call *call,
                                     const struct http_stream_handler *handler, void *user)
{
    struct http_call endless = *call;
    endless.max_response = SIZE_MAX;
    struct http_stream *stream = mem_zalloc(sizeof(*stream));
    stream->handler = *handler;
    stream->user = user;
    http_transfer_init(&stream->transfer, client, NULL, deliver_stream);
    stream->transfer.curl.arrived = on_arrived;
    endless.fresh = true;
    curl_easy_setopt(stream->transfer.curl.easy, CURLOPT_FORBID_REUSE, 1L);
    DL_APPEND(client->streams, stream);
    http_streams_counted(client);
    if (call->timeout_ms > 0) {
        stream->head_timer = timer_new(client->loop, on_head_timeout, stream);
        timer_arm_ms(stream->head_timer, call->timeout_ms);
    }
    /* etcd answers while the request goes on, and reads all of it, only where the connection ends with the request
     * (docs/design/etcd-gateway.md, "Request bodies"). */
    http_transfer_start(&stream->transfer, &endless, "Connection: close", 0);
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
