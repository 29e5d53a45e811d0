#include "http_transfer_internal.h"

#include "http_curl_internal.h"
#include "http_tls_internal.h"
#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_KEPT = 16384 };

void http_transfer_init(struct http_transfer *transfer, struct http_secure *client,
                        void (*deliver)(struct http_transfer *transfer))
{
    *transfer = (struct http_transfer){.client = client, .deliver = deliver};
    transfer->easy = http_curl_new(transfer->error_text);
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
    http_tls_apply(transfer->easy, client->tls);
    http_multi_adopt(&client->multi, transfer->easy);
}

/* What is secret is wiped here; what libcurl copied of it, when libcurl frees it (http_curl_init). */
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
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->connect_to);
    free(transfer->url);
    buf_fini(&transfer->body);
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
}

void http_transfer_fill(struct http_transfer *transfer, const struct http_call *call, const char *more)
{
    if (transfer->url == NULL || strcmp(transfer->url, call->url) != 0) {
        free(transfer->url);
        transfer->url = mem_strdup(call->url);
        struct curl_slist *connect_to = http_tls_set_url(transfer->easy, transfer->client->tls, call->url);
        curl_slist_free_all(transfer->connect_to);
        transfer->connect_to = connect_to;
    }
    set_headers(transfer, call->headers, more);
    buf_str(&transfer->body, call->body);
    transfer->secret = call->secret;
    transfer->ended = false;
    transfer->too_large = false;
    transfer->error_text[0] = '\0';
    curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, buf_text(&transfer->body));
    curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.size);
    curl_easy_setopt(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->connect_timeout_ms);
}

/* Over HTTP/2 libcurl keeps the connection of a call that failed, timed out or was cancelled; we do not trust
 * it any more. */
static void leave_curl(struct http_transfer *transfer, bool good)
{
    curl_multi_remove_handle(transfer->client->multi.curl, transfer->easy);
    transfer->is_running = false;
    if (!good) {
        http_multi_distrust(&transfer->client->multi, transfer->easy);
    }
}

static void collect(struct http_secure *client)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi.curl, &left)) != NULL;) {
        struct http_transfer *transfer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        transfer->code = message->data.result;
        transfer->ended = true;
        leave_curl(transfer, transfer->code == CURLE_OK);
        http_transfer_ready(transfer);
    }
}

void http_transfers_deliver(void *user)
{
    struct http_secure *client = user;
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
    struct http_secure *client = transfer->client;
    if (!transfer->is_ready) {
        transfer->is_ready = true;
        transfer->next_ready = NULL;
        *client->ready_end = transfer;
        client->ready_end = &transfer->next_ready;
    }
}

static void not_ready(struct http_transfer *transfer)
{
    struct http_secure *client = transfer->client;
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

static void deliver_late(struct http_secure *client)
{
    if (client->ready != NULL && !client->delivering) {
        loop_defer(client->loop, &client->late);
    }
}

void http_transfer_start(struct http_transfer *transfer)
{
    transfer->is_running = true;
    http_multi_start(&transfer->client->multi, transfer->easy);
    collect(transfer->client);
    deliver_late(transfer->client);
}

void http_transfer_stop(struct http_transfer *transfer)
{
    if (transfer->is_running) {
        leave_curl(transfer, false);
    }
    not_ready(transfer);
}

void http_transfer_abort(struct http_transfer *transfer, CURLcode code, const char *words)
{
    if (transfer->is_running) {
        leave_curl(transfer, false);
    }
    transfer->ended = true;
    transfer->code = code;
    snprintf(transfer->error_text, sizeof(transfer->error_text), "%s", words);
    http_transfer_ready(transfer);
    deliver_late(transfer->client);
}

struct http_result http_transfer_result(const struct http_transfer *transfer, struct buf *text)
{
    long status = 0;
    curl_off_t elapsed_us = 0;
    char *content_type = NULL;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &elapsed_us);
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
    struct http_result result = {
        .transport = http_curl_transport(transfer->easy, transfer->code, transfer->too_large),
        .sent = http_curl_sent(transfer->easy),
        .status = (int)status,
        .content_type = str_of(content_type),
        .elapsed_us = elapsed_us,
    };
    struct http_tls_failure failure = {transfer->client->tls, transfer->easy, transfer->code,
                                       http_curl_words(transfer->code, transfer->error_text)};
    bool certain = true;
    if (result.transport == HTTP_TRANSPORT_RESET && http_tls_is_refused(&failure, &certain)) {
        result.transport = HTTP_TRANSPORT_TLS;
    }
    if (result.transport == HTTP_TRANSPORT_TLS) {
        result.sent = result.sent && !certain; /* no server reads a request before it knows the client */
        http_curl_describe_url(text, transfer->url);
        http_tls_describe(text, &failure);
    } else if (result.transport != HTTP_TRANSPORT_OK) {
        http_curl_describe(text, transfer->url, result.transport, transfer->code, transfer->error_text);
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
