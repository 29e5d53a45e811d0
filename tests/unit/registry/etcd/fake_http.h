/* io/http_client without a network, for one test program each: defined here, it goes before the library's. */
#ifndef OUTRIDER_TESTS_UNIT_REGISTRY_FAKE_HTTP_H
#define OUTRIDER_TESTS_UNIT_REGISTRY_FAKE_HTTP_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/http/client/http_stream.h"

#include <stdio.h>

/* A call in flight: it has the place of the real client's handle. */
struct http_request_handle {
    bool open;
    http_result_fn *fn;
    void *user;
    char url[128], headers[256];
    struct buf body;
    int64_t timeout_ms, connect_timeout_ms;
    size_t max_response;
    bool secret;
};

static struct http_request_handle posts[8];
static size_t post_count, cancelled;

struct http_request_handle *http_client_send(struct http_client *client, const struct http_call *call,
                                             http_result_fn *fn, void *user)
{
    (void)client;
    assert_true(post_count < COUNT_OF(posts));
    struct http_request_handle *post = &posts[post_count++];
    buf_fini(&post->body);
    *post = (struct http_request_handle){.open = true,
                                         .fn = fn,
                                         .user = user,
                                         .timeout_ms = call->timeout_ms,
                                         .connect_timeout_ms = call->connect_timeout_ms,
                                         .max_response = call->max_response,
                                         .secret = call->secret};
    snprintf(post->url, sizeof(post->url), "%s", call->url);
    for (size_t i = 0; call->headers[i] != NULL; i++) {
        size_t used = strlen(post->headers);
        snprintf(post->headers + used, sizeof(post->headers) - used, "%s\n", call->headers[i]);
    }
    buf_str(&post->body, call->body);
    return post;
}

void http_request_cancel(struct http_request_handle *request)
{
    if (request != NULL) {
        assert_true(request->open);
        request->open = false;
        cancelled++;
    }
}

/* Watches have tests of their own, on sockets. */
struct http_stream *http_stream_open(struct http_client *client, const struct http_call *call,
                                     const struct http_stream_handler *handler, void *user)
{
    (void)client;
    (void)call;
    (void)handler;
    (void)user;
    fail();
    return NULL;
}

void http_stream_close(struct http_stream *stream)
{
    assert_null(stream);
}

/* Ends the call `post`, which must have gone to `url`. */
static inline void finish_post(struct http_request_handle *post, const char *url, struct http_result result)
{
    assert_true(post->open);
    assert_string_equal(post->url, url);
    post->open = false;
    post->fn(&result, post->user);
}

/* The same for the newest one. */
static inline void finish(const char *url, struct http_result result)
{
    finish_post(&posts[post_count - 1], url, result);
}

static inline struct http_result answered(int status, const char *body)
{
    return (struct http_result){.sent = true, .text = "", .status = status, .body = str_of(body)};
}

static inline struct http_result lost(enum http_transport transport, bool sent, const char *text,
                                      int64_t elapsed_us)
{
    return (struct http_result){.transport = transport, .sent = sent, .text = text, .elapsed_us = elapsed_us};
}

static inline void fake_http_fini(void)
{
    for (size_t i = 0; i < COUNT_OF(posts); i++) {
        buf_fini(&posts[i].body);
    }
    post_count = cancelled = 0;
}

#endif
