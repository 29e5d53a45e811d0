/* One request is one or more attempts, each a POST to one endpoint:
 *
 *     submit -> token? -> attempt -> answered ---------------------------------------> reply
 *                 ^          ^   |--> its token refused, the first time: a login, again
 *                 '----------|---'--> not done, or harmless to repeat: the next endpoint, within the time
 *                            '-------'  |
 *                                       '--> a write that may have been done, or none is left -> reply
 *
 * Harmless to repeat are reads, keepalives, a revoke, and a grant because the client chose its id
 * (docs/design/etcd-gateway.md, "Lease ids"). A write of unknown outcome is left to its client, which knows what it means
 * (docs/design/etcd-gateway.md, "Unknown outcome"). */
#include "outrider/registry/etcd/etcd.h"

#include "etcd_internal.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/os/clock.h"
#include "outrider/registry/etcd/etcd_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* gRPC takes at most eight digits. */
#define GRPC_TIMEOUT_MAX_MS INT64_C(99999999)

enum {
    REQUEST_MAX = 1536 * 1024, /* bytes that etcd takes in one */
    BUFFER_KEPT = 64 * 1024    /* a buffer that one huge value has stretched is given back */
};

struct etcd_call {
    struct etcd_call *prev, *next;
    struct etcd *etcd;
    uint64_t id;
    /* What a client of the registry asked, else REGISTRY_OP_COUNT; the operation that fails as it does. */
    enum registry_op op, like;
    struct etcd_request request; /* as far as the decoder looks at it */
    etcd_client_fn *fn;          /* NULL: a request of the registry */
    void *user;
    const char *problem; /* why it is not sent; NULL: it is */
    struct deferred refusal;
    struct buf body;
    int64_t left_ms;
    size_t endpoint; /* being asked, or the last that was */
    endpoint_set asked;
    bool is_suspect;                  /* an earlier attempt may have been carried out */
    struct http_request_handle *http; /* NULL once answered */
    struct auth_wait wait;
    int64_t wait_since;   /* clock_mono_ms */
    uint64_t generation;  /* of the token it took along */
    bool logged_in_again; /* its token was refused once */
    struct buf trail;     /* what every attempt came to, for the reply's error */
};

void etcd_reuse(struct buf *buf)
{
    if (buf->capacity > BUFFER_KEPT) {
        buf_fini(buf);
    } else {
        buf_clear(buf);
    }
}

const char *etcd_url(struct etcd *etcd, size_t endpoint, const char *path)
{
    buf_clear(&etcd->url);
    buf_printf(&etcd->url, "%s%s", etcd->endpoints.list[endpoint].name, path);
    return buf_text(&etcd->url);
}

const char *etcd_without_url(const struct etcd *etcd, size_t endpoint, const char *text)
{
    const char *name = etcd->endpoints.list[endpoint].name;
    size_t size = strlen(name);
    const char *colon = strncmp(text, name, size) == 0 ? strstr(text + size, ": ") : NULL;
    return colon == NULL ? text : colon + 2;
}

/* Without it the server works on for 7 s after the client gave up (docs/design/etcd-gateway.md, "Timeouts"). */
static const char *timeout_header(struct etcd *etcd, int64_t timeout_ms)
{
    timeout_ms = timeout_ms < GRPC_TIMEOUT_MAX_MS ? timeout_ms : GRPC_TIMEOUT_MAX_MS;
    if (etcd->header_timeout_ms != timeout_ms) {
        etcd->header_timeout_ms = timeout_ms;
        snprintf(etcd->timeout_header, sizeof(etcd->timeout_header), "Grpc-Timeout: %" PRId64 "m",
                 timeout_ms);
    }
    return etcd->timeout_header;
}

void etcd_headers(struct etcd *etcd, int64_t timeout_ms, const char *ret_headers[static ETCD_HEADERS_MAX])
{
    size_t count = 0;
    ret_headers[count++] = "Content-Type: application/json";
    ret_headers[count++] = "Grpc-Metadata-Hasleader: true";
    if (timeout_ms > 0) {
        ret_headers[count++] = timeout_header(etcd, timeout_ms);
    }
    ret_headers[count++] = etcd->auth.header; /* NULL where it goes without */
    ret_headers[count] = NULL;
}

static void on_login(enum registry_failure failure, struct str error, void *user);

