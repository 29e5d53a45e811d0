#include "http_server_private.h"
#include "outrider/os/clock.h"

#include <time.h>

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } rows[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].status == status) {
            return rows[i].reason;
        }
    }
    return "Unknown";
}

/* RFC 9110, 6.6.1: with a clock, a Date. */
static void add_date(struct buf *out)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm parts;
    char text[64];
    if (gmtime_r(&now, &parts) != NULL &&
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0) {
        buf_printf(out, "Date: %s\r\n", text);
    }
}

void http_response_head(struct buf *out, const struct http_response *response, size_t body_size, int minor,
                        bool keep_alive)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", response->status, reason_of(response->status));
    add_date(out);
    if (response->content_type.size > 0) {
        buf_printf(out, "Content-Type: %.*s\r\n", STR_ARG(response->content_type));
    }
    if (response->status != 204 && response->status != 304 && body_size != HTTP_LENGTH_UNKNOWN) {
        buf_printf(out, "Content-Length: %zu\r\n", body_size);
    }
    for (const char *const *header = response->headers; header != NULL && *header != NULL; header++) {
        if (strpbrk(*header, "\r\n") == NULL) { /* what a peer said must not become a header of ours */
            buf_printf(out, "%s\r\n", *header);
        }
    }
    if (!keep_alive) {
        buf_str(out, STR("Connection: close\r\n"));
    } else if (minor == 0) {
        buf_str(out, STR("Connection: keep-alive\r\n"));
    }
    buf_str(out, STR("\r\n"));
}

void http_response_fault(struct buf *out, const struct http_fault *fault)
{
    struct buf body = {0};
    struct http_response response = {.status = fault->status, .content_type = STR("application/json")};
    buf_printf(&body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", fault->code, fault->message);
    http_response_head(out, &response, body.size, 1, false);
    buf_str(out, buf_view(&body));
    buf_fini(&body);
}
