#include "outrider/io/http/client/http_fetch.h"

#include "http_curl_internal.h"
#include "outrider/base/error.h"
#include "outrider/os/clock.h"

struct fetch {
    struct http_curl curl; /* the first: `arrived` gets it */
    const struct http_fetch_request *request;
    uint64_t received;    /* bytes of head and body, when the progress was seen last */
    int64_t last_byte_ms; /* when that had grown, by clock_mono_ms; before the first byte: the start */
};

static bool deliver(struct http_curl *curl)
{
    const struct http_fetch_request *request = ((struct fetch *)curl)->request;
    bool more = request->data(curl->status, buf_view(&curl->body), request->user);
    buf_clear(&curl->body);
    return more;
}

static enum error_code error_for(enum http_transport transport, const struct http_curl *curl)
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
    bool bad_url = curl->code == CURLE_URL_MALFORMAT || curl->code == CURLE_UNSUPPORTED_PROTOCOL;
    return bad_url && !http_curl_sent(curl) ? ERROR_INVALID : ERROR_PROTOCOL;
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

/* libcurl's own limit (CURLOPT_LOW_SPEED_TIME) is one of speed: a few bytes every 15 s are slower than the least that
 * it can be told, one byte a second. */
static bool is_silent(struct fetch *fetch, uint64_t received)
{
    int64_t now_ms = clock_mono_ms();
    if (received != fetch->received) {
        fetch->received = received;
        fetch->last_byte_ms = now_ms;
    }
    return fetch->request->silence_ms > 0 && now_ms - fetch->last_byte_ms >= fetch->request->silence_ms;
}

/* Called after each arrival, and at least once a second. */
static int on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct fetch *fetch = user;
    (void)down_total;
    (void)up_total;
    (void)up;
    fetch->curl.is_silent = is_silent(fetch, fetch->curl.head_size + (uint64_t)down);
    if (!fetch->curl.is_silent && fetch->request->tick != NULL) {
        fetch->request->tick(fetch->request->user);
    }
    return fetch->curl.is_silent ? 1 : 0;
}

static int failed(const struct http_fetch_request *request, const struct http_curl *curl, struct error *err)
{
    enum http_transport transport = http_curl_transport(curl);
    struct buf text = {0};
    http_curl_describe(&text, curl, transport);
    error_set(err, error_for(transport, curl), "%s", buf_text(&text));
    buf_fini(&text);
    long reason = 0;
    curl_easy_getinfo(curl->easy, CURLINFO_OS_ERRNO, &reason);
    if (request->unix_path != NULL && transport == HTTP_TRANSPORT_REFUSED && reason != 0) {
        /* To libcurl a missing socket and a denied one are the same failed connection. */
        error_errno(err, (int)reason, "cannot connect to %s", request->unix_path);
        err->code = error_for(transport, curl);
    } else if (request->unix_path != NULL) {
        error_wrap(err, "%s", request->unix_path);
    }
    return -1;
}

int http_fetch(const struct http_fetch_request *request, struct error *err, int *ret_status,
               struct buf *ret_body)
{
    struct fetch fetch = {.request = request,
                          .curl = {.url = request->url,
                                   .timeout_ms = request->timeout_ms,
                                   .silence_ms = request->silence_ms,
                                   .max_body = request->data == NULL ? request->max_response : SIZE_MAX,
                                   .arrived = request->data == NULL ? NULL : deliver}};
    if (http_curl_has_line_break(request->headers)) {
        return error_set(err, ERROR_INVALID, "a header of the request has a line break");
    }
    http_curl_global_init();
    http_curl_init(&fetch.curl);
    http_curl_set_headers(&fetch.curl, request->headers, NULL);
    CURL *easy = fetch.curl.easy;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_path);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &fetch);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    set_method(easy, request);
    fetch.last_byte_ms = clock_mono_ms();
    CURLcode code = curl_easy_perform(easy);
    http_curl_end(&fetch.curl, fetch.curl.is_silent ? CURLE_OPERATION_TIMEDOUT : code);
    int result = 0;
    if (fetch.curl.code != CURLE_OK) {
        result = failed(request, &fetch.curl, err);
    } else {
        *ret_status = fetch.curl.status;
        buf_str(ret_body, buf_view(&fetch.curl.body));
    }
    http_curl_fini(&fetch.curl);
    curl_global_cleanup();
    return result;
}
