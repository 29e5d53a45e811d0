#include "http_curl_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/mem.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTION_AGE_MAX_S 86400L

/* Out of memory aborts, as everywhere (base/mem.h): curl_easy_setopt fails for no other reason here. */
static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

const char *http_transport_name(enum http_transport transport)
{
    static const char *const names[] = {
#define X(code, text) [code] = text,
        HTTP_TRANSPORTS(X)
#undef X
    };
    return (size_t)transport < COUNT_OF(names) ? names[transport] : "unknown";
}

/* libcurl copies what it sends, passwords and tokens included, and frees the copies as they are. */
static void wiping_free(void *data)
{
    if (data != NULL) {
        mem_wipe(data, malloc_usable_size(data));
        free(data);
    }
}

static void *wiping_realloc(void *old, size_t size)
{
    size_t old_size = old == NULL ? 0 : malloc_usable_size(old);
    void *data = malloc(size);
    if (data != NULL && old != NULL) {
        memcpy(data, old, old_size < size ? old_size : size);
        wiping_free(old);
    }
    return data;
}

/* CURL_GLOBAL_SSL has no effect since libcurl 7.57: OpenSSL is always initialised, for http:// as well. It costs
 * 90 kB of private memory; the certificate store is read at the first handshake. */
void http_curl_init(void)
{
    CURLcode code =
        curl_global_init_mem(CURL_GLOBAL_NOTHING, malloc, wiping_free, wiping_realloc, strdup, calloc);
    if (code != CURLE_OK) {
        fprintf(stderr, "outrider: libcurl failed to initialise: %s\n", curl_easy_strerror(code));
        abort();
    }
}

static void restrict_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK);
#else
    must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) == CURLE_OK);
#endif
}

CURL *http_curl_new(char *error_text)
{
    CURL *easy = curl_easy_init();
    must(easy != NULL);
    error_text[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    must(curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK);
    restrict_protocols(easy);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 10L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 3L);
    /* Its default closes what was idle for 118 s. A kept connection is watched by the probes instead. */
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, CONNECTION_AGE_MAX_S);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Without it a fetch that times out during name resolution waits for libcurl's resolver thread. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    return easy;
}

/* libcurl's "Accept" header must stay: without it etcd takes a request without a token for its own
 * (docs/design/etcd-gateway.md, "TLS"). */
struct curl_slist *http_curl_headers(const char *const *headers)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    must(list != NULL);
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        must(curl_slist_append(list, headers[i]) != NULL);
    }
    return list;
}

bool http_curl_same_headers(const struct curl_slist *list, const char *const *headers)
{
    if (list == NULL) {
        return false;
    }
    list = list->next;
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++, list = list->next) {
        if (list == NULL || strcmp(list->data, headers[i]) != 0) {
            return false;
        }
    }
    return list == NULL;
}

bool http_curl_head_line(struct http_curl_head *head, CURL *easy, const char *line, size_t size)
{
    head->size += size;
    if (head->size > HTTP_CURL_HEAD_MAX) {
        head->too_large = true;
        return false;
    }
    if (head->status == 0 && (line[0] == '\r' || line[0] == '\n')) {
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        head->status = status >= 200 ? (int)status : 0;
    }
    return true;
}

CURLcode http_curl_check_head(const struct http_curl_head *head, CURLcode code, char *error_text)
{
    if (code != CURLE_OK || head->status != 0) {
        return code;
    }
    snprintf(error_text, CURL_ERROR_SIZE, "the head of the answer is incomplete");
    return CURLE_RECV_ERROR;
}

static enum http_transport connect_failure(CURL *easy)
{
    long number = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    switch (number) {
    case ETIMEDOUT: return HTTP_TRANSPORT_TIMEOUT;
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL: return HTTP_TRANSPORT_UNREACHABLE;
    case ECONNRESET: return HTTP_TRANSPORT_RESET;
    default: return HTTP_TRANSPORT_REFUSED;
    }
}

