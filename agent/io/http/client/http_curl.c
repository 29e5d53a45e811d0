#include "http_curl_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* Where memory runs out we abort, as everywhere (base/mem.h): libcurl fails in setopt for no other reason. */
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

/* libcurl copies what it sends, passwords and tokens included, and frees the copies as they are. Here memory
 * is wiped before it is given back. */
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

/* CURL_GLOBAL_SSL has had no effect since 7.57: OpenSSL itself is always initialised (2.4 MB of shared pages,
 * 90 kB of our own). What costs memory is the certificate store, and that is read at the first handshake. */
int http_curl_init(struct error *err)
{
    CURLcode code =
        curl_global_init_mem(CURL_GLOBAL_NOTHING, malloc, wiping_free, wiping_realloc, strdup, calloc);
    if (code != CURLE_OK) {
        return error_set(err, ERROR_SYSTEM, "libcurl cannot be initialised: %s", curl_easy_strerror(code));
    }
    return 0;
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
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Without it a call that times out while its name is being resolved waits for the resolver's thread, and
     * the loop with it. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    return easy;
}

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

enum http_transport http_curl_transport(CURL *easy, CURLcode code, bool too_large)
{
    if (too_large) {
        return HTTP_TRANSPORT_TOO_LARGE;
    }
    switch (code) {
    case CURLE_OK: return HTTP_TRANSPORT_OK;
    case CURLE_COULDNT_CONNECT: return connect_failure(easy);
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

const char *http_curl_words(CURLcode code, const char *error_text)
{
    return error_text[0] == '\0' ? curl_easy_strerror(code) : error_text;
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

void http_curl_describe(struct buf *text, const char *url, enum http_transport transport, CURLcode code,
                        const char *error_text)
{
    const char *words = http_curl_words(code, error_text);
    http_curl_describe_url(text, url);
    switch (transport) {
    case HTTP_TRANSPORT_OK: break;
    case HTTP_TRANSPORT_REFUSED: buf_printf(text, "connection refused"); break;
    case HTTP_TRANSPORT_TOO_LARGE: buf_printf(text, "the answer is larger than we accept"); break;
    case HTTP_TRANSPORT_UNREACHABLE: buf_printf(text, "unreachable: %s", words); break;
    case HTTP_TRANSPORT_RESET: buf_printf(text, "connection lost: %s", words); break;
    case HTTP_TRANSPORT_TLS: buf_printf(text, "no secure connection: %s", words); break;
    case HTTP_TRANSPORT_TIMEOUT:
    case HTTP_TRANSPORT_RESOLVE:
    case HTTP_TRANSPORT_OTHER: buf_printf(text, "%s", words); break;
    }
}
