/* Endpoints that failed are asked again while no request needs them. Otherwise one that is healthy again would be shown as
 * failed, and not be used, until every other one has failed.
 *
 *     a request fails --> pause --> asked --answered--> healthy, the next request may go there
 *                           ^         |
 *                           '---------' failed: a longer pause
 *
 * Asked is what `etcdctl endpoint health` asks: a linearizable read, which takes a leader. That it is denied is an answer.
 * A single endpoint is left to the requests. */
#include "etcd_internal.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"

enum { FIRST_MS = 1000, LONGEST_MS = 30000 };

/* One that answers this question and fails at the requests, again and again, must not be tried every second. */
enum { HEALTHY_FOR_LONG_MS = 60000 };

static void arm(struct etcd *etcd)
{
    int64_t soonest = INT64_MAX;
    for (size_t i = 0; i < etcd->endpoints.count; i++) {
        const struct endpoint *endpoint = &etcd->endpoints.list[i];
        bool waits = endpoint->failed != 0 && etcd->recheck.calls[i].http == NULL;
        soonest = waits && endpoint->again_mono < soonest ? endpoint->again_mono : soonest;
    }
    timer_arm_at_ms(etcd->recheck.timer, soonest);
}

static void pause(struct etcd *etcd, struct endpoint *endpoint)
{
    endpoint->again_mono = clock_mono_ms() + backoff_next(&endpoint->again, &etcd->recheck.random);
}

void etcd_endpoint_failed(struct etcd *etcd, size_t index, const char *why)
{
    struct endpoint *endpoint = &etcd->endpoints.list[index];
    bool was_healthy = endpoint->failed == 0;
    endpoints_failed(&etcd->endpoints, index, why);
    if (!was_healthy || etcd->recheck.timer == NULL) {
        return;
    }
    if (clock_mono_ms() - endpoint->healthy_mono >= HEALTHY_FOR_LONG_MS) {
        endpoint->again.failures = 0;
    }
    pause(etcd, endpoint);
    arm(etcd);
}

static const struct etcd_request question = {
    .kind = ETCD_REQUEST_OP, .op = {.kind = ETCD_GET, .key = {"health", 6}, .keys_only = true}};

static void on_result(const struct http_result *result, void *user)
{
    struct recheck_call *call = user;
    struct etcd *etcd = call->etcd;
    struct endpoint *endpoint = &etcd->endpoints.list[call->endpoint];
    struct etcd_response response = {0};
    const char *why = etcd_without_url(etcd, call->endpoint, result->text);
    bool failed = result->transport != HTTP_TRANSPORT_OK;
    call->http = NULL;
    if (!failed) {
        etcd_response_decode(&question, REGISTRY_GET, result->status, result->body, &response);
        failed = response.status.elsewhere;
        why = response.status.text;
    }
    if (failed) {
        endpoints_failed(&etcd->endpoints, call->endpoint, why);
        pause(etcd, endpoint);
    } else {
        endpoints_answered(&etcd->endpoints, call->endpoint, response.status.cluster);
    }
    etcd_response_fini(&response);
    arm(etcd);
}

static void ask(struct etcd *etcd, size_t index)
{
    struct recheck *recheck = &etcd->recheck;
    struct buf body = {0};
    etcd_request_encode(&question, &body);
    const char *headers[ETCD_HEADERS_MAX];
    etcd_headers(etcd, recheck->timeout_ms, headers);
    struct http_call call = {
        .url = etcd_url(etcd, index, etcd_request_path(&question)),
        .headers = headers,
        .body = buf_view(&body),
        .timeout_ms = recheck->timeout_ms,
        .connect_timeout_ms = recheck->timeout_ms,
        .max_response = ETCD_RESPONSE_MAX,
    };
    recheck->calls[index] = (struct recheck_call){.etcd = etcd, .endpoint = index};
    recheck->calls[index].http = http_client_send(etcd->http, &call, on_result, &recheck->calls[index]);
    buf_fini(&body);
}

static void on_timer(void *user)
{
    struct etcd *etcd = user;
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < etcd->endpoints.count; i++) {
        const struct endpoint *endpoint = &etcd->endpoints.list[i];
        if (endpoint->failed != 0 && etcd->recheck.calls[i].http == NULL && endpoint->again_mono <= now) {
            ask(etcd, i);
        }
    }
    arm(etcd);
}

void recheck_init(struct etcd *etcd, const struct config_registry *config)
{
    uint64_t seed;
    if (etcd->endpoints.count < 2) {
        return;
    }
    entropy_fill(&seed, sizeof(seed));
    random_seed(&etcd->recheck.random, seed);
    etcd->recheck.timeout_ms = config_request_timeout(config);
    etcd->recheck.timer = timer_new(etcd->loop, on_timer, etcd);
    for (size_t i = 0; i < etcd->endpoints.count; i++) {
        etcd->endpoints.list[i].again = (struct backoff){.first_ms = FIRST_MS, .cap_ms = LONGEST_MS};
    }
}

void recheck_fini(struct etcd *etcd)
{
    for (size_t i = 0; i < etcd->endpoints.count; i++) {
        http_request_cancel(etcd->recheck.calls[i].http);
    }
    timer_free(etcd->recheck.timer);
}