enum http_transport http_curl_transport(const struct http_curl_end *end)
{
    if (end->too_large) {
        return HTTP_TRANSPORT_TOO_LARGE;
    }
    switch (end->code) {
    case CURLE_OK: return HTTP_TRANSPORT_OK;
    case CURLE_COULDNT_CONNECT: return connect_failure(end->easy);
    case CURLE_OPERATION_TIMEDOUT: return HTTP_TRANSPORT_TIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST: return HTTP_TRANSPORT_RESOLVE;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return HTTP_TRANSPORT_RESET;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_USE_SSL_FAILED: return HTTP_TRANSPORT_TLS;
    default: return HTTP_TRANSPORT_OTHER;
    }
}

bool http_curl_sent(CURL *easy)
{
    long head = 0;
    curl_off_t body = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &head);
    curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &body);
    return head > 0 || body > 0;
}

const char *http_curl_reason(const struct http_curl_end *end)
{
    return end->error_text[0] == '\0' ? curl_easy_strerror(end->code) : end->error_text;
}

/* The URL may carry a password, and the text ends in a log. */
void http_curl_describe_url(struct buf *text, const char *url)
{
    CURLU *parts = curl_url();
    must(parts != NULL);
    char *clean = NULL;
    if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK) {
        curl_url_set(parts, CURLUPART_USER, NULL, 0);
        curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
        curl_url_get(parts, CURLUPART_URL, &clean, 0);
    }
    buf_printf(text, "%s: ", clean == NULL ? "malformed URL" : clean);
    curl_free(clean);
    curl_url_cleanup(parts);
}

/* libcurl's texts for a failed connect repeat the address; the error number says more. */
static const char *connect_reason(const struct http_curl_end *end)
{
    long number = 0;
    curl_easy_getinfo(end->easy, CURLINFO_OS_ERRNO, &number);
    return end->code == CURLE_COULDNT_CONNECT && number != 0 ? strerror((int)number) : http_curl_reason(end);
}

static void describe_timeout(struct buf *text, const struct http_curl_end *end)
{
    char limit[24];
    bool sent = http_curl_sent(end->easy);
    long status = 0;
    curl_easy_getinfo(end->easy, CURLINFO_RESPONSE_CODE, &status);
    int64_t limit_ms = end->timeout_ms;
    if (!sent && end->connect_timeout_ms > 0 && (limit_ms == 0 || end->connect_timeout_ms < limit_ms)) {
        limit_ms = end->connect_timeout_ms;
    }
    if (status >= 200 && end->silence_ms > 0) {
        buf_printf(text, "the server sent nothing for %s", duration_format(end->silence_ms, limit));
        return;
    }
    if (end->code != CURLE_OPERATION_TIMEDOUT || limit_ms == 0) {
        buf_printf(text, "%s", connect_reason(end));
        return;
    }
    buf_printf(text, "%s within %s",
               !sent           ? "no connection"
               : status >= 200 ? "the answer did not end"
                               : "no answer",
               duration_format(limit_ms, limit));
}

void http_curl_describe(struct buf *text, const struct http_curl_end *end, enum http_transport transport)
{
    http_curl_describe_url(text, end->url);
    switch (transport) {
    case HTTP_TRANSPORT_OK: break;
    case HTTP_TRANSPORT_REFUSED: buf_printf(text, "connection refused"); break;
    case HTTP_TRANSPORT_TOO_LARGE: buf_printf(text, "the answer is larger than accepted"); break;
    case HTTP_TRANSPORT_UNREACHABLE: buf_printf(text, "unreachable: %s", connect_reason(end)); break;
    case HTTP_TRANSPORT_RESET: buf_printf(text, "connection lost: %s", http_curl_reason(end)); break;
    case HTTP_TRANSPORT_TLS: buf_printf(text, "no secure connection: %s", http_curl_reason(end)); break;
    case HTTP_TRANSPORT_TIMEOUT: describe_timeout(text, end); break;
    case HTTP_TRANSPORT_RESOLVE:
    case HTTP_TRANSPORT_OTHER:
        buf_printf(text, "%s",
                   end->head_too_large ? "the headers of the answer exceed 16 kB" : http_curl_reason(end));
        break;
    }
}
