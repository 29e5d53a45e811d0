/* One request is one or more attempts, each a POST to one endpoint:
 *
 *     submit -> token? -> attempt -> answered ---------------------------------------> reply
 *                 ^          ^   |--> its token refused, the first time: a login, again
 *                 '----------|---'--> not done, or harmless to repeat: the next endpoint, within the time
 *                            '-------'  |
 *                                       '--> a write that may have been done, or nobody left -> reply
 *
 * What is harmless to repeat: reads, keepalives, a revoke, and a grant because its id is ours
 * (docs/design/etcd-gateway.md, "Lease ids"). A put or delete of unknown outcome is the registrar's to
 * decide: it alone knows what that means (docs/design/etcd-gateway.md, "Unknown outcome"). */
#include "outrider/registry/etcd/etcd.h"

#include "client_internal.h"
#include "etcd_internal.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* gRPC takes at most eight digits. */
#define GRPC_TIMEOUT_MAX_MS INT64_C(99999999)

/* A buffer that one huge value has stretched is given back. */
enum { BUFFER_KEPT = 64 * 1024 };

struct etcd_call {
    struct etcd_call *next, *previous;
    struct etcd *etcd;
    struct registry_request request; /* its key is `key`; a reference on its value is ours */
    struct etcd_asked *asked_for;    /* owned: what is asked instead, `request` only saying what it is like */
    char *key, *range_end;
    int64_t left_ms;
    size_t endpoint; /* being asked, or the last that was */
    endpoint_set asked;
    bool is_suspect;                  /* an earlier attempt may have been carried out */
    struct http_request_handle *http; /* NULL once answered */
    struct auth_wait wait;
    int64_t wait_since;  /* clock_mono_ms */
    uint64_t generation; /* of the token it took along */
    bool logged_in_anew; /* its token was refused once */
    struct buf trail;    /* what every attempt came to, for the reply's error */
};

void etcd_reuse(struct buf *buf)
{
    if (buf->capacity > BUFFER_KEPT) {
        buf_fini(buf);
    } else {
        buf_clear(buf);
    }
}

const char *etcd_without_url(const char *text, const char *url)
{
    size_t size = strlen(url);
    return strncmp(text, url, size) == 0 && strncmp(text + size, ": ", 2) == 0 ? text + size + 2 : text;
}

/* The server gives up when we do, or it would go on for 7 s for nobody (docs/design/etcd-gateway.md,
 * "Timeouts"). */
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
    if (auth_header(&etcd->auth) != NULL) {
        ret_headers[count++] = auth_header(&etcd->auth);
    }
    ret_headers[count] = NULL;
}

static void on_login(enum registry_failure failure, struct str error, void *user);

static struct etcd_call *call_new(struct etcd *etcd, const struct registry_request *request)
{
    struct etcd_call *call = mem_zalloc(sizeof(*call));
    call->etcd = etcd;
    call->request = *request;
    call->key = mem_copy(request->key.data, request->key.size);
    call->request.key.data = call->key;
    call->range_end = mem_copy(request->range_end.data, request->range_end.size);
    call->request.range_end.data = call->range_end;
    call->request.value = blob_ref(request->value);
    call->left_ms = request->timeout_ms;
    call->endpoint = endpoints_next(&etcd->endpoints, 0);
    call->wait.fn = on_login;
    call->wait.user = call;
    call->next = etcd->calls;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    etcd->calls = call;
    return call;
}

static void call_free(struct etcd_call *call)
{
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        call->etcd->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    http_request_cancel(call->http);
    auth_cancel(&call->wait);
    blob_unref(call->request.value);
    buf_fini(&call->trail);
    etcd_asked_free(call->asked_for);
    free(call->key);
    free(call->range_end);
    free(call);
}

static const char *endpoint_name(const struct etcd_call *call)
{
    return call->etcd->endpoints.list[call->endpoint].name;
}

/* What is asked, for people. */
static const char *call_name(const struct etcd_call *call)
{
    return call->asked_for != NULL ? call->asked_for->name : registry_op_name(call->request.op);
}

/* Where it is posted to on the endpoint being asked; borrowed until the next attempt. */
static const char *call_url(const struct etcd_call *call)
{
    const struct endpoint *endpoint = &call->etcd->endpoints.list[call->endpoint];
    return call->asked_for != NULL ? etcd_asked_url(call->asked_for, endpoint->name)
                                   : endpoint->urls[call->request.op];
}

static void add_trail(struct etcd_call *call, const char *why)
{
    if (call->trail.size == 0) {
        buf_printf(&call->trail, "%s on ", call_name(call));
    } else {
        buf_str(&call->trail, STR("; on "));
    }
    buf_printf(&call->trail, "%s: %s", endpoint_name(call), why);
}

/* ---- the end of a call ---- */

/* Two endpoints of two clusters are a configuration that cannot work, and neither id says which is which. The
 * same words whoever of them is asked, so that they can be told once. */
