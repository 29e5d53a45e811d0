#include "outrider/registry/endpoints/recheck.h"

#include "outrider/base/brief.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"

enum { FIRST_MS = 1000, LONGEST_MS = 30000 };

/* One that answers this question and fails at the requests, again and again, must not be tried every second. */
enum { HEALTHY_FOR_LONG_MS = 60000 };

static void arm(struct recheck *recheck)
{
    int64_t soonest = INT64_MAX;
    for (size_t i = 0; i < recheck->endpoints->count; i++) {
        const struct endpoint *endpoint = &recheck->endpoints->list[i];
        bool waits = endpoint->failed != 0 && recheck->calls[i].http == NULL;
        soonest = waits && endpoint->again_mono < soonest ? endpoint->again_mono : soonest;
    }
    timer_arm_at_ms(recheck->timer, soonest);
}

static void pause(struct recheck *recheck, struct endpoint *endpoint)
{
    endpoint->again_mono = clock_mono_ms() + backoff_next(&endpoint->again, &recheck->random);
}

void recheck_failed(struct recheck *recheck, size_t index, const char *why)
{
    struct endpoint *endpoint = &recheck->endpoints->list[index];
    bool was_healthy = endpoint->failed == 0;
    endpoints_failed(recheck->endpoints, index, why);
    if (!was_healthy || recheck->timer == NULL) {
        return;
    }
    if (clock_mono_ms() - endpoint->healthy_mono >= HEALTHY_FOR_LONG_MS) {
        endpoint->again.failures = 0;
    }
    pause(recheck, endpoint);
    arm(recheck);
}

static void on_result(const struct http_result *result, void *user)
{
    struct recheck_call *call = user;
    struct recheck *recheck = call->recheck;
    struct endpoint *endpoint = &recheck->endpoints->list[call->endpoint];
    char why[ENDPOINT_ERROR_MAX];
    uint64_t cluster = 0;
    bool failed = result->transport != HTTP_TRANSPORT_OK;
    call->http = NULL;
    if (failed) {
        brief_copy(why, sizeof(why), str_of(result->reason));
    } else {
        failed = !recheck->question->is_healthy(recheck->user, result, &cluster, why);
    }
    if (failed) {
        endpoints_failed(recheck->endpoints, call->endpoint, why);
        pause(recheck, endpoint);
    } else {
        endpoints_answered(recheck->endpoints, call->endpoint, cluster);
    }
    arm(recheck);
}

static void ask(struct recheck *recheck, size_t index)
{
    struct http_call call = {0};
    recheck->question->ask(recheck->user, index, &call);
    call.timeout_ms = call.connect_timeout_ms = recheck->timeout_ms;
    recheck->calls[index] = (struct recheck_call){.recheck = recheck, .endpoint = index};
    recheck->calls[index].http = http_client_send(recheck->http, &call, on_result, &recheck->calls[index]);
}

static void on_timer(void *user)
{
    struct recheck *recheck = user;
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < recheck->endpoints->count; i++) {
        const struct endpoint *endpoint = &recheck->endpoints->list[i];
        if (endpoint->failed != 0 && recheck->calls[i].http == NULL && endpoint->again_mono <= now) {
            ask(recheck, i);
        }
    }
    arm(recheck);
}

void recheck_init(struct recheck *recheck, struct endpoints *endpoints, struct loop *loop,
                  struct http_client *http, int64_t timeout_ms, const struct recheck_question *question,
                  void *user)
{
    uint64_t seed;
    *recheck = (struct recheck){
        .endpoints = endpoints, .question = question, .user = user, .http = http, .timeout_ms = timeout_ms};
    if (endpoints->count < 2) {
        return;
    }
    entropy_fill(&seed, sizeof(seed));
    random_seed(&recheck->random, seed);
    recheck->timer = timer_new(loop, on_timer, recheck);
    for (size_t i = 0; i < endpoints->count; i++) {
        endpoints->list[i].again = (struct backoff){.first_ms = FIRST_MS, .cap_ms = LONGEST_MS};
    }
}

void recheck_fini(struct recheck *recheck)
{
    for (size_t i = 0; i < COUNT_OF(recheck->calls); i++) {
        http_request_cancel(recheck->calls[i].http);
    }
    timer_free(recheck->timer);
}
