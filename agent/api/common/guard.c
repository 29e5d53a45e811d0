/* The guard: what a request must pass before its handler.
 *
 * A page in an operator's browser can send requests to loopback and to the private network. It cannot read the answers, unless
 * its own name was made to resolve to this agent (DNS rebinding): so Host is judged of every request. Of a change of state
 * two more checks tell the page from the operator: Origin, and a content type that no plain form can send. */
#include "outrider/api/common/guard.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/credentials.h"
#include "outrider/api/common/reply.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/os/log.h"

#include <stdio.h>

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

/* The host of http.public_url, without its port and brackets; empty: it is not set. */
static struct str public_host(const struct config *config)
{
    struct str url = str_of(config->http.public_url), rest;
    (void)str_split(url, ':', &rest);
    return rest.size < 2 ? (struct str){NULL, 0} : host_part((struct str){rest.data + 2, rest.size - 2});
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
    own = own || (config->http.public_url != NULL && str_eq_nocase(name, public_host(config)));
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
    char peer[ACCESS_FROM_MAX + 1] = "";
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

/* An origin without the port that its scheme means: a browser leaves that out. */
static struct str without_usual_port(struct str origin)
{
    struct str port = str_starts(origin, STR("https:")) ? STR(":443") : STR(":80");
    bool has = origin.size > port.size &&
               str_eq((struct str){origin.data + origin.size - port.size, port.size}, port);
    return (struct str){origin.data, origin.size - (has ? port.size : 0)};
}

/* A browser sends the origin of the page, which must be that of http.public_url, or else the address the request itself goes
 * to: over TLS that of https alone, and behind a proxy it may be of either. */
static bool origin_fits(const struct config *config, const struct api_request *request)
{
    struct str rest;
    struct str scheme = str_split(request->origin, ':', &rest);
    bool https = str_eq_nocase(scheme, STR("https"));
    bool http = https || (str_eq_nocase(scheme, STR("http")) && !request->policy->is_tls);
    if (config->http.public_url != NULL) {
        return str_eq_nocase(without_usual_port(request->origin),
                             without_usual_port(str_of(config->http.public_url)));
    }
    if (!http || !str_starts(rest, STR("//")) || request->host.size == 0) {
        return false;
    }
    return str_eq_nocase((struct str){rest.data + 2, rest.size - 2}, request->host);
}

/* A form sends POST, with or without a body, and no script of another origin sends another method unasked. */
static bool needs_type(const struct api_request *request)
{
    return request->body.size > 0 || str_eq(request->method, STR("POST"));
}

static bool check_origin(const struct api_call *call, struct api_reply *reply)
{
    const struct api_request *request = &call->request;
    bool fits = request->origin.data == NULL || origin_fits(call->context->config, request);
    if (!fits) {
        api_refuse(reply, 403, "foreign_origin",
                   "pages of other origins may not change state, nor open a WebSocket; a proxy in front has "
                   "to remove Origin");
    }
    return fits;
}

static bool check_type(const struct api_request *request, struct api_reply *reply)
{
    struct str parameters;
    struct str type = str_trim(str_split(request->content_type, ';', &parameters));
    bool fits = !needs_type(request) || str_eq_nocase(type, STR("application/json"));
    if (!fits) {
        api_refuse(reply, 415, "content_type",
                   "requests that change state need Content-Type: application/json");
    }
    return fits;
}

/* ---- who asks ---- */

/* Names a unix peer after its user: the text of the peer ends with "uid 1000". */
static void name_user(struct access_identity *who)
{
    const char *uid = strstr(who->from, "uid ");
    snprintf(who->name, sizeof(who->name), "%.*s", ACCESS_NAME_MAX, uid == NULL ? "" : uid);
}

/* What everyone may who reaches the listener. A unix socket has its mode; where a token is named, that is asked for there, too. */
static enum access_role open_role(const struct config *config, const struct api_request *request)
{
    bool token = config->http.token_file != NULL && request->policy->need_token;
    if (request->is_unix) {
        return token ? ACCESS_VIEWER : ACCESS_OPERATOR;
    }
    bool named = token || config->http.access_file != NULL;
    return config_reads_by_login(config) ? ACCESS_NONE : named ? ACCESS_VIEWER : ACCESS_OPERATOR;
}

/* The identity of one that has proved nothing. */
static void identify_peer(struct api_call *call, enum access_role role, bool is_named)
{
    struct api_request *request = &call->request;
    struct access_identity *who = &request->who;
    if (is_named && request->exchange != NULL) {
        http_exchange_peer(request->exchange, who->from, sizeof(who->from));
    }
    who->role = role;
    who->proof = request->is_unix ? ACCESS_SOCKET : ACCESS_UNPROVED;
    if (request->is_unix) {
        name_user(who);
    } else if (role >= ACCESS_OPERATOR) {
        snprintf(who->name, sizeof(who->name), "anonymous");
    }
}

static struct str bearer(const struct api_request *request)
{
    struct str token;
    struct str scheme = str_split(request->authorization, ' ', &token);
    return str_eq_nocase(scheme, STR("Bearer")) ? str_trim(token) : (struct str){NULL, 0};
}

/* The first name of the certificate that the access file has. */
static bool prove_certificate(struct api_call *call)
{
    const char *const *names = call->request.certificate;
    bool proved = false;
    for (size_t i = 0; names != NULL && names[i] != NULL && !proved; i++) {
        proved = api_prove_name(call, str_of(names[i]), ACCESS_CERTIFICATE);
    }
    return proved;
}

/* A name that the proxy vouches for and the access file does not have is not let in as anybody else. */
static bool prove_proxied(struct api_call *call, struct api_reply *reply)
{
    struct str user = call->request.proxy_user;
    if (api_prove_name(call, user, ACCESS_PROXY)) {
        return true;
    }
    api_refuse(reply, 403, "unknown_name",
               "`%.*s`, which the proxy in front has signed in, is not in http.access_file",
               user.size < ACCESS_NAME_MAX ? (int)user.size : ACCESS_NAME_MAX, user.data);
    return false;
}

/* Judges what the request proves its name by. A token alone is an error where it is wrong; and where everyone may read and no names are
 * kept, it is not looked at, so that a reader with an old one goes on. */
static bool identify(struct api_call *call, bool judges, struct api_reply *reply)
{
    struct str token = bearer(&call->request);
    if (token.size > 0) {
        return !judges || api_prove_token(call, token, reply);
    }
    if (call->request.proxy_user.size > 0) {
        return prove_proxied(call, reply);
    }
    if (!prove_certificate(call)) {
        (void)api_prove_cookie(call, reply);
    }
    return true;
}

/* What a browser sends by itself is no proof that its user wants a change: then the page has to show that it is one of ours, by a header that
 * no other page can send here unasked. A program with a certificate is no browser. */
static bool check_page(const struct api_request *request, bool is_socket, struct api_reply *reply)
{
    bool by_itself = request->who.proof >= ACCESS_COOKIE;
    bool has_site = request->fetch_site.data != NULL;
    if (!by_itself ||
        (request->who.proof == ACCESS_CERTIFICATE && request->origin.data == NULL && !has_site)) {
        return true;
    }
    if (is_socket) {
        if (request->origin.data == NULL) {
            api_refuse(
                reply, 403, "cross_site",
                "a WebSocket by cookie, certificate or proxy needs the Origin of this agent's own page");
        }
        return request->origin.data != NULL;
    }
    bool ours = has_site ? str_eq(request->fetch_site, STR("same-origin")) : request->origin.data != NULL;
    if (!ours || !str_eq(request->x_outrider, STR("1"))) {
        api_refuse(reply, 403, "cross_site",
                   "a change by cookie, certificate or proxy needs X-Outrider: 1, and Origin or "
                   "Sec-Fetch-Site of this "
                   "agent's own page");
        return false;
    }
    return true;
}

static bool check_role(struct api_call *call, enum access_role takes, bool asked, struct api_reply *reply)
{
    const struct api_request *request = &call->request;
    if (request->who.role >= takes) {
        return true;
    }
    if (asked && request->who.proof <= ACCESS_SOCKET) {
        api_refuse_unproved(call, reply);
        return false;
    }
    api_refuse(reply, 403, "role", "%.*s of %.*s takes the role %s; %s is %s", STR_ARG(request->method),
               request->path.size < 128 ? (int)request->path.size : 128, request->path.data,
               access_role_name(takes), request->who.name, access_role_name(request->who.role));
    return false;
}

bool api_may_see_leases(struct api_call *call, struct api_reply *reply)
{
    const struct api_request *request = &call->request;
    struct str token = bearer(request);
    struct api_reply unused = {0};
    bool may =
        request->is_unix || (request->who.proof > ACCESS_SOCKET && request->who.role >= ACCESS_OPERATOR);
    if (!may && call->context->config->http.token_file != NULL && token.size > 0) {
        may = api_prove_token(call, token, &unused) && request->who.role >= ACCESS_OPERATOR;
        reply->delay_ms = unused.delay_ms;
    }
    api_reply_fini(&unused);
    return may;
}

/* Who asks, where that is all the request is for: a wrong token is then no error, and its answer is as late as one. */
static void identify_only(struct api_call *call, struct api_reply *reply)
{
    struct api_reply refusal = {0};
    if (!identify(call, true, &refusal)) {
        reply->delay_ms = refusal.delay_ms;
    }
    reply->set_cookie = refusal.set_cookie;
    refusal.set_cookie = (struct buf){0};
    api_reply_fini(&refusal);
}

bool api_guard(struct api_call *call, enum access_role takes, unsigned checks, struct api_reply *reply)
{
    const struct api_request *request = &call->request;
    const struct config *config = call->context->config;
    enum access_role open = open_role(config, request);
    bool asked = open < takes && open < ACCESS_OPERATOR; /* a token could help */
    bool judges = asked || config->http.access_file != NULL;
    bool is_change = (checks & API_CHECK_ORIGIN) != 0;
    call->request.who.takes = takes;
    identify_peer(call, open, is_change || (checks & API_CHECK_WHO) != 0 || takes > ACCESS_VIEWER);
    if ((checks & API_CHECK_HOST_OR_TOKEN) != 0 && judges && bearer(request).size > 0) {
        return api_prove_token(call, bearer(request), reply) && check_role(call, takes, asked, reply);
    }
    if (((checks & (API_CHECK_HOST | API_CHECK_HOST_OR_TOKEN)) != 0 && !check_host(call, asked, reply)) ||
        (is_change && !check_origin(call, reply)) ||
        ((checks & API_CHECK_TYPE) != 0 && !check_type(request, reply))) {
        return false;
    }
    if ((checks & API_CHECK_WHO) != 0) {
        identify_only(call, reply);
    } else if (checks != 0 && (is_change || takes > ACCESS_NONE) && !identify(call, judges, reply)) {
        return false;
    }
    return (!is_change || check_page(request, (checks & API_CHECK_SOCKET) != 0, reply)) &&
           check_role(call, takes, asked, reply);
}