static struct etcd_call *call_new(struct etcd *etcd, const struct etcd_request *request, int64_t timeout_ms)
{
    struct etcd_call *call = mem_zalloc(sizeof(*call));
    call->etcd = etcd;
    call->request = *request;
    etcd_request_encode(request, &call->body);
    call->left_ms = timeout_ms;
    call->endpoint = endpoints_next(&etcd->endpoints, 0);
    call->wait.fn = on_login;
    call->wait.user = call;
    DL_PREPEND(etcd->calls, call);
    return call;
}

static void call_free(struct etcd_call *call)
{
    DL_DELETE(call->etcd->calls, call);
    http_request_cancel(call->http);
    auth_cancel(&call->wait);
    deferred_cancel(&call->refusal);
    buf_fini(&call->trail);
    buf_fini(&call->body);
    free(call);
}

static const char *endpoint_name(const struct etcd_call *call)
{
    return call->etcd->endpoints.list[call->endpoint].name;
}

/* For people: a request of the registry by its operation there. */
static const char *call_name(const struct etcd_call *call)
{
    return call->fn == NULL ? registry_op_name(call->op) : etcd_request_name(&call->request);
}

static void add_trail(struct etcd_call *call, const char *why)
{
    buf_printf(&call->trail, "%s on %s: %s", call->trail.size == 0 ? call_name(call) : ";",
               endpoint_name(call), why);
}

/* ---- the end of a call ---- */

/* The last thing done with a call. `response` is NULL where there was none to read. */
static void reply(struct etcd_call *call, struct registry_reply *out, const struct etcd_response *response)
{
    struct etcd *etcd = call->etcd;
    struct buf note = {0};
    etcd->cluster = out->cluster != 0 ? out->cluster : etcd->cluster;
    endpoints_note_clusters(&etcd->endpoints, call->endpoint, &note);
    out->id = call->id;
    out->op = call->fn == NULL ? call->op : call->like;
    out->error = out->failure == REGISTRY_OK ? STR("") : buf_view(&call->trail);
    out->endpoint = str_of(endpoint_name(call));
    out->note = buf_view(&note);
    out->cluster = etcd->cluster;
    if (call->fn != NULL) {
        call->fn(out, response, call->user);
    } else {
        registry_deliver(&etcd->registry, out);
    }
    buf_fini(&note);
    call_free(call);
}

static void reply_failure(struct etcd_call *call, enum registry_failure failure)
{
    bool unknown = failure == REGISTRY_RETRY && call->is_suspect && !etcd_only_reads(call->like);
    reply(call, &(struct registry_reply){.failure = unknown ? REGISTRY_UNKNOWN : failure}, NULL);
}

/* ---- attempts ---- */

static bool may_repeat(enum registry_op like)
{
    return like != REGISTRY_PUT && like != REGISTRY_DELETE;
}

static void attempt(struct etcd_call *call);

/* Tries the next endpoint. Returns whether one was left, and time. */
static bool try_next(struct etcd_call *call)
{
    size_t next = endpoints_next(&call->etcd->endpoints, call->asked);
    if (next == call->etcd->endpoints.count || call->left_ms <= 0) {
        return false;
    }
    call->endpoint = next;
    attempt(call);
    return true;
}

/* Asks the same endpoint again, which is healthy. A write refused for its token was not done. */
static bool log_in_again(struct etcd_call *call)
{
    if (call->logged_in_again || call->left_ms <= 0 || !auth_refused(&call->etcd->auth, call->generation)) {
        return false;
    }
    call->logged_in_again = true;
    buf_clear(&call->trail);
    attempt(call);
    return true;
}

/* Whether to ask another endpoint: not where a write may have been done, and not on overload, which would move to the
 * others. */
static bool is_for_another(const struct etcd_call *call, const struct etcd_status *status)
{
    return status->elsewhere && status->failure != REGISTRY_OVERLOADED &&
           (status->failure != REGISTRY_UNKNOWN || may_repeat(call->like));
}

