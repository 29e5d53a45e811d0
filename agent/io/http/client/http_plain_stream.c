/* A stream: a connection of its own, closed when it is over. The request says "Connection: close", without
 * which etcd's gateway answers nothing until the request has ended and may lose what is left of a body
 * (docs/design/etcd-gateway.md, "Request bodies"). */
#include "http_plain_parts_internal.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct plain_stream {
    struct http_stream handle; /* first: what the caller holds */
    struct plain_stream *next, *previous;
    struct http_plain *client;
    struct http_wire wire;
    struct http_answer answer;
    struct buf url_text, request, text;
    struct http_url url; /* views of url_text; empty when it was malformed */
    const struct http_stream_handler *handler;
    void *user;
    struct timer *timer; /* until the head is there */
    int64_t timeout_ms, started_us, ended_us;
    enum http_transport transport;
    struct deferred finish;
    bool secret, sent, headed;
    bool closed; /* by the caller: it hears nothing more */
};

static void stream_free(struct plain_stream *stream)
{
    *(stream->previous != NULL ? &stream->previous->next : &stream->client->streams) = stream->next;
    if (stream->next != NULL) {
        stream->next->previous = stream->previous;
    }
    http_wire_close(&stream->wire);
    timer_free(stream->timer);
    deferred_cancel(&stream->finish);
    if (stream->secret) {
        plain_wipe(&stream->request);
        plain_wipe(&stream->answer.body);
    }
    http_answer_fini(&stream->answer);
    buf_fini(&stream->url_text);
    buf_fini(&stream->request);
    buf_fini(&stream->text);
    free(stream);
}

/* At the end of a turn. */
static void finish(void *user)
{
    struct plain_stream *stream = user;
    if (!stream->closed) {
        struct http_result result = {
            .transport = stream->transport,
            .text = buf_text(&stream->text),
            .sent = stream->sent,
            .status = stream->answer.status,
            .content_type = stream->answer.content_type,
            .body = STR(""),
            .elapsed_us = stream->ended_us - stream->started_us,
        };
        stream->closed = true; /* the handle is not valid any more */
        stream->handler->end(&result, stream->user);
    }
    stream_free(stream);
}

static void stop(struct plain_stream *stream)
{
    stream->sent = stream->sent || stream->wire.sent;
    http_wire_close(&stream->wire);
    if (stream->timer != NULL) {
        timer_cancel(stream->timer);
    }
    loop_defer(stream->client->loop, &stream->finish);
}

static void end(struct plain_stream *stream, enum http_transport transport, const char *why)
{
    stream->transport = transport;
    stream->ended_us = clock_mono_us();
    if (transport != HTTP_TRANSPORT_OK) {
        plain_describe(&stream->text, &stream->url, transport, why);
    }
    stop(stream);
}

static void on_late(void *user)
{
    struct plain_stream *stream = user;
    char limit[24], why[80];
    snprintf(why, sizeof(why), "%s within %s",
             stream->sent || stream->wire.sent ? "no answer" : "no connection",
             duration_format(stream->timeout_ms, limit));
    end(stream, HTTP_TRANSPORT_TIMEOUT, why);
}

/* Hands over what the parser made of the bytes. */
static void hand_over(struct plain_stream *stream)
{
    if (!stream->headed && stream->answer.status > 0) {
        stream->headed = true;
        if (stream->timer != NULL) {
            timer_cancel(stream->timer);
        }
        stream->handler->head(stream->answer.status, stream->user);
    }
    if (!stream->closed && stream->answer.body.size > 0) {
        stream->handler->data(buf_view(&stream->answer.body), stream->user);
    }
    buf_clear(&stream->answer.body);
}

