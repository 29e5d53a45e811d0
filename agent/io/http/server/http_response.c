#include "http_server_internal.h"
#include "outrider/io/http/http_status.h"
#include "outrider/os/clock.h"

#include <time.h>

/* Most heads are smaller. */
enum { USUAL_BYTES = 500 };

/* Writes the lowest `count` digits, the last of them to `last`. */
static void put_digits(char *last, int number, int count)
{
    for (; count > 0; count--, number /= 10) {
        *last-- = (char)('0' + number % 10);
    }
}

void http_response_date(struct buf *out, int64_t wall_ms)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    char text[] = "Date: Sun, 00 Jan 0000 00:00:00 GMT\r\n";
    if (gmtime_r(&seconds, &parts) == NULL) {
        return;
    }
    memcpy(text + 6, days + (size_t)parts.tm_wday * 3, 3);
    put_digits(text + 12, parts.tm_mday, 2);
    memcpy(text + 14, months + (size_t)parts.tm_mon * 3, 3);
    put_digits(text + 21, parts.tm_year + 1900, 4);
    put_digits(text + 24, parts.tm_hour, 2);
    put_digits(text + 27, parts.tm_min, 2);
    put_digits(text + 30, parts.tm_sec, 2);
    buf_add(out, text, sizeof(text) - 1);
}

static void add_line(struct buf *out, struct str name, struct str value)
{
    buf_str(out, name);
    buf_str(out, value);
    buf_str(out, STR("\r\n"));
}

/* On every answer, errors too: a browser takes no content for another kind, shows it in no frame, and gives it to no page of
 * another origin. Of two policies a browser obeys both, so that there is one. */
static const struct str nosniff = STR_INIT("X-Content-Type-Options: nosniff\r\n");
static const struct str usual_policy = STR_INIT("default-src 'none'; frame-ancestors 'none'");
static const struct str own_alone = STR_INIT("Cross-Origin-Opener-Policy: same-origin\r\n"
                                             "Cross-Origin-Resource-Policy: same-origin\r\n"
                                             "Referrer-Policy: no-referrer\r\n");

void http_response_head(struct buf *out, const struct http_response *response, size_t body_size, int minor,
                        bool keep_alive)
{
    buf_reserve(out, USUAL_BYTES);
    buf_str(out, STR("HTTP/1.1 "));
    buf_int(out, response->status);
    add_line(out, STR(" "), str_of(http_status_reason(response->status)));
    http_response_date(out, clock_wall_ms());
    buf_str(out, nosniff);
    add_line(out, STR("Content-Security-Policy: "),
             response->content_policy.size > 0 ? response->content_policy : usual_policy);
    buf_str(out, own_alone);
    if (response->content_type.size > 0) {
        add_line(out, STR("Content-Type: "), response->content_type);
    }
    if (response->status != 204 && response->status != 304 && body_size != HTTP_LENGTH_UNKNOWN) {
        buf_str(out, STR("Content-Length: "));
        buf_uint(out, body_size);
        buf_str(out, STR("\r\n"));
    }
    for (const char *const *header = response->headers; header != NULL && *header != NULL; header++) {
        if (strpbrk(*header, "\r\n") == NULL) { /* what a peer sent must not become a header of the reply */
            add_line(out, STR(""), str_of(*header));
        }
    }
    if (response->status == 101) {
        buf_str(out, STR("Connection: Upgrade\r\n"));
    } else if (!keep_alive) {
        buf_str(out, STR("Connection: close\r\n"));
    } else if (minor == 0) {
        buf_str(out, STR("Connection: keep-alive\r\n"));
    }
    buf_str(out, STR("\r\n"));
}

void http_response_fault(struct buf *out, const struct http_fault *fault)
{
    struct buf body = {0};
    static const char *const later[] = {"Retry-After: 5", NULL};
    struct http_response response = {.status = fault->status,
                                     .content_type = STR("application/json"),
                                     .headers = fault->status == 503 || fault->status == 429 ? later : NULL};
    buf_printf(&body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", fault->code, fault->message);
    http_response_head(out, &response, body.size, 1, false);
    buf_str(out, buf_view(&body));
    buf_fini(&body);
}
