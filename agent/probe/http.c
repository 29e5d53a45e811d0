/* A request over HTTP/1.1. The answer passes on its status and on what the first 64 KiB of its body contain; no redirect is
 * followed. */
#include "web_try_internal.h"

#include "outrider/base/version.h"
#include "outrider/codec/game/http_facts.h"
#include "outrider/io/http/http_status.h"

#include <stdio.h>

enum { BODY_MAX = 65536 };

/* Characters that a URL has as they are (RFC 3986); '%' is the operator's. */
static bool is_of_url(char c)
{
    return c > ' ' && c < '\x7f' && strchr("\"#<>\\^`{|}", c) == NULL;
}

static void add_url(struct buf *out, const char *host, const struct config_probe *probe)
{
    web_try_origin(out, probe->scheme == CONFIG_PROBE_SECURE, host, probe);
    for (const char *c = probe->path == NULL ? "/" : probe->path; *c != '\0'; c++) {
        if (is_of_url(*c)) {
            buf_add(out, c, 1);
        } else {
            buf_printf(out, "%%%02X", (unsigned char)*c);
        }
    }
}

static void describe(const char *host, const struct config_probe *probe, struct buf *out)
{
    add_url(out, host, probe);
}

/* ---- the request ---- */

/* The header lines of the request, one after the other in `lines`. */
struct headers {
    struct buf lines;
    size_t at[CONFIG_PROBE_HEADERS_MAX + 3];
    size_t count;
};

static void add_header(struct headers *headers, const char *name, const char *value)
{
    headers->at[headers->count++] = headers->lines.size;
    buf_printf(&headers->lines, "%s:%s%s", name, value[0] == '\0' ? "" : " ", value);
    buf_add(&headers->lines, "", 1);
}

static bool has_header(const struct config_probe *probe, const char *name)
{
    for (size_t i = 0; i < probe->header_count; i++) {
        if (str_eq_nocase(str_of(probe->headers[i].name), str_of(name))) {
            return true;
        }
    }
    return false;
}

/* To libcurl a header without a value is one to leave out: it says of every POST that it is a form. */
static void add_headers(struct headers *headers, const struct config_probe *probe)
{
    if (probe->host_header != NULL) {
        add_header(headers, "Host", probe->host_header);
    }
    if (!has_header(probe, "User-Agent")) {
        char agent[64];
        snprintf(agent, sizeof(agent), "outrider/%s", version_text());
        add_header(headers, "User-Agent", agent);
    }
    if (probe->method == CONFIG_PROBE_POST && !has_header(probe, "Content-Type")) {
        add_header(headers, "Content-Type", "");
    }
    for (size_t i = 0; i < probe->header_count; i++) {
        add_header(headers, probe->headers[i].name, probe->headers[i].value);
    }
}

static void send(struct web_try *attempt, struct http_call *call)
{
    static const enum http_method methods[] = {
        [CONFIG_PROBE_GET] = HTTP_GET, [CONFIG_PROBE_HEAD] = HTTP_HEAD, [CONFIG_PROBE_POST] = HTTP_POST};
    const struct config_probe *probe = attempt->probe;
    const struct http_tls tls = web_try_tls(probe);
    struct buf url = {0};
    struct headers headers = {0};
    const char *lines[COUNT_OF(headers.at) + 1] = {0};
    add_url(&url, attempt->host, probe);
    add_headers(&headers, probe);
    for (size_t i = 0; i < headers.count; i++) {
        lines[i] = buf_text(&headers.lines) + headers.at[i];
    }
    call->method = methods[probe->method];
    call->url = buf_text(&url);
    call->headers = lines;
    call->max_response = BODY_MAX;
    call->cut = true;
    call->tls = probe->scheme == CONFIG_PROBE_SECURE ? &tls : NULL;
    web_try_send(attempt, call);
    buf_fini(&headers.lines);
    buf_fini(&url);
}

/* ---- the answer ---- */

static const char *pointer_to(const struct config_probe *probe, enum config_fact fact)
{
    const char *pointer;
    return config_probe_takes(probe, fact, &pointer) && pointer[0] != '\0' ? pointer : NULL;
}

static void read_facts(const struct config_probe *probe, struct str body, struct game_facts *facts)
{
    struct http_facts_at at = {.players = pointer_to(probe, CONFIG_FACT_PLAYERS),
                               .capacity = pointer_to(probe, CONFIG_FACT_CAPACITY),
                               .map = pointer_to(probe, CONFIG_FACT_MAP),
                               .version = pointer_to(probe, CONFIG_FACT_VERSION),
                               .name = pointer_to(probe, CONFIG_FACT_NAME)};
    http_facts_read(body, &at, facts);
}

static void judge(const struct config_probe *probe, const struct http_result *answer,
                  struct web_verdict *verdict)
{
    const char *wanted = probe->body;
    const char *reason = http_status_reason(answer->status);
    if (!config_probe_status_passes(probe, (unsigned)answer->status)) {
        web_fail(verdict, "HTTP %d%s%s", answer->status, reason[0] == '\0' ? "" : " ", reason);
    } else if (wanted != NULL &&
               memmem(answer->body.data, answer->body.size, wanted, strlen(wanted)) == NULL) {
        web_fail(verdict, "%s not contain \"%.64s\"",
                 answer->body.size < BODY_MAX ? "the body does" : "the first 64 KiB of the body do", wanted);
    } else if (probe->fact_count > 0) {
        read_facts(probe, answer->body, &verdict->facts);
    }
}

static const struct web_kind kind = {.send = send, .judge = judge};

static struct probe_try *start(const struct probe_context *context, const char *host,
                               const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    struct http_client **kept = &context->clients->http;
    if (*kept == NULL) {
        *kept = web_try_client(context);
    }
    return web_try_start(&kind, *kept, host, probe, fn, user);
}

const struct probe_driver probe_http = {
    .name = "http", .describe = describe, .start = start, .cancel = web_try_cancel};