static void on_bytes(struct plain_stream *stream, const char *data, size_t size)
{
    size_t used;
    enum http_answer_result result = http_answer_feed(&stream->answer, data, size, &used);
    hand_over(stream);
    if (stream->closed || result == HTTP_ANSWER_MORE) {
        return;
    }
    if (result != HTTP_ANSWER_DONE) {
        end(stream, HTTP_TRANSPORT_OTHER, "the answer is not HTTP/1.1, or malformed");
    } else if (used < size) {
        end(stream, HTTP_TRANSPORT_OTHER, "the server sent more than one answer");
    } else {
        end(stream, HTTP_TRANSPORT_OK, "");
    }
}

static void on_end(struct plain_stream *stream, int errnum)
{
    if (errnum != 0) {
        end(stream, HTTP_TRANSPORT_RESET, strerror(errnum));
    } else if (http_answer_end(&stream->answer) == HTTP_ANSWER_DONE) {
        end(stream, HTTP_TRANSPORT_OK, "");
    } else {
        end(stream, HTTP_TRANSPORT_RESET,
            stream->headed ? "the server closed it before the end of its answer"
                           : "the server closed it without an answer");
    }
}

static void on_readable(void *user)
{
    struct plain_stream *stream = user;
    char *data = plain_scratch(stream->client);
    ssize_t got = http_wire_receive(&stream->wire, data, HTTP_PLAIN_READ_SIZE);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got > 0) {
        on_bytes(stream, data, (size_t)got);
    } else {
        on_end(stream, got < 0 ? errno : 0);
    }
    if (stream->secret && got > 0) {
        mem_wipe(data, (size_t)got);
    }
}

static void on_connected(void *user)
{
    struct plain_stream *stream = user;
    http_wire_send(&stream->wire, buf_view(&stream->request));
}

static void on_failed(enum http_transport transport, const char *why, void *user)
{
    end(user, transport, why);
}

static const struct http_wire_handler wire_handler = {
    .connected = on_connected, .failed = on_failed, .readable = on_readable};

static struct plain_stream *stream_new(struct http_plain *client, const struct http_stream_handler *handler,
                                       void *user)
{
    struct plain_stream *stream = mem_zalloc(sizeof(*stream));
    stream->client = client;
    stream->handler = handler;
    stream->user = user;
    stream->started_us = clock_mono_us();
    stream->wire.fd = -1;
    stream->finish = (struct deferred){.fn = finish, .user = stream};
    stream->next = client->streams;
    if (stream->next != NULL) {
        stream->next->previous = stream;
    }
    client->streams = stream;
    http_answer_begin(&stream->answer, SIZE_MAX);
    return stream;
}

struct http_stream *http_plain_stream_open(struct http_plain *client, const struct http_call *call,
                                           const struct http_stream_handler *handler, void *user)
{
    struct plain_stream *stream = stream_new(client, handler, user);
    struct error err;
    stream->secret = call->secret;
    stream->timeout_ms = call->timeout_ms;
    buf_str(&stream->url_text, str_of(call->url));
    if (http_url_parse(buf_text(&stream->url_text), &err, &stream->url) < 0 ||
        http_url_request(&stream->url, call, true, &err, &stream->request) < 0) {
        end(stream, HTTP_TRANSPORT_OTHER, err.text);
        return &stream->handle;
    }
    http_wire_open(&stream->wire, client->loop, client->resolver, &stream->url, call->connect_timeout_ms,
                   &wire_handler, stream);
    if (call->timeout_ms > 0) {
        stream->timer = timer_new(client->loop, on_late, stream);
        timer_arm_ms(stream->timer, call->timeout_ms);
    }
    return &stream->handle;
}

struct http_stream *http_plain_stream_refuse(struct http_plain *client, const char *why,
                                             const struct http_stream_handler *handler, void *user)
{
    struct plain_stream *stream = stream_new(client, handler, user);
    end(stream, HTTP_TRANSPORT_OTHER, why);
    return &stream->handle;
}

void http_plain_stream_close(struct http_stream *handle)
{
    struct plain_stream *stream = (struct plain_stream *)handle;
    if (!stream->closed) {
        stream->closed = true;
        stop(stream);
    }
}

void plain_streams_fini(struct http_plain *client)
{
    while (client->streams != NULL) {
        stream_free(client->streams);
    }
}
