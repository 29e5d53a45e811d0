#include "http_client_internal.h"
#include "outrider/base/mem.h"
#include "outrider/os/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

/* libcurl's own default for a connection. */
enum { CONNECT_TIMEOUT_MS = 300000 };

/* A request that is sent again on a new connection needs a second look-up. */
enum { LOOKUPS_MAX = 2 };

/* CURLOPT_OPENSOCKETFUNCTION */
static curl_socket_t open_relay(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_transfer *transfer = user;
    (void)purpose;
    if (transfer->only_kept) {
        transfer->is_none_kept = true;
        return CURL_SOCKET_BAD;
    }
    return http_relay_open(transfer->client, transfer, address);
}

void http_transfer_init(struct http_transfer *transfer, struct http_client *client,
                        const struct http_tls *tls, void (*deliver)(struct http_transfer *transfer))
{
    *transfer = (struct http_transfer){.client = client, .deliver = deliver};
    http_tls_copy(&transfer->tls, tls);
    transfer->curl.tls = tls == NULL ? &client->tls.view : &transfer->tls.view;
    http_curl_init(&transfer->curl);
    CURL *easy = transfer->curl.easy;
    http_host_init(&transfer->host, easy, client->is_relayed);
    if (client->is_relayed) {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_relay);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    }
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    http_tls_apply(&transfer->curl);
    http_multi_adopt(client, easy);
}

static void wipe(struct buf *buf)
{
    if (buf->size > 0) {
        mem_wipe(buf->data, buf->size);
    }
}

/* libcurl's copies, the headers among them, are wiped when libcurl frees them (http_curl_global_init). */
void http_transfer_fini(struct http_transfer *transfer)
{
    http_transfer_stop(transfer);
    if (transfer->secret) {
        wipe(&transfer->body);
        wipe(&transfer->curl.body);
    }
    http_curl_fini(&transfer->curl);
    http_host_fini(&transfer->host);
    http_tls_copy_fini(&transfer->tls);
    free(transfer->url);
    buf_fini(&transfer->body);
}

/* ---- the request ---- */

static void set_url(struct http_transfer *transfer, const char *url)
{
    if (transfer->url != NULL && strcmp(transfer->url, url) == 0) {
        return;
    }
    free(transfer->url);
    transfer->curl.url = transfer->url = mem_strdup(url);
    transfer->is_tls = strncasecmp(url, "https:", 6) == 0;
    http_host_set(&transfer->host, url, transfer->is_tls ? transfer->curl.tls->server_name : NULL);
}

/* Of a handle that libcurl had as one for POST. To libcurl a PUT is an upload from a callback; a POST by another name is the same
 * on the wire. */
static void set_method(struct http_transfer *transfer, enum http_method method)
{
    if (method != transfer->method) {
        static const CURLoption options[] = {[HTTP_POST] = CURLOPT_POST,
                                             [HTTP_GET] = CURLOPT_HTTPGET,
                                             [HTTP_HEAD] = CURLOPT_NOBODY,
                                             [HTTP_PUT] = CURLOPT_POST};
        curl_easy_setopt(transfer->curl.easy, options[method], 1L);
        curl_easy_setopt(transfer->curl.easy, CURLOPT_CUSTOMREQUEST, method == HTTP_PUT ? "PUT" : NULL);
        transfer->method = method;
    }
}

/* libcurl 7.88 fails on a kept connection of HTTP/2 that a request with prior knowledge would use (curl's pull request 10643). So
 * such a request is first made as one of HTTP/2 without it, which open_relay keeps from a new connection. */
static void set_version(struct http_transfer *transfer, bool http2, bool fresh)
{
    transfer->only_kept = http2 && !fresh && !transfer->is_tls;
    transfer->is_none_kept = false;
    if (http2 || transfer->was_http2) {
        long version = !http2                ? CURL_HTTP_VERSION_1_1
                       : transfer->is_tls    ? CURL_HTTP_VERSION_2TLS
                       : transfer->only_kept ? CURL_HTTP_VERSION_2_0
                                             : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
        curl_easy_setopt(transfer->curl.easy, CURLOPT_HTTP_VERSION, version);
        transfer->was_http2 = http2;
    }
}

