/* The registry in Redis beside a bare program (hiredis' own connections) that gives the same Redis the same script, in turn.
 *
 *     bench_registry PUTS ROUNDS AGENTS REDIS_PORT REDIS_PID
 *
 * Prints for each put "put-floor US" and "put-subject US", from the moment it is sent until a watcher of the range has the change; and
 * for each round of one keepalive of every agent, each on a connection of its own, 400 a second, "keepalive-floor US" and
 * "keepalive-subject US": the processor time that the server took for all of them. */
#include "meter.h"

#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/redis/redis_reply.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/resolver.h"
#include "outrider/registry/redis/redis_registry.h"
#include "registry/redis/redis_registry_internal.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { REST_US = 2000, BEAT_US = 2500, VALUE_SIZE = 500, KEYS = 8, ARGS = 16 };

static struct loop *loop;
static struct resolver *resolver;
static char url[64];
static int port;

/* ---- the subject ---- */

struct client {
    struct registry *registry;
    struct registry_client *client;
    struct registry_lease lease;
    int64_t revision;
};

static size_t answers;
static bool has_opened, has_changed, is_rested;

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct client *client = user;
    if (reply->failure != REGISTRY_OK) {
        meter_die("%.*s", STR_ARG(reply->error));
    }
    client->revision = reply->revision;
    answers++;
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    (void)user;
    has_opened = has_opened || event->type == REGISTRY_WATCH_OPENED;
    has_changed = has_changed || event->change_count > 0;
    if (event->type == REGISTRY_WATCH_ENDED) {
        meter_die("%.*s", STR_ARG(event->error));
    }
}

static void on_rested(void *user)
{
    (void)user;
    is_rested = true;
}

static void turn_until(const bool *done)
{
    while (!*done) {
        loop_turn_once(loop, true);
    }
}

/* The loop runs on meanwhile. */
static void rest_us(int64_t us)
{
    struct timer *timer = timer_new(loop, on_rested, NULL);
    is_rested = false;
    timer_arm_us(timer, us);
    turn_until(&is_rested);
    timer_free(timer);
}

static void open_client(struct client *client, uint64_t seed)
{
    struct config_registry config = {.endpoints = {url},
                                     .endpoint_count = 1,
                                     .redis = {.mode = CONFIG_REDIS_SINGLE, .space = (char[]){"subject"}}};
    client->registry = redis_registry_new(&config, loop, resolver, NULL, seed);
    client->client = registry_attach(client->registry, on_reply, on_watch, client);
}

static void start(struct client *client, struct registry_request request)
{
    static uint64_t id;
    request.id = ++id;
    request.timeout_ms = 5000;
    registry_submit(client->client, &request);
}

static void await(size_t count)
{
    while (answers < count) {
        loop_turn_once(loop, true);
    }
}

/* ---- the floor ---- */

static char plain[41], full[41];
static const char *const names[] = {"meta", "kv", "idx", "lease", "ttl", "own", "log"};

static redisContext *bare(void)
{
    redisContext *context = redisConnect("127.0.0.1", port);
    if (context == NULL || context->err != 0) {
        meter_die("redis: %s", context == NULL ? "no memory" : context->errstr);
    }
    return context;
}

static void append(redisContext *context, const char *sha, int count, const char *const *words)
{
    const char *args[ARGS] = {"EVALSHA", sha, "7"};
    char keys[7][32];
    int done = 0;
    for (int i = 0; i < 7; i++) {
        snprintf(keys[i], sizeof(keys[i]), "{floor}:%s", names[i]);
        args[3 + i] = keys[i];
    }
    for (int i = 0; i < count; i++) {
        args[10 + i] = words[i];
    }
    redisAppendCommandArgv(context, 10 + count, args, NULL);
    while (!done) {
        if (redisBufferWrite(context, &done) != REDIS_OK) {
            meter_die("redis: %s", context->errstr);
        }
    }
}

/* The fourth item of the answer is what is looked for, or it is an error. */
static int64_t take(redisContext *context, bool is_script)
{
    redisReply *reply = NULL;
    if (redisGetReply(context, (void **)&reply) != REDIS_OK || reply->type != REDIS_REPLY_ARRAY) {
        meter_die("redis: %s", reply == NULL ? context->errstr : reply->str == NULL ? "nothing" : reply->str);
    }
    int64_t revision = is_script ? strtoll(reply->element[2]->str, NULL, 10) : 0;
    freeReplyObject(reply);
    return revision;
}

#define CALL(context, sha, ...)                                                                              \
    append(context, sha, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                      \
           (const char *[]){__VA_ARGS__})

/* The subject has loaded both. */
static void name_scripts(redisContext *context)
{
    struct buf source = {0};
    redis_script_sha(str_of(redis_registry_script), plain);
    buf_printf(&source, "#!lua flags=allow-oom\n%s", redis_registry_script);
    redis_script_sha(buf_view(&source), full);
    buf_fini(&source);
    CALL(context, plain, "open", "77");
    take(context, true);
}

/* ---- put to watcher ---- */

