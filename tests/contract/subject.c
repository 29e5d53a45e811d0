#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "subject.h"

#include "outrider/base/attr.h"
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/base/random.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/resolver.h"
#include "outrider/registry/consul/consul_registry.h"
#include "outrider/registry/etcd/etcd.h"
#include "outrider/registry/memory/memory.h"
#ifdef OUTRIDER_REDIS
#include "redis_servers.h"
#endif

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PAUSE_MS = 20, TIMEOUT_MS = 5000 };

/* What tests/support/with-consul allows. */
enum { CONSUL_TTL_MIN_MS = 1000 };

static uint64_t fresh_number(void)
{
    static struct random random;
    static bool seeded;
    if (!seeded) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        random_seed(&random, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
        seeded = true;
    }
    return random_next(&random);
}

struct registry_lease fresh_lease_id(void)
{
    return (struct registry_lease){.lo = fresh_number() >> 1 | 1};
}

struct str fresh_key(void)
{
    static char keys[192][64];
    static size_t next;
    assert_true(next < COUNT_OF(keys));
    char *key = keys[next++];
    snprintf(key, sizeof(keys[0]), "/contract/%016" PRIx64, fresh_number());
    return str_of(key);
}

static const struct memory_kind *chosen = &memory_etcd;
static bool redis_chosen;

static struct str keep(struct buf *buf, struct str text)
{
    buf_clear(buf);
    buf_str(buf, text);
    return buf_view(buf);
}

static void keep_items(struct subject *subject, const struct registry_reply *reply)
{
    size_t at = 0;
    assert_true(reply->item_count <= COUNT_OF(subject->items));
    buf_clear(&subject->listed);
    for (size_t i = 0; i < reply->item_count; i++) {
        subject->items[i] = reply->items[i];
        buf_str(&subject->listed, reply->items[i].key);
        buf_str(&subject->listed, reply->items[i].kv.value);
    }
    for (size_t i = 0; i < reply->item_count; i++) {
        struct registry_item *item = &subject->items[i];
        item->key.data = buf_text(&subject->listed) + at;
        item->kv.value.data = item->key.data + item->key.size;
        at += item->key.size + item->kv.value.size;
    }
    subject->reply.items = subject->items;
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct subject *subject = user;
    assert_false(subject->submitting);
    subject->answers++;
    subject->reply = *reply;
    subject->reply.error = keep(&subject->error, reply->error);
    subject->reply.endpoint = keep(&subject->endpoint, reply->endpoint);
    subject->reply.note = keep(&subject->note, reply->note);
    subject->reply.kv.value = keep(&subject->value, reply->kv.value);
    keep_items(subject, reply);
}

static void on_pause_over(void *user)
{
    ((struct subject *)user)->paused = false;
}

/* With tests/support/with-etcd --tls the certificates are where the environment says. */
static struct http_client *new_http(struct loop *loop, struct resolver *resolver)
{
    const char *certs = getenv("OUTRIDER_TEST_CERTS");
    if (certs == NULL) {
        return http_client_new(loop, resolver, NULL);
    }
    char ca[256], crt[256], key[256];
    snprintf(ca, sizeof(ca), "%s/ca.crt", certs);
    snprintf(crt, sizeof(crt), "%s/client.crt", certs);
    snprintf(key, sizeof(key), "%s/client.key", certs);
    return http_client_new(loop, resolver,
                           &(struct http_tls){.ca_file = ca, .cert_file = crt, .key_file = key});
}

static enum config_backend backend;

static struct registry *open_backend(const struct subject *subject, struct config_registry *config)
{
#ifdef OUTRIDER_CONSUL
    if (backend == CONFIG_BACKEND_CONSUL) {
        char *prefix = getenv("OUTRIDER_TEST_CONSUL_CATALOG");
        config->consul.token_file = getenv("OUTRIDER_TEST_CONSUL_TOKEN_FILE");
        config->consul.catalog = prefix != NULL;
        config->prefix = prefix;
        config->ttl_ms = CONSUL_TTL_MIN_MS;
        struct registry *registry =
            consul_registry_new(config, subject->loop, subject->http, NULL, fresh_number());
        consul_registry_set_ttl_min(registry, CONSUL_TTL_MIN_MS);
        return registry;
    }
#endif
    return etcd_registry(etcd_new(config, subject->loop, subject->http, NULL));
}