static void set_fresh(struct http_transfer *transfer, bool fresh)
{
    if (fresh != transfer->is_fresh) {
        curl_easy_setopt(transfer->curl.easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
        transfer->is_fresh = fresh;
    }
}

/* ---- its end ---- */

/* Whether it was on a kept connection and not a byte of an answer arrived. */
static bool got_nothing_on_kept(const struct http_transfer *transfer)
{
    long connects = 0;
    curl_easy_getinfo(transfer->curl.easy, CURLINFO_NUM_CONNECTS, &connects);
    return connects == 0 && transfer->curl.head_size == 0;
}

/* What makes a kept connection deaf, such as a firewall that lost its state, has done so to the others of that
 * server: each would cost the time of one more call. */
static void leave_curl(struct http_transfer *transfer, enum http_multi_end end)
{
    CURL *easy = transfer->curl.easy;
    if (end == HTTP_MULTI_FAILED && transfer->curl.code == CURLE_OPERATION_TIMEDOUT &&
        got_nothing_on_kept(transfer)) {
        http_multi_close_idle(transfer->client, easy);
    }
    http_multi_remove(transfer->client, easy, end, transfer->is_tls);
    transfer->is_running = false;
    transfer->ended_us = clock_mono_us();
}

/* ---- the name of the host ---- */

static void run(struct http_transfer *transfer);

/* Of a limit, where 0 is none. */
static int64_t left_of(const struct http_transfer *transfer, int64_t limit_ms, int64_t now_us)
{
    int64_t left_ms = limit_ms - (now_us - transfer->started_us) / 1000;
    return limit_ms == 0 ? 0 : left_ms > 1 ? left_ms : 1;
}

static void on_addresses(const struct resolver_answer *answer, void *user)
{
    struct http_transfer *transfer = user;
    if (http_host_use(&transfer->host, answer)) {
        run(transfer);
        return;
    }
    char text[CURL_ERROR_SIZE];
    snprintf(text, sizeof(text), "name not resolved: %s", answer->error);
    http_transfer_abort(transfer, CURLE_COULDNT_RESOLVE_HOST, text);
}

/* Whether the transfer goes on with a look-up. A kept connection may have taken the request and turned out to be
 * closed: what was sent stays sent. */
static bool look_up(struct http_transfer *transfer, CURLcode code)
{
    if (code != CURLE_COULDNT_RESOLVE_HOST || !transfer->host.is_asked || ++transfer->lookups > LOOKUPS_MAX) {
        return false;
    }
    curl_multi_remove_handle(transfer->client->multi, transfer->curl.easy); /* it has no connection */
    transfer->is_running = false;
    transfer->was_sent = transfer->was_sent || http_curl_sent(&transfer->curl);
    int64_t connect_ms = transfer->curl.connect_timeout_ms;
    int64_t now_us = clock_mono_us(), left_ms = left_of(transfer, transfer->limit_ms, now_us);
    connect_ms = left_of(transfer, connect_ms > 0 ? connect_ms : CONNECT_TIMEOUT_MS, now_us);
    http_host_look_up(&transfer->host, transfer->client->resolver,
                      left_ms > 0 && left_ms < connect_ms ? left_ms : connect_ms, on_addresses, transfer);
    return true;
}

/* Whether the transfer goes on with a new connection, as none is kept. */
static bool open_new(struct http_transfer *transfer)
{
    if (!transfer->is_none_kept) {
        return false;
    }
    curl_multi_remove_handle(transfer->client->multi, transfer->curl.easy);
    transfer->is_running = false;
    http_curl_begin(&transfer->curl);
    set_version(transfer, true, true);
    run(transfer);
    return true;
}

/* ---- the queue ---- */

void http_transfer_ready(struct http_transfer *transfer)
{
    if (!transfer->is_ready) {
        transfer->is_ready = true;
        DL_APPEND(transfer->client->ready, transfer);
    }
}

static void not_ready(struct http_transfer *transfer)
{
    if (transfer->is_ready) {
        transfer->is_ready = false;
        DL_DELETE(transfer->client->ready, transfer);
    }
}

static void collect(struct http_client *client)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi, &left)) != NULL;) {
        struct http_transfer *transfer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        if (look_up(transfer, message->data.result) || open_new(transfer)) {
            continue;
        }
        http_curl_end(&transfer->curl, message->data.result);
        transfer->ended = true;
        leave_curl(transfer, message->data.result == CURLE_OK ? HTTP_MULTI_ANSWERED : HTTP_MULTI_FAILED);
        http_transfer_ready(transfer);
    }
}

void http_transfers_deliver(void *user)
{
    struct http_client *client = user;
    if (client->delivering) {
        return;
    }
    client->delivering = true;
    while (client->ready != NULL) {
        struct http_transfer *transfer = client->ready;
        not_ready(transfer);
        transfer->deliver(transfer);
    }
    client->delivering = false;
}

void http_transfers_ran(struct http_client *client)
{
    collect(client);
    http_transfers_deliver(client);
}

static void deliver_late(struct http_client *client)
{
    if (client->ready != NULL && !client->delivering) {
        loop_defer(client->loop, &client->late);
    }
}

