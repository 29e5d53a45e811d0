/* A page in an operator's browser can send requests to loopback and to the private network. Four checks tell it
 * from the operator: Host (a name that was made to resolve to this agent is not its own: DNS rebinding), Origin,
 * a content type that no plain form can send, and the token. */
#include "outrider/api/common/guard.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/common/request.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/os/file.h"

/* A token is one line; a file larger than this is something else. */
enum { TOKEN_MAX = 4096 };

/* HOST or HOST:PORT without its port and without brackets. Ports are not compared: a container's may be
 * mapped. */
static struct str host_part(struct str host)
{
    if (host.size > 0 && host.data[0] == '[') {
        struct str rest = {host.data + 1, host.size - 1};
        return str_split(rest, ']', &rest);
    }
    return str_split(host, ':', &host);
}

static bool is_wildcard(struct str host)
{
    return str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("::"));
}

static bool host_fits(const struct config *config, const struct api_request *request)
{
    struct str host = host_part(request->host);
    struct str ours = host_part(str_of(request->policy->address));
    if (str_eq_nocase(host, STR("localhost")) || str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("::1"))) {
        return true;
    }
    if (is_wildcard(ours)) {
        /* Rebinding needs a name; a page that uses one has no token. */
        return address_is_ipv4(host) || address_is_ipv6(host) || config->http.token_file != NULL;
    }
    return host.size > 0 && str_eq_nocase(host, ours);
}

/* A browser sends the origin of the page, which must be the address the request itself goes to. */
static bool origin_fits(const struct api_request *request)
{
    struct str rest;
    struct str scheme = str_split(request->origin, ':', &rest);
    bool http = str_eq_nocase(scheme, STR("http")) || str_eq_nocase(scheme, STR("https"));
    if (!http || !str_starts(rest, STR("//")) || request->host.size == 0) {
        return false;
    }
    return str_eq_nocase((struct str){rest.data + 2, rest.size - 2}, request->host);
}

static bool is_json(struct str content_type)
{
    struct str rest;
    return str_eq_nocase(str_trim(str_split(content_type, ';', &rest)), STR("application/json"));
}

/* In constant time for a given length, so that the time of a refusal tells nothing about the token. */
static bool same_secret(struct str a, struct str b)
{
    unsigned char differ = a.size == b.size ? 0 : 1;
    for (size_t i = 0; i < a.size; i++) {
        unsigned char other = b.size == 0 ? 0 : (unsigned char)b.data[i % b.size];
        differ = (unsigned char)(differ | ((unsigned char)a.data[i] ^ other));
    }
    return differ == 0;
}

static int read_token(const struct config *config, struct error *err, struct buf *ret_text)
{
    /* Reserves all of it at once: a buffer that grows leaves copies of the token behind. */
    char room[TOKEN_MAX * 2] = {0};
    buf_add(ret_text, room, sizeof(room));
    buf_clear(ret_text);
    if (file_read(config->http.token_file, TOKEN_MAX, err, ret_text) < 0) {
        return error_wrap(err, "http.token_file");
    }
    if (str_trim(buf_view(ret_text)).size == 0) {
        return error_set(err, ERROR_INVALID, "http.token_file: %s is empty", config->http.token_file);
    }
    return 0;
}

static void wipe(struct buf *text)
{
    if (text->data != NULL) {
        mem_wipe(text->data, text->capacity);
    }
    buf_fini(text);
}

int api_check_token_file(const struct config *config, struct error *err)
{
    if (config->http.token_file == NULL) {
        return 0;
    }
    struct buf text = {0};
    int rc = read_token(config, err, &text);
    wipe(&text);
    return rc;
}

/* Reads the file at each request, so that a token is rotated by writing the file. */
static bool token_fits(const struct config *config, const struct api_request *request,
                       struct api_reply *reply)
{
    struct str given;
    struct str scheme = str_split(request->authorization, ' ', &given);
    given = str_eq_nocase(scheme, STR("Bearer")) ? str_trim(given) : (struct str){NULL, 0};
    struct buf text = {0};
    struct error err;
    bool readable = read_token(config, &err, &text) == 0;
    bool fits = readable && given.size > 0 && same_secret(given, str_trim(buf_view(&text)));
    wipe(&text);
    if (!readable) {
        api_refuse(reply, 500, "token_file",
                   "the token file cannot be read, so that no token is accepted: %s", err.text);
    } else if (!fits) {
        api_refuse(reply, 401, "unauthorized",
                   given.size == 0 ? "send the token of http.token_file as Authorization: Bearer TOKEN"
                                   : "the token is not that of http.token_file");
        api_add_header(reply, "WWW-Authenticate: Bearer");
    }
    return fits;
}

bool api_may_change(const struct api_context *context, const struct api_request *request,
                    struct api_reply *reply)
{
    const struct config *config = context->config;
    const struct api_policy *policy = request->policy;
    if (policy->check_host && !host_fits(config, request)) {
        api_refuse(reply, 403, "foreign_host", "Host `%.*s` is not where this agent listens (%s)",
                   (int)(request->host.size < 128 ? request->host.size : 128),
                   request->host.data == NULL ? "" : request->host.data, policy->address);
        return false;
    }
    if (request->has_origin && !origin_fits(request)) {
        api_refuse(reply, 403, "foreign_origin",
                   "pages of other origins may not change state; a proxy in front has to remove Origin");
        return false;
    }
    if (!is_json(request->content_type)) {
        api_refuse(reply, 415, "content_type",
                   "requests that change state need Content-Type: application/json");
        return false;
    }
    return !policy->need_token || config->http.token_file == NULL || token_fits(config, request, reply);
}