static void note_other_cluster(const struct etcd_call *call, struct buf *note)
{
    const struct endpoints *endpoints = &call->etcd->endpoints;
    size_t other = endpoints_of_other_cluster(endpoints, call->endpoint);
    if (other < endpoints->count) {
        const struct endpoint *first = &endpoints->list[other < call->endpoint ? other : call->endpoint];
        const struct endpoint *second = &endpoints->list[other < call->endpoint ? call->endpoint : other];
        buf_printf(note,
                   "%s belonged to cluster %" PRIx64 " and %s to cluster %" PRIx64 " when they answered last",
                   first->name, first->cluster, second->name, second->cluster);
    }
}

/* The last thing done with a call. `message` is what etcd said, or a failure before it could say anything. */
static void reply(struct etcd_call *call, const struct etcd_message *message)
{
    struct etcd *etcd = call->etcd;
    struct buf note = {0};
    etcd->cluster = message->cluster != 0 ? message->cluster : etcd->cluster;
    note_other_cluster(call, &note);
    struct registry_reply out = {
        .id = call->request.id,
        .op = call->request.op,
        .failure = message->failure,
        .error = message->failure == REGISTRY_OK ? STR("") : buf_view(&call->trail),
        .endpoint = str_of(endpoint_name(call)),
        .note = buf_view(&note),
        .revision = message->revision,
        .cluster = etcd->cluster,
        .lease = message->lease,
        .ttl_ms = message->ttl_ms,
        .ttl_known = message->ttl_known,
        .succeeded = message->succeeded,
        .kv = message->kv,
        .items = message->items,
        .item_count = message->item_count,
        .count = message->count,
        .revision_gone = message->revision_gone,
        .too_large = message->too_large,
    };
    if (call->asked_for != NULL) {
        etcd_asked_tell(call->asked_for, &out);
    } else {
        registry_deliver(&etcd->registry, &out);
    }
    buf_fini(&note);
    call_free(call);
}

static void reply_failure(struct etcd_call *call, enum registry_failure failure)
{
    bool unknown = failure == REGISTRY_RETRY && call->is_suspect && !etcd_message_is_read(call->request.op);
    reply(call, &(struct etcd_message){.failure = unknown ? REGISTRY_UNKNOWN : failure});
}

/* ---- attempts ---- */

static bool may_repeat(enum registry_op op)
{
    return op != REGISTRY_PUT && op != REGISTRY_DELETE;
}

static void attempt(struct etcd_call *call);

/* The attempt failed in a way another endpoint may not, and can be made there. Returns whether one is left.
 */
static bool continue_stream(struct etcd_call *call)
{
    size_t next = endpoints_next(&call->etcd->endpoints, call->asked);
    if (next == call->etcd->endpoints.count || call->left_ms <= 0) {
        return false;
    }
    call->endpoint = next;
    attempt(call);
    return true;
}

/* The same endpoint is asked again: it has done nothing wrong. Writes refused for their token are not done.
 */
static bool log_in_anew(struct etcd_call *call)
{
    if (call->logged_in_anew || call->left_ms <= 0 || !auth_refused(&call->etcd->auth, call->generation)) {
        return false;
    }
    call->logged_in_anew = true;
    buf_clear(&call->trail);
    attempt(call);
    return true;
}

/* Whether the answer is worth asking another endpoint: not where a write may have been done, and not where
 * this one has too much to do, which the others then soon would have, too. */
static bool is_for_another(const struct etcd_call *call, const struct etcd_message *message)
{
    return message->elsewhere && message->failure != REGISTRY_OVERLOADED &&
           (message->failure != REGISTRY_UNKNOWN || may_repeat(call->request.op));
}

static void decode(struct etcd_call *call, const struct http_result *result, struct etcd_message *message)
{
    struct etcd_asked *asked = call->asked_for;
    if (asked != NULL) {
        etcd_ask_decode(&asked->ask, result->status, result->body, message, &asked->answer);
    } else {
        etcd_message_decode(call->request.op, (int64_t)call->request.lease.lo, result->status, result->body,
                            message);
    }
}

static void on_answer(struct etcd_call *call, const struct http_result *result)
{
    struct etcd *etcd = call->etcd;
    struct etcd_message *message = &etcd->message;
    decode(call, result, message);
    if (message->elsewhere) {
        endpoints_failed(&etcd->endpoints, call->endpoint, message->text);
    } else {
        endpoints_answered(&etcd->endpoints, call->endpoint, message->cluster);
    }
    if (message->token_refused && log_in_anew(call)) {
        return;
    }
    if (message->failure != REGISTRY_OK) {
        add_trail(call, message->text);
    }
    call->is_suspect = call->is_suspect || message->failure == REGISTRY_UNKNOWN;
    if (is_for_another(call, message)) {
        if (!continue_stream(call)) {
            reply_failure(call, message->failure);
        }
        return;
    }
    reply(call, message);
    etcd_reuse(&message->value);
}

