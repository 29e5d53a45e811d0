#include "http_transfer_internal.h"

#include "http_client_internal.h"
#include "http_curl_internal.h"
#include "http_tls_internal.h"
#include "outrider/base/mem.h"
#include "outrider/os/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BODY_KEPT = 16384 };

/* libcurl's own default for a connection. */
enum { CONNECT_TIMEOUT_MS = 300000 };

/* A request that is sent again on a new connection needs a second look-up. */
enum { LOOKUPS_MAX = 2 };

void http_transfer_init(struct http_transfer *transfer, struct http_client *client,
                        void (*deliver)(struct http_transfer *transfer))
{
    *transfer = (struct http_transfer){.client = client, .deliver = deliver};
    transfer->easy = http_curl_new(transfer->error_text);
    http_host_init(&transfer->host, transfer->easy);
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
    http_tls_apply(transfer->easy, &client->tls);
    http_multi_adopt(&client->multi, transfer->easy);
}

/* libcurl's copies are wiped when libcurl frees them (http_curl_init). */
static void wipe_secret(struct http_transfer *transfer)
{
    if (!transfer->secret) {
        return;
    }
    if (transfer->body.size > 0) {
        mem_wipe(transfer->body.data, transfer->body.size);
    }
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
}

void http_transfer_fini(struct http_transfer *transfer)
{
    http_transfer_stop(transfer);
    wipe_secret(transfer);
    curl_easy_cleanup(transfer->easy);
    http_host_fini(&transfer->host);
    curl_slist_free_all(transfer->headers);
    free(transfer->url);
    buf_fini(&transfer->body);
}

/* ---- the request ---- */

/* libcurl sends a header as it is: a line break in a token would add headers of the server's choosing. */
static bool has_line_break(const char *const *headers)
{
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        if (strpbrk(headers[i], "\r\n") != NULL) {
            return true;
        }
    }
    return false;
}

static void set_headers(struct http_transfer *transfer, const char *const *headers, const char *more)
{
    if (more == NULL && http_curl_same_headers(transfer->headers, headers)) {
        return;
    }
    struct curl_slist *list = http_curl_headers(headers);
    if (more != NULL && curl_slist_append(list, more) == NULL) {
        abort();
    }
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, list);
    curl_slist_free_all(transfer->headers);
    transfer->headers = list;
    transfer->has_bad_header = has_line_break(headers);
}

static void set_url(struct http_transfer *transfer, const char *url)
{
    if (transfer->url != NULL && strcmp(transfer->url, url) == 0) {
        return;
    }
    free(transfer->url);
    transfer->url = mem_strdup(url);
    transfer->is_tls = strncasecmp(url, "https:", 6) == 0;
    http_host_set(&transfer->host, url, transfer->client->tls.server_name);
}

void http_transfer_fill(struct http_transfer *transfer, const struct http_call *call, const char *more,
                        int64_t timeout_ms)
{
    set_url(transfer, call->url);
    set_headers(transfer, call->headers, more);
    buf_str(&transfer->body, call->body);
    transfer->secret = call->secret;
    transfer->ended = transfer->too_large = false;
    transfer->is_started = transfer->was_sent = false;
    transfer->lookups = 0;
    transfer->head = (struct http_curl_head){0};
    transfer->error_text[0] = '\0';
    transfer->text_timeout_ms = call->timeout_ms;
    transfer->timeout_ms = timeout_ms;
    transfer->connect_timeout_ms = call->connect_timeout_ms;
    curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, buf_text(&transfer->body));
    curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.size);
}

/* ---- its end ---- */

/* Whether it was on a kept connection and not a byte of an answer arrived. */
static bool got_nothing_on_kept(const struct http_transfer *transfer)
{
    long connects = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
    return connects == 0 && transfer->head.size == 0;
}

/* What makes a kept connection deaf, such as a firewall that lost its state, has done so to the others of that
 * server: each would cost the time of one more call. Over HTTP/2 libcurl itself would keep the connection of a call
 * that failed. */
static void leave_curl(struct http_transfer *transfer, enum http_multi_end end)
{
    struct http_multi *multi = &transfer->client->multi;
    if (end == HTTP_MULTI_FAILED && transfer->code == CURLE_OPERATION_TIMEDOUT &&
        got_nothing_on_kept(transfer)) {
        http_multi_close_idle(multi, transfer->easy);
    }
    http_multi_remove(multi, transfer->easy, end, transfer->is_tls);
    transfer->is_running = false;
    transfer->ended_us = clock_mono_us();
}

/* ---- the name of the host ---- */

static void run(struct http_transfer *transfer);

/* Of a limit, where 0 is none. */
static int64_t left_of(const struct http_transfer *transfer, int64_t limit_ms)
{
    int64_t left_ms = limit_ms - (clock_mono_us() - transfer->started_us) / 1000;
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
    if (code != CURLE_COULDNT_RESOLVE_HOST || !http_host_is_asked(&transfer->host) ||
        ++transfer->lookups > LOOKUPS_MAX) {
        return false;
    }
    curl_multi_remove_handle(transfer->client->multi.curl, transfer->easy); /* it has no connection */
    transfer->is_running = false;
    transfer->was_sent = transfer->was_sent || http_curl_sent(transfer->easy);
    int64_t left_ms = left_of(transfer, transfer->timeout_ms);
    int64_t connect_ms = transfer->connect_timeout_ms > 0 ? transfer->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    connect_ms = left_of(transfer, connect_ms);
    http_host_look_up(&transfer->host, transfer->client->resolver,
                      left_ms > 0 && left_ms < connect_ms ? left_ms : connect_ms, on_addresses, transfer);
    return true;
}

