#include "http_url_internal.h"

#include "outrider/base/error.h"
#include "outrider/io/http/client/http_client.h"

#include <arpa/inet.h>
#include <strings.h>

#define PLAIN "http://"
#define SECURE "https://"

/* More than the words of a request that are always the same, and its length. */
enum { PORT_DEFAULT = 80, FIXED_MAX = 128 };

static bool begins(const char *url, const char *scheme)
{
    return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

enum http_scheme http_url_scheme(const char *url)
{
    return begins(url, PLAIN)    ? HTTP_SCHEME_PLAIN
           : begins(url, SECURE) ? HTTP_SCHEME_SECURE
                                 : HTTP_SCHEME_UNKNOWN;
}

static int malformed(struct error *err, const char *why)
{
    return error_set(err, ERROR_INVALID, "malformed URL: %s", why);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/* [address] with brackets; `rest` is what follows them. */
static int take_v6(struct http_url *url, struct error *err, struct str *rest)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    struct str inner = {url->authority.data + 1, url->authority.size - 1};
    url->host = str_split(inner, ']', rest);
    if (url->host.size == inner.size || url->host.size >= sizeof(text)) {
        return malformed(err, "the bracket of its IPv6 address is not closed");
    }
    memcpy(text, url->host.data, url->host.size);
    text[url->host.size] = '\0';
    if (inet_pton(AF_INET6, text, &address) != 1) {
        return malformed(err, "what its brackets hold is no IPv6 address");
    }
    return 0;
}

static int take_name(struct http_url *url, struct error *err, struct str *rest)
{
    size_t size = 0;
    while (size < url->authority.size && is_name_byte(url->authority.data[size])) {
        size++;
    }
    if (size == 0 || size > HTTP_URL_HOST_MAX) {
        return malformed(err, "it has no host, or one that is too long");
    }
    url->host = (struct str){url->authority.data, size};
    *rest = (struct str){url->authority.data + size, url->authority.size - size};
    return 0;
}

static int take_authority(struct http_url *url, struct error *err)
{
    struct str rest;
    bool is_v6 = url->authority.size > 0 && url->authority.data[0] == '[';
    if ((is_v6 ? take_v6(url, err, &rest) : take_name(url, err, &rest)) < 0) {
        return -1;
    }
    uint64_t port = PORT_DEFAULT;
    if (rest.size > 0 &&
        (rest.data[0] != ':' ||
         str_to_u64((struct str){rest.data + 1, rest.size - 1}, UINT16_MAX, &port) < 0 || port == 0)) {
        return malformed(err, "after its host comes neither a path nor a port");
    }
    url->port = (uint16_t)port;
    return 0;
}

int http_url_parse(const char *url, struct error *err, struct http_url *ret_url)
{
    if (http_url_scheme(url) != HTTP_SCHEME_PLAIN) {
        return malformed(err, "want http://HOST:PORT/PATH");
    }
    const char *start = url + strlen(PLAIN);
    size_t authority = strcspn(start, "/?#");
    const char *user_end = memrchr(start, '@', authority);
    const char *host = user_end != NULL ? user_end + 1 : start;
    const char *target = start + authority;
    struct http_url parts = {
        .authority = {host, (size_t)(target - host)},
        .target = {target, strcspn(target, "#")},
    };
    for (size_t i = 0; i < parts.target.size; i++) {
        unsigned char c = (unsigned char)target[i];
        if (c <= ' ' || c == 0x7f) {
            return malformed(err, "a blank or control byte in its path");
        }
    }
    if (take_authority(&parts, err) < 0) {
        return -1;
    }
    *ret_url = parts;
    return 0;
}

static struct str slash(const struct http_url *url)
{
    return url->target.size > 0 && url->target.data[0] == '/' ? STR("") : STR("/");
}

void http_url_show(const struct http_url *url, struct buf *text)
{
    buf_str(text, STR(PLAIN));
    buf_str(text, url->authority);
    buf_str(text, slash(url));
    buf_str(text, url->target);
}

static int headers_size(const char *const *headers, struct error *err, size_t *ret_size)
{
    size_t size = 0;
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        size_t length = strcspn(headers[i], "\r\n");
        if (headers[i][length] != '\0') {
            return error_set(err, ERROR_INVALID, "a header of the request holds a line break");
        }
        size += length + 2;
    }
    *ret_size = size;
    return 0;
}

int http_url_request(const struct http_url *url, const struct http_call *call, bool close, struct error *err,
                     struct buf *request)
{
    size_t headers = 0;
    if (headers_size(call->headers, err, &headers) < 0) {
        return -1;
    }
    buf_clear(request);
    buf_extend(request, FIXED_MAX + url->target.size + url->authority.size + headers + call->body.size);
    buf_clear(request);
    buf_str(request, STR("POST "));
    buf_str(request, slash(url));
    buf_str(request, url->target);
    buf_str(request, STR(" HTTP/1.1\r\nHost: "));
    buf_str(request, url->authority);
    buf_str(request, STR("\r\n"));
    for (size_t i = 0; call->headers != NULL && call->headers[i] != NULL; i++) {
        buf_str(request, str_of(call->headers[i]));
        buf_str(request, STR("\r\n"));
    }
    buf_str(request, STR("Content-Length: "));
    buf_uint(request, call->body.size);
    buf_str(request, close ? STR("\r\nConnection: close\r\n\r\n") : STR("\r\n\r\n"));
    buf_str(request, call->body);
    return 0;
}