static void open_on(struct subject *subject, const char *endpoints)
{
    struct error err = {0};
    struct config_registry config = {0};
    char *list = mem_strdup(endpoints);
    char *rest = list;
    for (char *one; (one = strsep(&rest, ",")) != NULL;) {
        assert_true(config.endpoint_count < CONFIG_ENDPOINTS_MAX);
        config.endpoints[config.endpoint_count++] = one;
    }
    subject->loop = loop_new(&err);
    assert_non_null(subject->loop);
    subject->resolver = resolver_new(subject->loop, NULL);
    subject->http = new_http(subject->loop, subject->resolver);
    subject->pause = timer_new(subject->loop, on_pause_over, subject);
    subject->registry = open_backend(subject, &config);
    subject->shares_revisions = backend == CONFIG_BACKEND_CONSUL;
    free(list);
}

#ifdef OUTRIDER_REDIS
static void open_redis(struct subject *subject)
{
    struct error err = {0};
    subject->is_redis = true;
    subject->loop = loop_new(&err);
    assert_non_null(subject->loop);
    subject->resolver = resolver_new(subject->loop, NULL);
    subject->pause = timer_new(subject->loop, on_pause_over, subject);
    subject->registry =
        redis_servers_registry(subject->loop, subject->resolver, "out-contract", fresh_number(), NULL);
}
#endif

void subject_open(struct subject *subject, const char *endpoints)
{
    *subject = (struct subject){.is_memory = endpoints == NULL};
    if (subject->is_memory) {
        subject->registry = memory_new(chosen);
#ifdef OUTRIDER_REDIS
    } else if (redis_chosen) {
        open_redis(subject);
#endif
    } else {
        open_on(subject, endpoints);
    }
    subject->client = registry_attach(subject->registry, on_reply, NULL, subject);
}

#ifdef OUTRIDER_REDIS
void subject_log_in(struct subject *subject, const struct redis_login *login)
{
    registry_free(subject->registry);
    subject->registry =
        redis_servers_registry(subject->loop, subject->resolver, "out-contract", fresh_number(), login);
    subject->client = registry_attach(subject->registry, on_reply, NULL, subject);
}
#endif

void subject_close(struct subject *subject)
{
    registry_free(subject->registry);
    if (!subject->is_memory) {
        timer_free(subject->pause);
        http_client_free(subject->http);
        resolver_free(subject->resolver);
        loop_free(subject->loop);
    }
    buf_fini(&subject->error);
    buf_fini(&subject->endpoint);
    buf_fini(&subject->note);
    buf_fini(&subject->value);
    buf_fini(&subject->listed);
}

static bool choose_memory(const char *name)
{
    static const struct {
        const char *name;
        const struct memory_kind *kind;
    } kinds[] = {
        {"memory", &memory_etcd}, {"memory_redis", &memory_redis}, {"memory_consul", &memory_consul}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            chosen = kinds[i].kind;
            return true;
        }
    }
    return false;
}

bool subject_can(const struct subject *subject, enum registry_capability capability)
{
    return (registry_can(subject->registry) & (uint32_t)capability) != 0;
}

void subject_need(const struct subject *subject, enum registry_capability capability)
{
    if (!subject_can(subject, capability)) {
        skip();
    }
}

void subject_expect_next(const struct subject *subject, int64_t revision, int64_t before)
{
    if (subject->shares_revisions) {
        assert_true(revision > before);
    } else {
        assert_int_equal(revision, before + 1);
    }
}

void subject_wake_leases(struct subject *subject)
{
    if (!subject_can(subject, REGISTRY_CAN_END_LEASES)) {
        (void)subject_ask(subject,
                          (struct registry_request){.op = REGISTRY_KEEPALIVE, .lease = fresh_lease_id()});
    }
}

static const char *chosen_endpoints; /* NULL: memory */

int subject_set_up(void **state)
{
    struct subject *subject = mem_zalloc(sizeof(*subject));
    subject_open(subject, chosen_endpoints);
    *state = subject;
    return 0;
}

