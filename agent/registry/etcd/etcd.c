/* One request is one or more attempts, each a POST to one endpoint:
 *
 *     submit -> attempt -> answered ---------------------------------------------> reply
 *                 ^   |--> certainly not sent, endpoints and time left: the next one
 *                 |   |        |
 *                 '---|--------'
 *                     '--> lost or timed out: outcome unknown -------------------> reply
 *
 * Only what certainly did not arrive is tried again here. Everything else is the registrar's to decide: it
 * alone knows what a write of unknown outcome means (etcd-gateway.md rule 9). */
#include "outrider/registry/etcd.h"

#include "endpoints.h"
#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/etcd_message.h"
#include "outrider/io/http_client.h"
#include "watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* gRPC takes at most eight digits. */
#define GRPC_TIMEOUT_MAX_MS INT64_C(99999999)

/* A buffer that one huge value has stretched is given back. */
enum { BUFFER_KEPT = 64 * 1024 };

struct etcd;

struct etcd_call {
    struct etcd_call *next, *previous;
    struct etcd *etcd;
    struct registry_request request; /* its key is `key`; a reference on its value is ours */
    char *key;
    int64_t left_ms;
    size_t endpoint;                  /* being asked */
    size_t others;                    /* endpoints not asked yet */
    struct http_request_handle *http; /* NULL once answered */
    struct buf trail;                 /* what every attempt came to, for the reply's error */
};

struct etcd {
    struct registry registry;
    struct loop *loop;
    struct http_client *http;
    struct endpoints endpoints;
    struct etcd_call *calls;
    struct etcd_watches watches;
    uint64_t cluster;            /* as last answered */
    struct buf body;             /* of the request being sent */
    struct etcd_message message; /* the answer being read */
    int64_t header_timeout_ms;   /* what `timeout_header` says */
    char timeout_header[40];
};

static struct etcd_call *call_new(struct etcd *etcd, const struct registry_request *request)
{
    struct etcd_call *call = mem_zalloc(sizeof(*call));
    call->etcd = etcd;
    call->request = *request;
    call->key = mem_copy(request->key.data, request->key.size);
    call->request.key.data = call->key;
    call->request.value = blob_ref(request->value);
    call->left_ms = request->timeout_ms;
    call->endpoint = etcd->endpoints.preferred;
    call->others = etcd->endpoints.count - 1;
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
    blob_unref(call->request.value);
    buf_fini(&call->trail);
    free(call->key);
    free(call);
}

/* The server gives up when we do, or it would go on for 7 s for nobody (rule 8). */
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

static void reuse(struct buf *buf)
{
    if (buf->capacity > BUFFER_KEPT) {
        buf_fini(buf);
    } else {
        buf_clear(buf);
    }
}

static void add_trail(struct etcd_call *call, const char *why)
{
    if (call->trail.size == 0) {
        buf_printf(&call->trail, "%s on ", registry_op_name(call->request.op));
    } else {
        buf_str(&call->trail, STR("; on "));
    }
    buf_printf(&call->trail, "%s: %s", call->etcd->endpoints.list[call->endpoint].name, why);
}

/* The last thing done with a call. `message` is what etcd said, or a failure before it could say anything. */
static void reply(struct etcd_call *call, const struct etcd_message *message)
{
    struct etcd *etcd = call->etcd;
    etcd->cluster = message->cluster != 0 ? message->cluster : etcd->cluster;
    struct registry_reply out = {
        .id = call->request.id,
        .op = call->request.op,
        .failure = message->failure,
        .error = message->failure == REGISTRY_OK ? STR("") : buf_view(&call->trail),
        .endpoint = str_of(etcd->endpoints.list[call->endpoint].name),
        .revision = message->revision,
        .cluster = etcd->cluster,
        .ttl_ms = message->ttl_ms,
        .succeeded = message->succeeded,
        .kv = message->kv,
    };
    etcd->registry.on_reply(&out, etcd->registry.user);
    call_free(call);
}