static void run(struct http_transfer *transfer)
{
    const struct http_curl *curl = &transfer->curl;
    int64_t now_us = clock_mono_us();
    curl_easy_setopt(curl->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)left_of(transfer, curl->connect_timeout_ms, now_us));
    curl_easy_setopt(curl->easy, CURLOPT_TIMEOUT_MS, (long)left_of(transfer, transfer->limit_ms, now_us));
    transfer->is_started = transfer->is_running = true;
    http_multi_start(transfer->client, curl->easy);
    collect(transfer->client);
    deliver_late(transfer->client);
}

void http_transfer_start(struct http_transfer *transfer, const struct http_call *call, const char *more,
                         int64_t limit_ms)
{
    struct http_curl *curl = &transfer->curl;
    set_url(transfer, call->url);
    http_curl_set_headers(curl, call->headers, more);
    http_curl_begin(curl);
    curl->max_body = call->max_response;
    curl->cut = call->cut;
    curl->timeout_ms = call->timeout_ms;
    curl->connect_timeout_ms = call->connect_timeout_ms;
    set_method(transfer, call->method);
    set_fresh(transfer, call->fresh);
    set_version(transfer, call->http2, call->fresh);
    curl->keep_head = call->head || call->http2;
    if (call->method == HTTP_POST || call->method == HTTP_PUT) {
        buf_str(&transfer->body, call->body);
        curl_easy_setopt(curl->easy, CURLOPT_POSTFIELDS, buf_text(&transfer->body));
        curl_easy_setopt(curl->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.size);
    }
    transfer->limit_ms = limit_ms;
    transfer->secret = call->secret;
    transfer->ended = transfer->is_started = transfer->was_sent = false;
    transfer->lookups = 0;
    transfer->started_us = clock_mono_us();
    if (http_curl_has_line_break(call->headers)) {
        http_transfer_abort(transfer, CURLE_BAD_FUNCTION_ARGUMENT,
                            "a header of the request has a line break");
        return;
    }
    http_host_begin(&transfer->host);
    run(transfer);
}

void http_transfer_stop(struct http_transfer *transfer)
{
    if (transfer->is_running) {
        leave_curl(transfer, HTTP_MULTI_STOPPED);
    }
    http_host_cancel(&transfer->host);
    not_ready(transfer);
}

void http_transfer_abort(struct http_transfer *transfer, CURLcode code, const char *text)
{
    transfer->ended_us = clock_mono_us();
    transfer->ended = true;
    transfer->curl.code = code;
    if (transfer->is_running) {
        leave_curl(transfer, HTTP_MULTI_STOPPED);
    }
    http_host_cancel(&transfer->host);
    snprintf(transfer->curl.error_text, CURL_ERROR_SIZE, "%s", text);
    http_transfer_ready(transfer);
    deliver_late(transfer->client);
}

struct http_result http_transfer_result(const struct http_transfer *transfer, struct buf *text)
{
    const struct http_curl *curl = &transfer->curl;
    char *content_type = NULL;
    bool certain = true;
    long connects = 0, version = 0;
    size_t reason = 0;
    curl_easy_getinfo(curl->easy, CURLINFO_HTTP_VERSION, &version);
    curl_easy_getinfo(curl->easy, CURLINFO_CONTENT_TYPE, &content_type);
    curl_easy_getinfo(curl->easy, CURLINFO_NUM_CONNECTS, &connects);
    struct http_result result = {
        .transport = http_curl_transport(curl),
        .status = curl->status,
        .content_type = str_of(content_type),
        .http2 = version == CURL_HTTP_VERSION_2_0,
        .head = buf_view(&curl->head),
        .trailers = buf_view(&curl->trailers),
        .elapsed_us = transfer->ended_us - transfer->started_us,
    };
    result.sent = result.transport == HTTP_TRANSPORT_OK || transfer->was_sent ||
                  (transfer->is_started && http_curl_sent(curl));
    if (result.transport == HTTP_TRANSPORT_RESET && transfer->is_tls && http_tls_is_refused(curl, &certain)) {
        result.transport = HTTP_TRANSPORT_TLS;
    }
    if (result.transport == HTTP_TRANSPORT_TLS) {
        result.sent = result.sent && !certain; /* no server reads a request before it knows the client */
    }
    if (result.transport != HTTP_TRANSPORT_OK) {
        reason = http_curl_describe(text, curl, result.transport);
    }
    result.text = buf_text(text);
    result.reason = result.text + reason;
    result.kept = transfer->is_started && connects == 0 && http_curl_sent(curl);
    return result;
}

static void clear(struct buf *buf)
{
    if (buf->capacity > HTTP_BUFFER_KEPT) {
        buf_fini(buf);
    }
    buf_clear(buf);
}

void http_transfer_clear(struct http_transfer *transfer)
{
    clear(&transfer->body);
    clear(&transfer->curl.body);
}