int subject_tear_down(void **state)
{
    subject_close(*state);
    free(*state);
    return 0;
}

bool subject_chosen(int argc, char **argv, const char **ret_endpoints)
{
    bool etcd = argc == 2 && strcmp(argv[1], "etcd") == 0;
    bool consul = argc == 2 && strcmp(argv[1], "consul") == 0;
#ifdef OUTRIDER_REDIS
    redis_chosen = argc == 2 && strcmp(argv[1], "redis") == 0;
#endif
    const char *endpoints = etcd           ? getenv("OUTRIDER_TEST_ETCD")
                            : consul       ? getenv("OUTRIDER_TEST_CONSUL")
                            : redis_chosen ? getenv("OUTRIDER_TEST_REDIS")
                                           : NULL;
    backend = consul ? CONFIG_BACKEND_CONSUL : CONFIG_BACKEND_ETCD;
    if (argc != 2 || (etcd || consul || redis_chosen ? endpoints == NULL : !choose_memory(argv[1]))) {
        fprintf(stderr,
                "usage: %s memory|memory_redis|memory_consul, or tests/support/with-X -- %s X, where X is "
                "etcd, redis "
                "or consul\n",
                argv[0], argv[0]);
        return false;
    }
    chosen_endpoints = endpoints;
    if (ret_endpoints != NULL) {
        *ret_endpoints = endpoints;
    }
    return true;
}

void subject_submit(struct subject *subject, struct registry_request request)
{
    request.id = ++subject->last_id;
    request.timeout_ms = request.timeout_ms > 0 ? request.timeout_ms : TIMEOUT_MS;
    subject->submitting = true;
    registry_submit(subject->client, &request);
    subject->submitting = false;
}

void subject_turn(struct subject *subject)
{
    if (subject->is_memory) {
        memory_run(subject->registry);
    } else {
        loop_turn_once(subject->loop, true);
    }
}

void subject_run_until(struct subject *subject, size_t answers)
{
    while (subject->answers < answers) {
        subject_turn(subject);
    }
    assert_int_equal(subject->answers, answers);
}

const struct registry_reply *subject_ask(struct subject *subject, struct registry_request request)
{
    subject_submit(subject, request);
    subject_run_until(subject, subject->answers + 1);
    assert_int_equal(subject->reply.id, subject->last_id);
    assert_int_equal(subject->reply.op, request.op);
    assert_int_equal(subject->reply.failure == REGISTRY_OK, subject->reply.error.size == 0);
    assert_true(subject->reply.endpoint.size > 0);
    return &subject->reply;
}

const struct registry_reply *subject_do(struct subject *subject, struct registry_request request)
{
    const struct registry_reply *reply = subject_ask(subject, request);
    if (reply->failure != REGISTRY_OK) {
        fail_msg("%s: %.*s", registry_failure_name(reply->failure), STR_ARG(reply->error));
    }
    assert_true(reply->revision > 0);
    assert_int_not_equal(reply->cluster, 0);
    return reply;
}

void subject_pass_time(struct subject *subject)
{
    if (subject->is_memory) {
        memory_advance(subject->registry, PAUSE_MS);
        return;
    }
    subject->paused = true;
    timer_arm_ms(subject->pause, PAUSE_MS);
    while (subject->paused) {
        loop_turn_once(subject->loop, true);
    }
}

const struct registry_reply *subject_put(struct subject *subject, struct str key, struct str value,
                                         struct registry_lease lease, int64_t expect_revision)
{
    struct blob *blob = blob_new(value);
    subject_submit(subject, (struct registry_request){.op = REGISTRY_PUT,
                                                      .key = key,
                                                      .value = blob,
                                                      .lease = lease,
                                                      .expect_revision = expect_revision});
    blob_unref(blob); /* the backend has its own reference */
    subject_run_until(subject, subject->answers + 1);
    assert_int_equal(subject->reply.id, subject->last_id);
    return &subject->reply;
}

struct registry_lease subject_lease(struct subject *subject)
{
    struct registry_lease id = fresh_lease_id();
    return subject_do(subject, (struct registry_request){.op = REGISTRY_GRANT, .lease = id, .ttl_ms = 60000})
        ->lease;
}