static void on_no_answer(struct etcd_call *call, const struct http_result *result)
{
    struct etcd *etcd = call->etcd;
    const char *why = etcd_without_url(result->text, call_url(call));
    add_trail(call, why);
    endpoints_failed(&etcd->endpoints, call->endpoint, why);
    call->is_suspect = call->is_suspect || result->sent;
    if ((result->sent && !may_repeat(call->request.op)) || !continue_stream(call)) {
        reply_failure(call, REGISTRY_RETRY);
    }
}

/* It has done nothing wrong, and the others would say the same. */
static void on_too_large(struct etcd_call *call, const struct http_result *result)
{
    endpoints_answered(&call->etcd->endpoints, call->endpoint, 0);
    add_trail(call, etcd_without_url(result->text, call_url(call)));
    reply(call, &(struct etcd_message){.failure = REGISTRY_REFUSED, .too_large = true});
}

static void on_result(const struct http_result *result, void *user)
{
    struct etcd_call *call = user;
    call->http = NULL;
    call->left_ms -= (result->elapsed_us + 999) / 1000;
    if (result->transport == HTTP_TRANSPORT_OK) {
        on_answer(call, result);
    } else if (result->transport == HTTP_TRANSPORT_TOO_LARGE && call->request.op == REGISTRY_LIST) {
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
    call->generation = auth_generation(&etcd->auth);
    const char *headers[ETCD_HEADERS_MAX];
    etcd_headers(etcd, share, headers);
    bool is_long = call->request.op == REGISTRY_LIST || call->asked_for != NULL;
    if (call->asked_for != NULL) {
        buf_str(&etcd->body, buf_view(&call->asked_for->body));
    } else {
        etcd_message_encode(&call->request, &etcd->body);
    }
    struct http_call post = {
        .url = call_url(call),
        .headers = headers,
        .body = buf_view(&etcd->body),
        .timeout_ms = share,
        .connect_timeout_ms = share,
        .max_response = is_long ? ETCD_MESSAGE_LIST_MAX : ETCD_MESSAGE_MAX,
    };
    call->http = http_client_post(etcd->http, &post, on_result, call);
    etcd_reuse(&etcd->body);
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

/* Etcd renews a lease for whoever asks (docs/design/etcd-gateway.md, "Authentication"). So a heartbeat waits
 * for no login, until it is refused for want of one: a wrong password or a removed user must not cost a
 * living record. */
static bool needs_no_token(const struct etcd_call *call)
{
    return call->request.op == REGISTRY_KEEPALIVE && !call->logged_in_anew;
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

static void etcd_submit(struct registry *registry, const struct registry_request *request)
{
    attempt(call_new((struct etcd *)registry, request));
}

void etcd_client_ask(struct etcd *etcd, const struct etcd_ask *ask, int64_t timeout_ms, etcd_client_fn *fn,
                     void *user)
{
    struct registry_request like = {
        .op = etcd_ask_like(ask), .lease.lo = (uint64_t)ask->lease, .timeout_ms = timeout_ms};
    struct etcd_call *call = call_new(etcd, &like);
    call->asked_for = etcd_asked_new(ask, fn, user);
    attempt(call);
}

static bool etcd_endpoint(const struct registry *registry, size_t index,
                          struct registry_endpoint *ret_endpoint)
{
    const struct endpoints *endpoints = &((const struct etcd *)registry)->endpoints;
    if (index >= endpoints->count) {
        return false;
    }
    const struct endpoint *endpoint = &endpoints->list[index];
    *ret_endpoint = (struct registry_endpoint){.name = endpoint->name,
                                               .in_use = index == endpoints_next(endpoints, 0),
                                               .last_error = endpoint->last_error,
                                               .failed_wall = endpoint->failed_wall};
    return true;
}

static void etcd_free(struct registry *registry)
{
    struct etcd *etcd = (struct etcd *)registry;
    while (etcd->calls != NULL) {
        call_free(etcd->calls);
    }
    etcd_watches_fini(&etcd->watches);
    auth_fini(&etcd->auth);
    endpoints_fini(&etcd->endpoints);
    etcd_message_fini(&etcd->message);
    buf_fini(&etcd->body);
    registry_fini(registry);
    free(etcd);
}

enum etcd_login etcd_login_state(const struct etcd *etcd)
{
    return etcd->auth.state;
}

struct registry *etcd_registry(struct etcd *etcd)
{
    return &etcd->registry;
}

struct etcd *etcd_new(const struct config_registry *config, struct loop *loop, struct http_client *http)
{
    static const struct registry_backend backend = {.name = "etcd",
                                                    .submit = etcd_submit,
                                                    .watch = etcd_watch_open,
                                                    .unwatch = etcd_watch_close,
                                                    .endpoint = etcd_endpoint,
                                                    .free = etcd_free};
    struct etcd *etcd = mem_zalloc(sizeof(*etcd));
    registry_init(&etcd->registry, &backend);
    etcd->loop = loop;
    etcd->http = http;
    endpoints_init(&etcd->endpoints, config);
    auth_init(&etcd->auth, etcd, config);
    return etcd;
}
