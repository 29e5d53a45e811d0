#include "outrider/io/http/client/http_fetch.h"

#include "http_curl_internal.h"
#include "outrider/base/error.h"

struct transfer {
    const struct http_fetch_request *request;
    CURL *easy;
    struct buf body;
    size_t max_response;
    struct http_curl_head head;
    bool too_large;
};

static size_t received(char *data, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    size_t bytes = size * count;
    if (transfer->request->data != NULL) {
        struct str view = {data, bytes};
        transfer->too_large = !transfer->request->data(transfer->head.status, view, transfer->request->user);
        return transfer->too_large ? 0 : bytes;
    }
    if (bytes > transfer->max_response - transfer->body.size) {
        transfer->too_large = true;
        return 0;
    }
    buf_add(&transfer->body, data, bytes);
    return bytes;
}

static size_t head_line(char *line, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    size_t bytes = size * count;
    int before = transfer->head.status;
    if (!http_curl_head_line(&transfer->head, transfer->easy, line, bytes)) {
        return 0;
    }
    if (transfer->request->data == NULL || transfer->head.status == before) {
        return bytes;
    }
    struct str none = {NULL, 0};
    transfer->too_large = !transfer->request->data(transfer->head.status, none, transfer->request->user);
    return transfer->too_large ? 0 : bytes;
}

static enum error_code error_for(enum http_transport transport, const struct http_curl_end *end)
{
    switch (transport) {
    case HTTP_TRANSPORT_REFUSED:
    case HTTP_TRANSPORT_UNREACHABLE:
    case HTTP_TRANSPORT_RESET: return ERROR_UNREACHABLE;
    case HTTP_TRANSPORT_TIMEOUT: return ERROR_TIMEOUT;
    case HTTP_TRANSPORT_RESOLVE: return ERROR_NOT_FOUND;
    case HTTP_TRANSPORT_TOO_LARGE: return ERROR_LIMIT;
    case HTTP_TRANSPORT_OK:
    case HTTP_TRANSPORT_TLS:
    case HTTP_TRANSPORT_OTHER: break;
    }
    bool bad_url = end->code == CURLE_URL_MALFORMAT || end->code == CURLE_UNSUPPORTED_PROTOCOL;
    return bad_url && !http_curl_sent(end->easy) ? ERROR_INVALID : ERROR_PROTOCOL;
}

static void set_method(CURL *easy, const struct http_fetch_request *request)
{
    bool has_body =
        request->body.size > 0 || strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0;
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (has_body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data == NULL ? "" : request->body.data);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static int on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct http_fetch_request *request = user;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    request->tick(request->user);
    return 0;
}

static void set_progress(CURL *easy, const struct http_fetch_request *request)
{
    if (request->tick != NULL) {
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, (void *)(uintptr_t)request);
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    }
    if (request->silence_ms > 0) {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((request->silence_ms + 999) / 1000));
    }
}

static int failed(const struct http_fetch_request *request, const struct http_curl_end *end,
                  struct error *err)
{
    enum http_transport transport = http_curl_transport(end);
    struct buf text = {0};
    http_curl_describe(&text, end, transport);
    error_set(err, error_for(transport, end), "%s", buf_text(&text));
    buf_fini(&text);
    long reason = 0;
    curl_easy_getinfo(end->easy, CURLINFO_OS_ERRNO, &reason);
    if (request->unix_path != NULL && transport == HTTP_TRANSPORT_REFUSED && reason != 0) {
        /* To libcurl a missing socket and a denied one are the same failed connection. */
        error_errno(err, (int)reason, "cannot connect to %s", request->unix_path);
        err->code = error_for(transport, end);
    } else if (request->unix_path != NULL) {
        error_wrap(err, "%s", request->unix_path);
    }
    return -1;
}

int http_fetch(const struct http_fetch_request *request, struct error *err, int *ret_status,
               struct buf *ret_body)
{
    http_curl_init();
    char error_text[CURL_ERROR_SIZE];
    struct transfer transfer = {.max_response = request->max_response};
    CURL *easy = http_curl_new(error_text);
    transfer.request = request;
    transfer.easy = easy;
    struct curl_slist *headers = http_curl_headers(request->headers);
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_path);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, received);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, head_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    set_method(easy, request);
    set_progress(easy, request);
    int result = 0;
    CURLcode code = http_curl_check_head(&transfer.head, curl_easy_perform(easy), error_text);
    if (code != CURLE_OK) {
        struct http_curl_end end = {.easy = easy,
                                    .url = request->url,
                                    .code = code,
                                    .error_text = error_text,
                                    .too_large = transfer.too_large,
                                    .head_too_large = transfer.head.too_large,
                                    .timeout_ms = request->timeout_ms,
                                    .silence_ms = request->silence_ms};
        result = failed(request, &end, err);
    } else {
        *ret_status = transfer.head.status;
        buf_str(ret_body, buf_view(&transfer.body));
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    buf_fini(&transfer.body);
    curl_global_cleanup();
    return result;
}