static void on_answer(struct etcd_call *call, const struct http_result *result)
{
    struct etcd *etcd = call->etcd;
    etcd_message_decode(call->request.op, call->request.lease, result->status, result->body, &etcd->message);
    if (etcd->message.elsewhere) {
        endpoints_move_on(&etcd->endpoints, call->endpoint);
    }
    if (etcd->message.failure != REGISTRY_OK) {
        add_trail(call, etcd->message.text);
    }
    reply(call, &etcd->message);
    reuse(&etcd->message.value);
}

/* The client's text begins with the URL, which the trail says more shortly. */
static const char *without_url(const struct etcd_call *call, const char *text)
{
    const char *url = call->etcd->endpoints.list[call->endpoint].urls[call->request.op];
    size_t size = strlen(url);
    return strncmp(text, url, size) == 0 && strncmp(text + size, ": ", 2) == 0 ? text + size + 2 : text;
}

static void attempt(struct etcd_call *call);

static void on_no_answer(struct etcd_call *call, const struct http_result *result)
{
    struct etcd *etcd = call->etcd;
    add_trail(call, without_url(call, result->text));
    endpoints_move_on(&etcd->endpoints, call->endpoint);
    call->left_ms -= (result->elapsed_us + 999) / 1000;
    if (!result->sent && call->others > 0 && call->left_ms > 0) {
        call->endpoint = (call->endpoint + 1) % etcd->endpoints.count;
        call->others--;
        attempt(call);
        return;
    }
    bool harmless = !result->sent || etcd_message_is_read(call->request.op);
    reply(call, &(struct etcd_message){.failure = harmless ? REGISTRY_RETRY : REGISTRY_UNKNOWN});
}

static void on_result(const struct http_result *result, void *user)
{
    struct etcd_call *call = user;
    call->http = NULL;
    if (result->transport == HTTP_TRANSPORT_OK) {
        on_answer(call, result);
    } else {
        on_no_answer(call, result);
    }
}

static void attempt(struct etcd_call *call)
{
    struct etcd *etcd = call->etcd;
    int64_t timeout_ms = endpoints_share(call->left_ms, call->others);
    const char *headers[] = {"Content-Type: application/json", "Grpc-Metadata-Hasleader: true",
                             timeout_header(etcd, timeout_ms), NULL};
    etcd_message_encode(&call->request, &etcd->body);
    struct http_call post = {
        .url = etcd->endpoints.list[call->endpoint].urls[call->request.op],
        .headers = headers,
        .body = buf_view(&etcd->body),
        .timeout_ms = timeout_ms,
        .connect_timeout_ms = timeout_ms,
        .max_response = ETCD_MESSAGE_MAX,
    };
    call->http = http_client_post(etcd->http, &post, on_result, call);
    reuse(&etcd->body);
}

static void etcd_submit(struct registry *registry, const struct registry_request *request)
{
    attempt(call_new((struct etcd *)registry, request));
}

static void etcd_watch(struct registry *registry, const struct registry_watch *watch)
{
    struct etcd *etcd = (struct etcd *)registry;
    etcd_watch_open(&etcd->watches, registry, etcd->loop, watch);
}

static void etcd_unwatch(struct registry *registry, uint64_t id)
{
    etcd_watch_close(&((struct etcd *)registry)->watches, id);
}

static void etcd_free(struct registry *registry)
{
    struct etcd *etcd = (struct etcd *)registry;
    while (etcd->calls != NULL) {
        call_free(etcd->calls);
    }
    etcd_watches_fini(&etcd->watches);
    endpoints_fini(&etcd->endpoints);
    etcd_message_fini(&etcd->message);
    buf_fini(&etcd->body);
    free(etcd);
}

struct registry *etcd_new(const struct config_registry *config, struct loop *loop, struct http_client *http,
                          registry_reply_fn *on_reply, registry_watch_fn *on_watch, void *user)
{
    static const struct registry_backend backend = {.name = "etcd",
                                                    .submit = etcd_submit,
                                                    .watch = etcd_watch,
                                                    .unwatch = etcd_unwatch,
                                                    .free = etcd_free};
    struct etcd *etcd = mem_zalloc(sizeof(*etcd));
    etcd->registry =
        (struct registry){.backend = &backend, .on_reply = on_reply, .on_watch = on_watch, .user = user};
    etcd->loop = loop;
    etcd->http = http;
    endpoints_init(&etcd->endpoints, config);
    return &etcd->registry;
}
