/* A stream is a transfer of its own on a connection of its own. Bytes are kept from libcurl's callback to the
 * delivery, since handlers may close streams and start calls: at most what libcurl reads in one go. */
#include "http_curl_internal.h"
#include "http_secure_internal.h"
#include "http_transfer_internal.h"
#include "outrider/base/mem.h"
#include "outrider/io/http/client/http_stream.h"
#include "outrider/io/loop/timer.h"

#include <stdlib.h>

enum { PENDING_KEPT = 16384 };

struct stream {
    struct http_stream handle; /* first: what the caller holds */
    struct http_transfer transfer;
    struct stream *next, *prev;
    struct http_stream_handler handler;
    void *user;
    struct timer *head_timer; /* NULL: the head may take for ever */
    struct buf pending;
    int status;     /* 0 until the head of the final answer is there */
    bool head_told; /* to the handler */
    bool delivering;
    bool closed; /* from within its own callback */
};

static struct stream *stream_of(struct http_transfer *transfer)
{
    return (struct stream *)((char *)transfer - offsetof(struct stream, transfer));
}

/* A line of a head at a time, the empty one last; 1xx answers have heads of their own, and trailers come here
 * as well. */
static size_t header_line(char *data, size_t size, size_t count, void *user)
{
    struct stream *stream = user;
    size_t bytes = size * count;
    bool is_end = bytes == 2 && memcmp(data, "\r\n", 2) == 0;
    if (stream->status == 0 && is_end) {
        long status = 0;
        curl_easy_getinfo(stream->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200) {
            stream->status = (int)status;
            timer_free(stream->head_timer);
            stream->head_timer = NULL;
            http_transfer_ready(&stream->transfer);
        }
    }
    return bytes;
}

static size_t received(char *data, size_t size, size_t count, void *user)
{
    struct stream *stream = user;
    buf_add(&stream->pending, data, size * count);
    http_transfer_ready(&stream->transfer);
    return size * count;
}

/* The multi handle drops idle connections when it has more than its limit of both kinds: those of streams
 * are not to be counted. */
static void count_streams(struct http_secure *client)
{
    http_multi_set_reserved(&client->multi, client->stream_count);
}

static void stream_unlink(struct stream *stream)
{
    struct http_secure *client = stream->transfer.client;
    if (stream->prev != NULL) {
        stream->prev->next = stream->next;
    } else {
        client->streams = stream->next;
    }
    if (stream->next != NULL) {
        stream->next->prev = stream->prev;
    }
    client->stream_count--;
    count_streams(client);
}

static void stream_free(struct stream *stream)
{
    http_transfer_fini(&stream->transfer);
    stream_unlink(stream);
    timer_free(stream->head_timer);
    buf_fini(&stream->pending);
    free(stream);
}

static void deliver_data(struct stream *stream)
{
    struct buf bytes = stream->pending;
    stream->pending = (struct buf){0};
    stream->handler.data(buf_view(&bytes), stream->user);
    if (bytes.capacity > PENDING_KEPT) {
        buf_fini(&bytes);
    }
    buf_clear(&bytes);
    stream->pending = bytes;
}

static void deliver_end(struct stream *stream)
{
    struct buf text = {0};
    struct http_result result = http_transfer_result(&stream->transfer, &text);
    stream->closed = true;
    stream->handler.end(&result, stream->user);
    buf_fini(&text);
}

static void deliver_stream(struct http_transfer *transfer)
{
    struct stream *stream = stream_of(transfer);
    stream->delivering = true;
    if (stream->status != 0 && !stream->head_told) {
        stream->head_told = true;
        stream->handler.head(stream->status, stream->user);
    }
    if (!stream->closed && stream->pending.size > 0) {
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

static void head_is_late(void *user)
{
    struct stream *stream = user;
    http_transfer_abort(&stream->transfer, CURLE_OPERATION_TIMEDOUT, "no answer within the time allowed");
}

static void prepare(struct stream *stream)
{
    CURL *easy = stream->transfer.easy;
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, stream);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, received);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, stream);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

struct http_stream *http_secure_stream_open(struct http_secure *client, const struct http_call *call,
                                            const struct http_stream_handler *handler, void *user)
{
    struct stream *stream = mem_zalloc(sizeof(*stream));
    stream->handle.secure = true;
    stream->handler = *handler;
    stream->user = user;
    http_transfer_init(&stream->transfer, client, deliver_stream);
    prepare(stream);
    stream->next = client->streams;
    if (stream->next != NULL) {
        stream->next->prev = stream;
    }
    client->streams = stream;
    client->stream_count++;
    count_streams(client);
    if (call->timeout_ms > 0) {
        stream->head_timer = timer_new(client->loop, head_is_late, stream);
        timer_arm_ms(stream->head_timer, call->timeout_ms);
    }
    /* Over HTTP/1.1 etcd answers while the request goes on, and loses nothing of it, only where the
     * connection is to end with it (docs/design/etcd-gateway.md, "Request bodies"). libcurl leaves this
     * header out over HTTP/2. */
    http_transfer_fill(&stream->transfer, call, "Connection: close");
    http_transfer_start(&stream->transfer);
    return &stream->handle;
}

void http_secure_stream_close(struct http_stream *handle)
{
    struct stream *stream = (struct stream *)handle;
    if (stream->delivering) {
        stream->closed = true;
        http_transfer_stop(&stream->transfer);
    } else {
        stream_free(stream);
    }
}

void http_secure_streams_free(struct http_secure *client)
{
    while (client->streams != NULL) {
        stream_free(client->streams);
    }
}