static void on_answer(struct etcd_call *call, const struct http_result *result)
{
    struct etcd *etcd = call->etcd;
    struct registry_reply out;
    etcd_response_decode(&call->request, call->like, result->status, result->body, &etcd->response);
    etcd_response_reply(call->op, &etcd->response, &out);
    const struct etcd_status *status = &etcd->response.status;
    if (status->elsewhere) {
        etcd_endpoint_failed(etcd, call->endpoint, status->text);
    } else {
        endpoints_answered(&etcd->endpoints, call->endpoint, status->cluster);
    }
    if (status->token_refused && log_in_again(call)) {
        return;
    }
    if (status->failure != REGISTRY_OK) {
        add_trail(call, status->text);
    }
    call->is_suspect = call->is_suspect || status->failure == REGISTRY_UNKNOWN;
    if (is_for_another(call, status)) {
        if (!try_next(call)) {
            reply_failure(call, status->failure);
        }
        return;
    }
    reply(call, &out, &etcd->response);
    etcd_response_fini(&etcd->response);
}

static void on_no_answer(struct etcd_call *call, const struct http_result *result)
{
    struct etcd *etcd = call->etcd;
    const char *why = etcd_without_url(call->etcd, call->endpoint, result->text);
    add_trail(call, why);
    etcd_endpoint_failed(etcd, call->endpoint, why);
    call->is_suspect = call->is_suspect || result->sent;
    if ((result->sent && !may_repeat(call->like)) || !try_next(call)) {
        reply_failure(call, REGISTRY_RETRY);
    }
}

/* The endpoint is healthy, and the others would answer the same. */
static void on_too_large(struct etcd_call *call, const struct http_result *result)
{
    endpoints_answered(&call->etcd->endpoints, call->endpoint, 0);
    add_trail(call, etcd_without_url(call->etcd, call->endpoint, result->text));
    reply(call, &(struct registry_reply){.failure = REGISTRY_REFUSED, .too_large = true}, NULL);
}

static void on_result(const struct http_result *result, void *user)
{
    struct etcd_call *call = user;
    call->http = NULL;
    call->left_ms -= (result->elapsed_us + 999) / 1000;
    if (result->transport == HTTP_TRANSPORT_OK) {
        on_answer(call, result);
    } else if (result->transport == HTTP_TRANSPORT_TOO_LARGE && call->op == REGISTRY_LIST) {
        on_too_large(call, result);
    } else {
        on_no_answer(call, result);
    }
}

static void send(struct etcd_call *call)
{
    struct etcd *etcd = call->etcd;
    int64_t share = endpoints_share(&etcd->endpoints, call->asked, call->left_ms);
    call->asked = endpoints_with(call->asked, call->endpoint);
    call->generation = etcd->auth.generation;
    const char *headers[ETCD_HEADERS_MAX];
    etcd_headers(etcd, share, headers);
    bool is_long = call->op == REGISTRY_LIST || call->op == REGISTRY_TXN || call->op == REGISTRY_OP_COUNT;
    struct http_call post = {
        .url = etcd_url(etcd, call->endpoint, etcd_request_path(&call->request)),
        .headers = headers,
        .body = buf_view(&call->body),
        .timeout_ms = share,
        .connect_timeout_ms = share,
        .max_response = is_long ? ETCD_RESPONSE_PAGE_MAX : ETCD_RESPONSE_MAX,
    };
    call->http = http_client_send(etcd->http, &post, on_result, call);
}

static void on_login(enum registry_failure failure, struct str error, void *user)
{
    struct etcd_call *call = user;
    call->left_ms -= clock_mono_ms() - call->wait_since;
    if (failure == REGISTRY_OK && call->left_ms > 0) {
        attempt(call);
        return;
    }
    if (call->trail.size > 0) {
        buf_str(&call->trail, STR("; "));
    } else {
        buf_printf(&call->trail, "%s: ", call_name(call));
    }
    buf_str(&call->trail, failure == REGISTRY_OK ? STR("no time was left after the login") : error);
    reply_failure(call, failure == REGISTRY_OK ? REGISTRY_RETRY : failure);
}

/* Etcd renews a lease without checking permissions (docs/design/etcd-gateway.md, "Authentication"), so a heartbeat waits
 * for no login until it is refused without one: a wrong password must not cost a living record. */
static bool needs_no_token(const struct etcd_call *call)
{
    return call->op == REGISTRY_KEEPALIVE && !call->logged_in_again;
}

static void attempt(struct etcd_call *call)
{
    if (auth_is_ready(&call->etcd->auth) || needs_no_token(call)) {
        send(call);
    } else {
        call->wait_since = clock_mono_ms();
        auth_wait(&call->etcd->auth, &call->wait, call->left_ms);
    }
}

