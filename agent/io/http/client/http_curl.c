#include "http_curl_internal.h"

#include "outrider/base/duration.h"
#include "outrider/base/mem.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTION_AGE_MAX_S 86400L

/* Bytes of headers accepted in an answer. */
enum { HEAD_MAX = 16384 };

void http_curl_must(CURLcode code)
{
    if (code != CURLE_OK) {
        abort();
    }
}

struct curl_slist *http_curl_append(struct curl_slist *list, const char *text)
{
    list = curl_slist_append(list, text);
    if (list == NULL) {
        abort();
    }
    return list;
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

/* http_tls.c hands OpenSSL's structures to OpenSSL: another TLS library would take them for its own. */
static void must_be_openssl(void)
{
    const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;
    if (library == NULL || strncmp(library, "OpenSSL/", 8) != 0) {
        fprintf(stderr, "outrider: libcurl is built with %s: install the one that is built with OpenSSL\n",
                library == NULL ? "no TLS library" : library);
        abort();
    }
}

/* CURL_GLOBAL_SSL has no effect since libcurl 7.57: OpenSSL is always initialised, for http:// as well. It costs
 * 90 kB of private memory; the certificate store is read at the first handshake. */
void http_curl_global_init(void)
{
    CURLcode code =
        curl_global_init_mem(CURL_GLOBAL_NOTHING, malloc, wiping_free, wiping_realloc, strdup, calloc);
    if (code != CURLE_OK) {
        fprintf(stderr, "outrider: libcurl failed to initialise: %s\n", curl_easy_strerror(code));
        abort();
    }
    must_be_openssl();
}

/* A head begins with its status, and is dropped where another follows. */
static void keep_line(struct http_curl *curl, struct str line)
{
    if (str_starts(line, STR("HTTP/"))) {
        buf_clear(&curl->head);
    } else {
        buf_str(curl->status == 0 ? &curl->head : &curl->trailers, line);
    }
}

/* Gets one line at a time, the empty one last. Interim answers have heads of their own; trailers come here as well. */
static size_t on_head(char *line, size_t size, size_t count, void *user)
{
    struct http_curl *curl = user;
    size_t bytes = size * count;
    curl->head_size += bytes;
    curl->head_too_large = curl->head_size > HEAD_MAX;
    if (curl->head_too_large) {
        return 0;
    }
    if (curl->keep_head) {
        keep_line(curl, (struct str){line, bytes});
    }
    if (curl->status == 0 && (line[0] == '\r' || line[0] == '\n')) {
        long status = 0;
        curl_easy_getinfo(curl->easy, CURLINFO_RESPONSE_CODE, &status);
        curl->status = status >= 200 ? (int)status : 0;
        curl->too_large = status >= 200 && curl->arrived != NULL && !curl->arrived(curl);
    }
    return curl->too_large ? 0 : bytes;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct http_curl *curl = user;
    size_t bytes = size * count;
    size_t room = curl->max_body - curl->body.size;
    curl->is_cut = curl->cut && bytes > room;
    if (curl->is_cut) {
        buf_add(&curl->body, data, room);
        return 0;
    }
    curl->too_large = bytes > room;
    if (!curl->too_large) {
        buf_add(&curl->body, data, bytes);
        curl->too_large = curl->arrived != NULL && !curl->arrived(curl);
    }
    return curl->too_large ? 0 : bytes;
}

/* Its default leaves the socket to every program that the process might run. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)user;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void http_curl_init(struct http_curl *curl)
{
    CURL *easy = curl->easy = curl_easy_init();
    if (easy == NULL) {
        abort();
    }
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl->error_text);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, curl);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, curl);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    http_curl_must(curl_easy_setopt(easy, CURLOPT_PROXY, ""));
#if LIBCURL_VERSION_NUM >= 0x075500
    http_curl_must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"));
#else
    http_curl_must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)));
#endif
    http_tls_require_names(easy);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
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
}

void http_curl_fini(struct http_curl *curl)
{
    curl_easy_cleanup(curl->easy);
    curl_slist_free_all(curl->headers);
    buf_fini(&curl->body);
    buf_fini(&curl->head);
    buf_fini(&curl->trailers);
}

/* Whether the headers of the request before, after "Expect:", are the same. */
static bool has_headers(const struct http_curl *curl, const char *const *headers)
{
    const struct curl_slist *each = curl->headers == NULL ? NULL : curl->headers->next;
    for (; headers != NULL && *headers != NULL; headers++, each = each->next) {
        if (each == NULL || strcmp(each->data, *headers) != 0) {
            return false;
        }
    }
    return curl->headers != NULL && each == NULL;
}

bool http_curl_has_line_break(const char *const *headers)
{
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        if (strpbrk(headers[i], "\r\n") != NULL) {
            return true;
        }
    }
    return false;
}

