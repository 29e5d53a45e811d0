#include "consul_codec_internal.h"

#include "outrider/base/attr.h"
#include "outrider/base/brief.h"

#include <stdio.h>

/* What else a row says; 0: the request was certainly not done, and another server would answer the same. */
enum { ELSEWHERE = 1, DOUBT = 2, TOKEN = 4 };

struct row {
    int from, to;
    const char *part; /* of the text; NULL: any */
    enum registry_failure failure;
    unsigned hint;
    const char *advice; /* NULL: none */
};

/* The first row that fits; docs/design/consul-registry.md, "Errors". */
static const struct row rows[] = {
    {200, 200, NULL, REGISTRY_OK, 0, NULL},
    {409, 409, NULL, REGISTRY_OK, 0, NULL},
    {404, 404, NULL, REGISTRY_OK, 0, NULL},
    {403, 403, "ACL not found", REGISTRY_DENIED, TOKEN,
     ": the token in registry.consul.token_file is not known there"},
    {401, 403, NULL, REGISTRY_DENIED, TOKEN,
     ": the token needs another right (docs/registries.md, \"Consul\")"},
    {413, 413, NULL, REGISTRY_REFUSED, 0, NULL},
    {429, 429, NULL, REGISTRY_OVERLOADED, ELSEWHERE, NULL},
    {400, 400, "HTTP request to an HTTPS server", REGISTRY_REFUSED, ELSEWHERE,
     ": use https:// in registry.endpoints"},
    {300, 499, NULL, REGISTRY_REFUSED, ELSEWHERE, NULL},
    {500, 500, "Invalid Session TTL", REGISTRY_REFUSED, 0, NULL},
    {500, 500, "Invalid Behavior", REGISTRY_REFUSED, 0, NULL},
    {500, 500, "Missing node registration", REGISTRY_REFUSED, 0,
     ": register registry.consul.node once, by the command in docs/registries.md, \"Consul\""},
    {500, 500, "failed session lookup", REGISTRY_REFUSED, 0, NULL},
    {500, 500, "invalid session", REGISTRY_LEASE_LOST, 0, NULL},
    {500, 500, "ACL not found", REGISTRY_DENIED, TOKEN, NULL},
    {500, 500, "Permission denied", REGISTRY_DENIED, TOKEN, NULL},
    {500, 500, "failed to get conn", REGISTRY_RETRY, ELSEWHERE, NULL}, /* before it was sent on */
    {0, 999, NULL, REGISTRY_RETRY, ELSEWHERE | DOUBT, NULL}, /* "No cluster leader", EOF, 503, 504 */
};

void consul_text_set(char text[static CONSUL_TEXT_MAX], struct str from)
{
    from = str_trim(from);
    size_t size = brief_size(from, CONSUL_TEXT_MAX - 4);
    bool utf8 = str_is_utf8((struct str){from.data, size});
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)from.data[i];
        text[i] = c < 0x20 ? ' ' : c == 0x7f || (c >= 0x80 && !utf8) ? '?' : from.data[i];
    }
    snprintf(text + size, CONSUL_TEXT_MAX - size, "%s", size < from.size ? "..." : "");
}

static bool contains(struct str text, const char *part)
{
    return text.size > 0 && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static const struct row *find_row(int status, struct str body)
{
    size_t i = 0;
    while (i + 1 < COUNT_OF(rows) && !(status >= rows[i].from && status <= rows[i].to &&
                                       (rows[i].part == NULL || contains(body, rows[i].part)))) {
        i++;
    }
    return &rows[i];
}

/* Consul's errors are one line of text. A page of another server is not pasted into a log line. */
static void describe(int http_status, struct str body, const struct row *row, struct consul_status *status)
{
    enum { LINE_MAX_BYTES = 1000 };
    bool blank = str_trim(body).size == 0;
    bool is_line = !blank && body.size <= LINE_MAX_BYTES && str_is_utf8(body) && body.data[0] != '<' &&
                   memchr(body.data, '\n', body.size - 1) == NULL;
    if (is_line) {
        consul_text_set(status->text, body);
    } else {
        snprintf(status->text, sizeof(status->text), "HTTP %d, %s: is it Consul?", http_status,
                 blank ? "empty" : "not a line of text");
    }
    if (row->advice != NULL) {
        brief_format(status->text, sizeof(status->text), "%s%s", status->text, row->advice);
    }
}

void consul_status_of(int http_status, struct str body, bool changes, struct consul_status *ret_status)
{
    const struct row *row = find_row(http_status, body);
    bool unknown = changes && (row->hint & DOUBT) != 0;
    *ret_status = (struct consul_status){.failure = unknown ? REGISTRY_UNKNOWN : row->failure,
                                         .elsewhere = (row->hint & ELSEWHERE) != 0,
                                         .denied_token = (row->hint & TOKEN) != 0};
    if (row->failure != REGISTRY_OK) {
        describe(http_status, body, row, ret_status);
    }
}

void consul_status_malformed(const char *what, bool changes, struct consul_status *ret_status)
{
    *ret_status =
        (struct consul_status){.failure = changes ? REGISTRY_UNKNOWN : REGISTRY_RETRY, .elsewhere = true};
    snprintf(ret_status->text, sizeof(ret_status->text), "not an answer of Consul: %s", what);
}
