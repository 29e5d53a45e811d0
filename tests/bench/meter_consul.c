/* From a put to the watcher of its range through Consul: the backend, and a bare libcurl program that sends the same transaction and waits with
 * the same question. The two take turns, put by put; between two puts of one is more than the pause of its watcher.
 *
 *     tests/support/with-consul -- bench_consul PUTS
 *
 * Prints for each put "floor NS" and "subject NS", the time until the watcher has heard of it. */
#include "outrider/base/blob.h"
#include "outrider/core/config/config.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/clock.h"
#include "outrider/registry/consul/consul_registry.h"
#include "outrider/registry/registry.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAUSE_US = 75000, TIMEOUT_MS = 5000, TEXT = 1024 };

static const char *consul;

static void die(const char *what)
{
    fprintf(stderr, "bench_consul: %s\n", what);
    exit(1);
}

/* ---- the floor ---- */

static atomic_llong heard_us, floor_index;

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
    static const char name[] = "X-Consul-Index: ";
    if (size * count > sizeof(name) && strncasecmp(line, name, sizeof(name) - 1) == 0) {
        *(long long *)user = strtoll(line + sizeof(name) - 1, NULL, 10);
    }
    return size * count;
}

static size_t ignore(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    (void)user;
    return size * count;
}

static void *wait_for_changes(void *user)
{
    char url[TEXT];
    long long index = 0;
    CURL *easy = curl_easy_init();
    (void)user;
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &index);
    for (;;) {
        snprintf(url, sizeof(url), "%s/v1/kv/floor/?recurse&index=%lld&wait=60s&stale", consul, index);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        if (curl_easy_perform(easy) != CURLE_OK) {
            die("the floor's question fails");
        }
        heard_us = clock_mono_us();
        floor_index = index;
    }
    return NULL;
}

/* Sends the two operations that the backend sends for a key without a lease, and the check of the identity. */
static void floor_put(CURL *easy, long number)
{
    char body[TEXT], url[TEXT];
    long status = 0;
    snprintf(url, sizeof(url), "%s/v1/txn", consul);
    snprintf(body, sizeof(body),
             "[{\"KV\":{\"Verb\":\"get\",\"Key\":\"outrider/"
             "id\"}},{\"KV\":{\"Verb\":\"check-not-exists\",\"Key\":\"floor/%ld\"}},"
             "{\"KV\":{\"Verb\":\"set\",\"Key\":\"floor/%ld\",\"Value\":\"eA==\"}}]",
             number, number);
    long long before = floor_index;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    int64_t began = clock_mono_us();
    if (curl_easy_perform(easy) != CURLE_OK ||
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status != 200) {
        die("the floor's put fails");
    }
    while (floor_index == before) {
        usleep(20);
    }
    printf("floor %" PRId64 "\n", 1000 * ((int64_t)heard_us - began));
}

/* ---- the subject ---- */

struct subject {
    struct loop *loop;
    struct registry_client *client;
    bool opened;
    size_t replies;
    int64_t heard_us;
};

static void on_reply(const struct registry_reply *reply, void *user)
{
    if (reply->failure != REGISTRY_OK || (reply->op == REGISTRY_PUT && !reply->succeeded)) {
        die("the subject's put fails");
    }
    ((struct subject *)user)->replies++;
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct subject *subject = user;
    if (event->type == REGISTRY_WATCH_ENDED) {
        die("the subject's watch ends");
    }
    subject->opened = true;
    subject->heard_us = event->change_count > 0 ? clock_mono_us() : subject->heard_us;
}

static void subject_put(struct subject *subject, long number)
{
    char key[TEXT];
    struct blob *value = blob_new(STR("x"));
    size_t replies = subject->replies;
    snprintf(key, sizeof(key), "/subject/%ld", number);
    subject->heard_us = 0;
    int64_t began = clock_mono_us();
    registry_submit(subject->client, &(struct registry_request){.id = (uint64_t)number + 10,
                                                                .op = REGISTRY_PUT,
                                                                .key = str_of(key),
                                                                .value = value,
                                                                .timeout_ms = TIMEOUT_MS});
    while (subject->heard_us == 0 || subject->replies == replies) {
        loop_turn_once(subject->loop, true);
    }
    printf("subject %" PRId64 "\n", 1000 * (subject->heard_us - began));
    blob_unref(value);
}

static void rest(struct loop *loop)
{
    int64_t until = clock_mono_us() + PAUSE_US;
    while (clock_mono_us() < until) {
        loop_turn_once(loop, false);
        usleep(1000);
    }
}

int main(int argc, char **argv)
{
    struct subject subject = {0};
    struct config_registry config = {.endpoint_count = 1};
    char endpoint[TEXT];
    pthread_t waiting;
    long puts = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    consul = getenv("OUTRIDER_TEST_CONSUL");
    if (consul == NULL || puts <= 0) {
        die("usage: tests/support/with-consul -- bench_consul PUTS");
    }
    snprintf(endpoint, sizeof(endpoint), "%s", consul);
    config.endpoints[0] = endpoint;
    subject.loop = loop_new(NULL);
    struct resolver *resolver = resolver_new(subject.loop, NULL);
    struct http_client *http = http_client_new(subject.loop, resolver, NULL);
    struct registry *registry = consul_registry_new(&config, subject.loop, http, NULL, 1);
    subject.client = registry_attach(registry, on_reply, on_watch, &subject);
    registry_submit(subject.client,
                    &(struct registry_request){
                        .id = 1, .op = REGISTRY_GET, .key = STR("/subject/x"), .timeout_ms = TIMEOUT_MS});
    while (subject.replies == 0) {
        loop_turn_once(subject.loop, true);
    }
    CURL *easy = curl_easy_init();
    pthread_create(&waiting, NULL, wait_for_changes, NULL);
    registry_watch(subject.client, &(struct registry_watch){.id = 1,
                                                            .ranges = {{STR("/subject/"), STR("/subject0")}},
                                                            .range_count = 1,
                                                            .timeout_ms = TIMEOUT_MS});
    while (!subject.opened) {
        loop_turn_once(subject.loop, true);
    }
    subject_put(&subject, 0); /* neither range is empty any more */
    floor_put(easy, 0);
    for (long i = 1; i <= puts; i++) {
        rest(subject.loop);
        floor_put(easy, i);
        rest(subject.loop);
        subject_put(&subject, i);
    }
    exit(0); /* the floor waits for ever */
}