/* ---- the backend ---- */

static void on_refusal(void *user)
{
    struct etcd_call *call = user;
    add_trail(call, call->problem);
    reply(call, &(struct registry_reply){.failure = REGISTRY_REFUSED}, NULL);
}

/* A transaction that etcd would not take, or that does not fit into a request, is not sent. */
static void refuse(struct etcd *etcd, const struct registry_request *request, const char *problem)
{
    struct etcd_call *call =
        call_new(etcd, &(struct etcd_request){.kind = ETCD_REQUEST_COUNT}, request->timeout_ms);
    call->id = request->id;
    call->op = call->like = request->op;
    call->problem = problem;
    call->refusal = (struct deferred){.fn = on_refusal, .user = call};
    loop_defer(etcd->loop, &call->refusal);
}

static void etcd_submit(struct registry *registry, const struct registry_request *request)
{
    struct etcd *etcd = (struct etcd *)registry;
    const char *problem = request->op == REGISTRY_TXN ? registry_txn_problem(request->txn) : NULL;
    if (problem != NULL) {
        refuse(etcd, request, problem);
        return;
    }
    struct etcd_request_parts parts;
    struct etcd_request encoded;
    etcd_request_of(request, &parts, &encoded);
    struct etcd_call *call = call_new(etcd, &encoded, request->timeout_ms);
    call->id = request->id;
    call->op = request->op;
    call->like = request->op == REGISTRY_TXN ? etcd_request_like(&encoded) : request->op;
    attempt(call);
}

void etcd_client_send(struct etcd *etcd, uint64_t id, const struct etcd_request *request, int64_t timeout_ms,
                      etcd_client_fn *fn, void *user)
{
    struct etcd_call *call = call_new(etcd, request, timeout_ms);
    call->id = id;
    call->op = REGISTRY_OP_COUNT;
    call->like = etcd_request_like(request);
    call->fn = fn;
    call->user = user;
    attempt(call);
}

static bool etcd_endpoint(const struct registry *registry, size_t index,
                          struct registry_endpoint *ret_endpoint)
{
    return endpoints_describe(&((const struct etcd *)registry)->endpoints, index, ret_endpoint);
}

static void etcd_free(struct registry *registry)
{
    struct etcd *etcd = (struct etcd *)registry;
    while (etcd->calls != NULL) {
        call_free(etcd->calls);
    }
    etcd_watches_fini(etcd);
    auth_fini(&etcd->auth);
    recheck_fini(&etcd->recheck);
    endpoints_fini(&etcd->endpoints);
    etcd_response_fini(&etcd->response);
    buf_fini(&etcd->body);
    buf_fini(&etcd->url);
    registry_fini(registry);
    free(etcd);
}

static enum registry_login etcd_login(const struct registry *registry)
{
    return ((const struct etcd *)registry)->auth.state;
}

struct registry *etcd_registry(struct etcd *etcd)
{
    return etcd == NULL ? NULL : &etcd->registry;
}

struct etcd *etcd_new(const struct config_registry *config, struct loop *loop, struct http_client *http,
                      const char *agent)
{
    static const struct registry_backend backend = {.name = "etcd",
                                                    .submit = etcd_submit,
                                                    .watch = etcd_watch_open,
                                                    .unwatch = etcd_watch_close,
                                                    .endpoint = etcd_endpoint,
                                                    .login = etcd_login,
                                                    .free = etcd_free};
    /* docs/design/etcd-gateway.md, "Lease ids" and "Errors". */
    static const struct registry_limits limits = {.ttl_min_ms = 2000,
                                                  .ttl_max_ms = INT64_C(9000000000) * 1000,
                                                  .ends_factor = 1,
                                                  .ends_more_ms = 500,
                                                  .key_max = REQUEST_MAX,
                                                  .value_max = REQUEST_MAX,
                                                  .page_max = REGISTRY_LIST_MAX};
    struct etcd *etcd = mem_zalloc(sizeof(*etcd));
    registry_init(&etcd->registry, &backend);
    etcd->registry.can = REGISTRY_CAN_ALL;
    etcd->registry.limits = &limits;
    etcd->loop = loop;
    etcd->http = http;
    endpoints_init(&etcd->endpoints, config, agent);
    etcd_recheck_init(etcd, config);
    auth_init(&etcd->auth, etcd, config);
    return etcd;
}