static void put_bare(redisContext *writer, redisContext *reader, const char *value, int64_t *revision)
{
    char from[48], expected[24];
    int done = 0;
    snprintf(from, sizeof(from), "%" PRId64 "-18446744073709551615", *revision);
    snprintf(expected, sizeof(expected), "%" PRId64, *revision == 1 ? 0 : *revision);
    redisAppendCommand(reader, "XREAD COUNT 200 BLOCK 2000 STREAMS {floor}:log %s", from);
    while (!done) {
        redisBufferWrite(reader, &done);
    }
    rest_us(REST_US);
    int64_t began = meter_now_us();
    CALL(writer, plain, "put", "/services/world/w1", expected, "0", value);
    take(reader, false);
    printf("put-floor %" PRId64 "\n", meter_now_us() - began);
    *revision = take(writer, true);
}

static void put_ours(struct client *writer, struct blob *value, int64_t *revision)
{
    rest_us(REST_US);
    has_changed = false;
    size_t before = answers;
    int64_t began = meter_now_us();
    start(writer, (struct registry_request){.op = REGISTRY_PUT,
                                            .key = STR("/services/world/w1"),
                                            .value = value,
                                            .expect_revision = *revision});
    turn_until(&has_changed);
    printf("put-subject %" PRId64 "\n", meter_now_us() - began);
    await(before + 1);
    *revision = writer->revision;
}

static void measure_puts(int64_t puts)
{
    struct client writer = {0}, watcher = {0};
    redisContext *bare_writer = bare(), *bare_reader = bare();
    char text[VALUE_SIZE + 1];
    struct blob *value;
    int64_t ours = 0, bares = 1;
    memset(text, 'v', VALUE_SIZE);
    text[VALUE_SIZE] = '\0';
    value = blob_new(str_of(text));
    open_client(&writer, 1);
    open_client(&watcher, 2);
    registry_watch(watcher.client,
                   &(struct registry_watch){.id = 1,
                                            .ranges = {{.key = STR("/services/"), .end = STR("/services0")}},
                                            .range_count = 1,
                                            .timeout_ms = 5000});
    turn_until(&has_opened);
    name_scripts(bare_writer);
    for (int64_t i = 0; i < puts; i++) {
        put_bare(bare_writer, bare_reader, text, &bares);
        put_ours(&writer, value, &ours);
    }
    blob_unref(value);
    registry_free(watcher.registry);
    registry_free(writer.registry);
    redisFree(bare_writer);
    redisFree(bare_reader);
}

/* ---- keepalives ---- */

static int64_t cpu_us(int64_t pid)
{
    char path[64];
    long long ns = 0;
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/schedstat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%lld", &ns) != 1) {
        meter_die("%s cannot be read", path);
    }
    fclose(file);
    return ns / 1000;
}

static void beat_ours(struct client *clients, int64_t count, int64_t pid)
{
    int64_t before = cpu_us(pid);
    size_t asked = answers;
    for (int64_t i = 0; i < count; i++) {
        start(&clients[i], (struct registry_request){.op = REGISTRY_KEEPALIVE, .lease = clients[i].lease});
        rest_us(BEAT_US);
    }
    await(asked + (size_t)count);
    printf("keepalive-subject %" PRId64 "\n", cpu_us(pid) - before);
}

static void beat_bare(redisContext **contexts, int64_t count, int64_t pid)
{
    int64_t before = cpu_us(pid);
    for (int64_t i = 0; i < count; i++) {
        char lease[24];
        snprintf(lease, sizeof(lease), "%" PRIx64, (uint64_t)i + 1);
        CALL(contexts[i], full, "keepalive", lease);
        take(contexts[i], true);
        rest_us(BEAT_US);
    }
    printf("keepalive-floor %" PRId64 "\n", cpu_us(pid) - before);
}

static void measure_keepalives(int64_t rounds, int64_t count, int64_t pid)
{
    struct client *clients = mem_zalloc((size_t)count * sizeof(*clients));
    redisContext **contexts = mem_zalloc((size_t)count * sizeof(redisContext *));
    for (int64_t i = 0; i < count; i++) {
        char lease[24];
        clients[i].lease.lo = (uint64_t)i + 1;
        open_client(&clients[i], (uint64_t)i);
        start(&clients[i],
              (struct registry_request){.op = REGISTRY_GRANT, .lease = clients[i].lease, .ttl_ms = 3600000});
        await((size_t)i + 1);
        contexts[i] = bare();
        snprintf(lease, sizeof(lease), "%" PRIx64, (uint64_t)i + 1);
        CALL(contexts[i], plain, "grant", lease, "3600000");
        take(contexts[i], true);
    }
    for (int64_t i = 0; i < rounds; i++) {
        beat_bare(contexts, count, pid);
        beat_ours(clients, count, pid);
    }
    for (int64_t i = 0; i < count; i++) {
        registry_free(clients[i].registry);
        redisFree(contexts[i]);
    }
    free(clients);
    free(contexts);
}

int main(int argc, char **argv)
{
    struct error err;
    struct rlimit files;
    if (argc != 6) {
        meter_die("usage: bench_registry PUTS ROUNDS AGENTS REDIS_PORT REDIS_PID");
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    port = (int)meter_number(argv[4]);
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", port);
    loop = loop_new(&err);
    resolver = resolver_new(loop, NULL);
    measure_puts(meter_number(argv[1]));
    answers = 0;
    measure_keepalives(meter_number(argv[2]), meter_number(argv[3]), meter_number(argv[5]));
    resolver_free(resolver);
    loop_free(loop);
    return 0;
}