/* ---- the queue ---- */

static void collect(struct http_client *client)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi.curl, &left)) != NULL;) {
        struct http_transfer *transfer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        if (look_up(transfer, message->data.result)) {
            continue;
        }
        transfer->code = http_curl_check_head(&transfer->head, message->data.result, transfer->error_text);
        transfer->ended = true;
        leave_curl(transfer, transfer->code == CURLE_OK ? HTTP_MULTI_ANSWERED : HTTP_MULTI_FAILED);
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
        client->ready = transfer->next_ready;
        if (client->ready == NULL) {
            client->ready_end = &client->ready;
        }
        transfer->is_ready = false;
        transfer->deliver(transfer);
    }
    client->delivering = false;
}

void http_transfers_ran(void *user)
{
    collect(user);
    http_transfers_deliver(user);
}

void http_transfer_ready(struct http_transfer *transfer)
{
    struct http_client *client = transfer->client;
    if (!transfer->is_ready) {
        transfer->is_ready = true;
        transfer->next_ready = NULL;
        *client->ready_end = transfer;
        client->ready_end = &transfer->next_ready;
    }
}

static void not_ready(struct http_transfer *transfer)
{
    struct http_client *client = transfer->client;
    if (!transfer->is_ready) {
        return;
    }
    struct http_transfer **at = &client->ready;
    while (*at != transfer) {
        at = &(*at)->next_ready;
    }
    *at = transfer->next_ready;
    if (*at == NULL) {
        client->ready_end = at;
    }
    transfer->is_ready = false;
}

static void deliver_late(struct http_client *client)
{
    if (client->ready != NULL && !client->delivering) {
        loop_defer(client->loop, &client->late);
    }
}

static void run(struct http_transfer *transfer)
{
    curl_easy_setopt(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)left_of(transfer, transfer->connect_timeout_ms));
    curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, (long)left_of(transfer, transfer->timeout_ms));
    transfer->is_started = transfer->is_running = true;
    http_multi_start(&transfer->client->multi, transfer->easy);
    collect(transfer->client);
    deliver_late(transfer->client);
}

void http_transfer_start(struct http_transfer *transfer)
{
    transfer->started_us = clock_mono_us();
    if (transfer->has_bad_header) {
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
    transfer->code = code;
    if (transfer->is_running) {
        leave_curl(transfer, HTTP_MULTI_STOPPED);
    }
    http_host_cancel(&transfer->host);
    snprintf(transfer->error_text, sizeof(transfer->error_text), "%s", text);
    http_transfer_ready(transfer);
    deliver_late(transfer->client);
}

/* A server that refuses our certificate, or misses one, ends the connection only after the handshake. */
static void describe_tls(const struct http_transfer *transfer, const struct http_curl_end *end,
                         struct http_result *result, struct buf *text)
{
    struct http_tls_failure failure = {&transfer->client->tls, transfer->easy, transfer->code,
                                       http_curl_reason(end)};
    bool certain = true;
    if (result->transport == HTTP_TRANSPORT_RESET && transfer->is_tls &&
        http_tls_is_refused(&failure, &certain)) {
        result->transport = HTTP_TRANSPORT_TLS;
    }
    if (result->transport == HTTP_TRANSPORT_TLS) {
        result->sent = result->sent && !certain; /* no server reads a request before it knows the client */
        http_curl_describe_url(text, transfer->url);
        http_tls_describe(text, &failure);
    }
}

struct http_result http_transfer_result(const struct http_transfer *transfer, struct buf *text)
{
    struct http_curl_end end = {
        .easy = transfer->easy,
        .url = transfer->url,
        .code = transfer->code,
        .error_text = transfer->error_text,
        .too_large = transfer->too_large,
        .head_too_large = transfer->head.too_large,
        .timeout_ms = transfer->text_timeout_ms,
        .connect_timeout_ms = transfer->connect_timeout_ms,
    };
    char *content_type = NULL;
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
    struct http_result result = {
        .transport = http_curl_transport(&end),
        .sent = transfer->was_sent || (transfer->is_started && http_curl_sent(transfer->easy)),
        .status = transfer->head.status,
        .content_type = str_of(content_type),
        .elapsed_us = transfer->ended_us - transfer->started_us,
    };
    describe_tls(transfer, &end, &result, text);
    if (result.transport != HTTP_TRANSPORT_OK && result.transport != HTTP_TRANSPORT_TLS) {
        http_curl_describe(text, &end, result.transport);
    }
    result.text = buf_text(text);
    return result;
}

void http_transfer_clear(struct http_transfer *transfer)
{
    wipe_secret(transfer);
    if (transfer->body.capacity > BODY_KEPT) {
        buf_fini(&transfer->body);
    }
    buf_clear(&transfer->body);
}
