/* Everything a request must pass before its handler: its parameters, and the guard.
 *
 * A page in an operator's browser can send requests to loopback and to the private network. It cannot read the answers, unless
 * its own name was made to resolve to this agent (DNS rebinding): so Host is judged of every request. Of a change of state
 * three more checks tell the page from the operator: Origin, a content type that no plain form can send, and the token. */
#include "outrider/api/common/request.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/os/log.h"
#include "outrider/os/secret.h"

/* Polyfills of EventSource cannot set a header, and name the parameter after it or after the property. */
static bool is_event_id(struct str name)
{
    return str_eq_nocase(name, STR("lastEventId")) || str_eq_nocase(name, STR("Last-Event-ID"));
}

static void take_event_id(struct api_call *call, struct str value)
{
    struct api_request *request = &call->request;
    if (request->last_event_id.size == 0 && value.size > 0 && value.size <= sizeof(call->event_id)) {
        memcpy(call->event_id, value.data, value.size);
        request->last_event_id = (struct str){call->event_id, value.size};
    }
}

static bool is_reading(struct str method)
{
    return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));
}

bool api_read_query(struct api_call *call, bool is_stream, struct api_reply *reply)
{
    struct str query = call->request.query, name, value;
    struct filter *filter = call->filter;
    bool reads = is_reading(call->request.method);
    struct buf scratch = {0};
    struct error err;
    int found;
    while ((found = http_query_next(&query, &scratch, &name, &value)) > 0) {
        if (str_eq(name, STR("_")) && reads) {
            continue;
        }
        if (is_stream && is_event_id(name)) {
            take_event_id(call, value);
            continue;
        }
        if (filter == NULL) {
            api_refuse(reply, 400, "unknown_parameter", "unknown parameter `%.*s`: this path takes none",
                       (int)(name.size < 64 ? name.size : 64), name.data);
            break;
        }
        if (filter_add(filter, name, value, &err) < 0) {
            api_refuse(reply, 400, "bad_parameter", "%s", err.text);
            break;
        }
    }
    if (found < 0) {
        api_refuse(reply, 400, "bad_query", API_BAD_QUERY);
    }
    buf_fini(&scratch);
    return found == 0;
}

bool api_take_parameters(const struct api_call *call, api_parameter_fn *take, void *user,
                         struct api_reply *reply)
{
    struct str query = call->request.query, name, value;
    struct buf scratch = {0};
    struct error err;
    int found = 0, result = 0;
    while (result == 0 && (found = http_query_next(&query, &scratch, &name, &value)) > 0) {
        result = take(name, value, user, &err);
    }
    bool malformed = result == 0 && found < 0;
    if (malformed) {
        api_refuse(reply, 400, "bad_query", API_BAD_QUERY);
    } else if (result < 0) {
        api_refuse_parameter(reply, &err);
    }
    buf_fini(&scratch);
    return result == 0 && !malformed;
}

/* ---- the guard ---- */

/* HOST or HOST:PORT without its port and without brackets. Ports are not compared: a container's may be
 * mapped. */
static struct str host_part(struct str host)
{
    if (host.size > 0 && host.data[0] == '[') {
        struct str rest = {host.data + 1, host.size - 1}, address = str_split(rest, ']', &rest);
        bool ends = rest.size == 0 || rest.data[0] == ':';
        return ends ? address : (struct str){NULL, 0};
    }
    return str_split(host, ':', &host);
}

static bool is_wildcard(struct str listen)
{
    struct str host = host_part(listen);
    return str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("::"));
}

/* A dot at the end says that the name is complete. The settings have names without it. */
static struct str without_last_dot(struct str host)
{
    bool has = host.size > 0 && host.data[host.size - 1] == '.';
    return (struct str){host.data, has ? host.size - 1 : host.size};
}

/* The names of this agent: none of them is resolved by a stranger's name server. Of the published host only a name with a
 * dot: it may be an interface, or a name that any resolver may complete. */
static bool is_own_name(const struct config *config, const struct api_policy *policy, struct str host)
{
    const char *published = config->server.host;
    struct str name = without_last_dot(host);
    bool own =
        str_eq_nocase(host, STR("localhost")) ||
        (policy->machine != NULL && str_eq_nocase(host, str_of(policy->machine))) ||
        (published != NULL && strchr(published, '.') != NULL && str_eq_nocase(name, str_of(published)));
    for (size_t i = 0; i < config->http.host_count && !own; i++) {
        own = str_eq_nocase(name, str_of(config->http.hosts[i]));
    }
    return own;
}