/* libcurl's "Accept" header must stay: without it etcd takes a request without a token for its own
 * (docs/design/etcd-gateway.md, "TLS"). */
void http_curl_set_headers(struct http_curl *curl, const char *const *headers, const char *more)
{
    if (more == NULL && has_headers(curl, headers)) {
        return;
    }
    struct curl_slist *list = http_curl_append(NULL, "Expect:");
    for (; headers != NULL && *headers != NULL; headers++) {
        http_curl_append(list, *headers);
    }
    if (more != NULL) {
        http_curl_append(list, more);
    }
    curl_easy_setopt(curl->easy, CURLOPT_HTTPHEADER, list);
    curl_slist_free_all(curl->headers);
    curl->headers = list;
}

void http_curl_begin(struct http_curl *curl)
{
    buf_clear(&curl->body);
    buf_clear(&curl->head);
    buf_clear(&curl->trailers);
    curl->failed_as = HTTP_TRANSPORT_OK;
    curl->status = 0;
    curl->head_size = 0;
    curl->head_too_large = curl->too_large = curl->is_cut = false;
    curl->error_text[0] = '\0';
}

void http_curl_end(struct http_curl *curl, CURLcode code)
{
    curl->code = curl->is_cut ? CURLE_OK : code;
    if (code == CURLE_OK && curl->status == 0) {
        curl->code = CURLE_RECV_ERROR;
        snprintf(curl->error_text, sizeof(curl->error_text), "the head of the answer is incomplete");
    }
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

enum http_transport http_curl_transport(const struct http_curl *curl)
{
    if (curl->too_large) {
        return HTTP_TRANSPORT_TOO_LARGE;
    }
    if (curl->failed_as != HTTP_TRANSPORT_OK) {
        return curl->failed_as;
    }
    switch (curl->code) {
    case CURLE_OK: return HTTP_TRANSPORT_OK;
    case CURLE_COULDNT_CONNECT: return connect_failure(curl->easy);
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

bool http_curl_sent(const struct http_curl *curl)
{
    long head = 0;
    curl_off_t body = 0;
    curl_easy_getinfo(curl->easy, CURLINFO_REQUEST_SIZE, &head);
    curl_easy_getinfo(curl->easy, CURLINFO_SIZE_UPLOAD_T, &body);
    return head > 0 || body > 0;
}

const char *http_curl_reason(const struct http_curl *curl)
{
    return curl->error_text[0] == '\0' ? curl_easy_strerror(curl->code) : curl->error_text;
}

/* Without user and password: the text ends in a log. */
static void describe_url(struct buf *text, const char *url)
{
    CURLU *parts = curl_url();
    char *clean = NULL;
    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK) {
        curl_url_set(parts, CURLUPART_USER, NULL, 0);
        curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
        curl_url_get(parts, CURLUPART_URL, &clean, 0);
    }
    buf_printf(text, "%s: ", clean == NULL ? "malformed URL" : clean);
    curl_free(clean);
    curl_url_cleanup(parts);
}

/* libcurl's texts for a failed connect repeat the address; the error number says more. */
static const char *connect_reason(const struct http_curl *curl)
{
    long number = 0;
    curl_easy_getinfo(curl->easy, CURLINFO_OS_ERRNO, &number);
    return curl->code == CURLE_COULDNT_CONNECT && number != 0 ? strerror((int)number)
                                                              : http_curl_reason(curl);
}

static void describe_timeout(struct buf *text, const struct http_curl *curl)
{
    char limit[24];
    bool sent = http_curl_sent(curl);
    long status = 0;
    curl_easy_getinfo(curl->easy, CURLINFO_RESPONSE_CODE, &status);
    int64_t limit_ms = curl->is_silent ? curl->silence_ms : curl->timeout_ms;
    if (!sent && curl->connect_timeout_ms > 0 && (limit_ms == 0 || curl->connect_timeout_ms < limit_ms)) {
        limit_ms = curl->connect_timeout_ms;
    }
    if (sent && curl->is_silent) {
        buf_printf(text, "the server sent nothing for %s", duration_format(curl->silence_ms, limit));
        return;
    }
    if (curl->code != CURLE_OPERATION_TIMEDOUT || limit_ms == 0) {
        buf_printf(text, "%s", connect_reason(curl));
        return;
    }
    buf_printf(text, "%s within %s",
               !sent           ? "no connection"
               : status >= 200 ? "the answer did not end"
                               : "no answer",
               duration_format(limit_ms, limit));
}

/* A new connection over TCP, without TLS, that ended without a byte: what some servers do that want TLS, etcd 3.4
 * among them. */
static bool is_hung_up_on(const struct http_curl *curl)
{
    long connects = 0, port = 0;
    curl_easy_getinfo(curl->easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(curl->easy, CURLINFO_PRIMARY_PORT, &port); /* 0: a unix socket */
    return curl->code == CURLE_GOT_NOTHING && connects > 0 && port > 0 &&
           strncmp(curl->url, "http://", 7) == 0;
}

/* What libcurl says of an answer that does not begin as one of HTTP depends on how it does not. */
static void describe_other(struct buf *text, const struct http_curl *curl)
{
    /* A line that libcurl finds too long itself is one that it has no memory for. */
    if (curl->head_too_large || (curl->code == CURLE_OUT_OF_MEMORY && curl->status == 0)) {
        buf_printf(text, "the headers of the answer exceed 16 kB");
    } else if (curl->code == CURLE_UNSUPPORTED_PROTOCOL && http_curl_sent(curl)) {
        buf_printf(text, "no status line: what answers on this port does not speak HTTP");
    } else {
        buf_printf(text, "%s", http_curl_reason(curl));
    }
}

size_t http_curl_describe(struct buf *text, const struct http_curl *curl, enum http_transport transport)
{
    describe_url(text, curl->url);
    size_t begin = text->size;
    switch (transport) {
    case HTTP_TRANSPORT_OK: break;
    case HTTP_TRANSPORT_REFUSED: buf_printf(text, "connection refused"); break;
    case HTTP_TRANSPORT_TOO_LARGE: buf_printf(text, "the answer is larger than accepted"); break;
    case HTTP_TRANSPORT_UNREACHABLE: buf_printf(text, "unreachable: %s", connect_reason(curl)); break;
    case HTTP_TRANSPORT_RESET:
        buf_printf(text, "connection lost: %s%s", http_curl_reason(curl),
                   is_hung_up_on(curl) ? "; if the server speaks TLS on this port, use https://" : "");
        break;
    case HTTP_TRANSPORT_TLS:
        if (curl->tls != NULL) {
            http_tls_describe(text, curl);
        } else {
            buf_printf(text, "no secure connection: %s", http_curl_reason(curl));
        }
        break;
    case HTTP_TRANSPORT_TIMEOUT: describe_timeout(text, curl); break;
    case HTTP_TRANSPORT_RESOLVE: buf_printf(text, "%s", http_curl_reason(curl)); break;
    case HTTP_TRANSPORT_OTHER: describe_other(text, curl); break;
    }
    return begin;
}