/* Rebinding needs a name, so that any address fits. A page has no token: where one is `asked` of a peer on a wildcard
 * address, the name says nothing more. */
static bool host_fits(const struct config *config, const struct api_request *request, bool asked)
{
    struct str host = host_part(request->host);
    return host.size > 0 &&
           (address_is_ipv4(host) || address_is_ipv6(host) || is_own_name(config, request->policy, host) ||
            (asked && is_wildcard(str_of(request->policy->address))));
}

/* Seldom: a page in a browser may ask in a loop. */
static void log_foreign_host(struct str host, const struct api_request *request)
{
    char peer[API_PEER_SIZE] = "";
    if (request->exchange != NULL) {
        http_exchange_peer(request->exchange, peer, sizeof(peer));
    }
    log_warn("http", "request refused: its Host is no name of this agent; if it is one, add it to http.hosts",
             LOG_RATE(LOG_SELDOM), LOG_STR("host", host), LOG_TEXT("peer", peer));
}

static bool check_host(struct api_call *call, bool asked, struct api_reply *reply)
{
    const struct api_request *request = &call->request;
    const struct api_policy *policy = request->policy;
    if (!policy->check_host || host_fits(call->context->config, request, asked)) {
        return true;
    }
    struct str host = {request->host.data, request->host.size < 128 ? request->host.size : 128};
    api_refuse(reply, 403, "foreign_host",
               "Host `%.*s` is not where this agent listens (%s): ask by its address, or add the name to "
               "http.hosts",
               STR_ARG(host), policy->address);
    log_foreign_host(host, request);
    return false;
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
    if (config->http.token_file == NULL) {
        return error_set(err, ERROR_NOT_FOUND, "http.token_file is not set");
    }
    return secret_read(config->http.token_file, SECRET_TOKEN_MAX, err, ret_text) < 0
               ? error_wrap(err, "http.token_file")
               : 0;
}

int api_check_token_file(const struct config *config, struct error *err)
{
    struct buf text = {0};
    int rc = config->http.token_file == NULL ? 0 : read_token(config, err, &text);
    secret_fini(&text);
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
    secret_fini(&text);
    if (!readable) {
        api_refuse(reply, 500, "token_file",
                   "the token file cannot be read, so that no token is accepted: %s", err.text);
    } else if (!fits) {
        api_refuse(reply, 401, "unauthorized",
                   given.size == 0 ? "send the token of http.token_file as Authorization: Bearer TOKEN"
                                   : "the token is not that of http.token_file");
        reply->header = "WWW-Authenticate: Bearer";
    }
    return fits;
}

bool api_may_see_leases(const struct config *config, const struct api_request *request)
{
    struct api_reply unused = {0};
    bool tries = config->http.token_file != NULL && request->authorization.size > 0;
    bool may = request->is_unix || (tries && token_fits(config, request, &unused));
    api_reply_fini(&unused);
    return may;
}

bool api_may_read(struct api_call *call, struct api_reply *reply)
{
    const struct config *config = call->context->config;
    bool asked = config->http.read == CONFIG_READ_LOGIN && !call->request.is_unix;
    return check_host(call, asked, reply) && (!asked || token_fits(config, &call->request, reply));
}

/* A form sends POST, with or without a body, and no script of another origin sends another method unasked. */
static bool needs_type(const struct api_request *request)
{
    return request->body.size > 0 || str_eq(request->method, STR("POST"));
}

bool api_may_change(struct api_call *call, struct api_reply *reply)
{
    const struct config *config = call->context->config;
    const struct api_request *request = &call->request;
    bool asked = request->policy->need_token && config->http.token_file != NULL;
    struct str parameters;
    struct str type = str_trim(str_split(request->content_type, ';', &parameters));
    if (!check_host(call, asked, reply)) {
        return false;
    }
    if (request->origin.data != NULL && !origin_fits(request)) {
        api_refuse(reply, 403, "foreign_origin",
                   "pages of other origins may not change state; a proxy in front has to remove Origin");
    } else if (needs_type(request) && !str_eq_nocase(type, STR("application/json"))) {
        api_refuse(reply, 415, "content_type",
                   "requests that change state need Content-Type: application/json");
    } else {
        return !asked || token_fits(config, request, reply);
    }
    return false;
}
