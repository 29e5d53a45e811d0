#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_world.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct loop *loop;
static struct resolver *resolver;
struct fake_redis fakes[WORLD_FAKES];
struct redis *redis;
struct redis_options options;
struct temp_dir dir;

void told(const struct redis_result *result, void *user)
{
    struct answer *answer = user;
    answer->calls++;
    answer->outcome = result->outcome;
    answer->integer = result->reply->integer;
    struct str text = redis_text(result->reply);
    snprintf(answer->text, sizeof(answer->text), "%.*s", STR_ARG(text));
    snprintf(answer->why, sizeof(answer->why), "%s", result->why);
}

void step(void)
{
    for (size_t i = 0; i < COUNT_OF(fakes); i++) {
        if (fakes[i].answer != NULL) {
            fake_redis_step(&fakes[i]);
        }
    }
    loop_turn_once(loop, false);
    nanosleep(&(struct timespec){.tv_nsec = 200000},
              NULL); /* nothing waits for it: it spares the processor */
}

void ask_for(struct answer *answer, int64_t timeout_ms, bool repeatable, const char *key, size_t count,
             const char *const *words)
{
    struct str args[8];
    for (size_t i = 0; i < count; i++) {
        args[i] = str_of(words[i]);
    }
    *answer = (struct answer){0};
    struct redis_command command = {
        .args = args, .count = count, .key = str_of(key), .timeout_ms = timeout_ms, .repeatable = repeatable};
    redis_submit(redis, &command, told, answer);
    assert_int_equal(answer->calls, 0);
}

void await(struct answer *answer)
{
    while (answer->calls == 0) {
        step();
    }
    assert_int_equal(answer->calls, 1);
}

/* ---- servers ---- */

void count_up(struct fake_redis *fake, struct fake_connection *connection, const struct redis_reply *request)
{
    if (fake_is(request, "HELLO")) {
        fake_hello(connection, "standalone", "master");
    } else if (fake_is(request, "NOTHING")) {
        return;
    } else {
        buf_printf(&connection->out, ":%zu\r\n", fake->requests);
    }
}

const char *canned;

void say_canned(struct fake_redis *fake, struct fake_connection *connection,
                const struct redis_reply *request)
{
    (void)fake;
    if (fake_is(request, "HELLO")) {
        fake_hello(connection, "standalone", "master");
    } else {
        buf_str(&connection->out, str_of(canned));
    }
}

int setup(void **state)
{
    (void)state;
    struct error err;
    loop = loop_new(&err);
    resolver = resolver_new(loop, NULL);
    canned = "";
    return loop == NULL ? -1 : temp_dir_init(&dir);
}

int teardown(void **state)
{
    (void)state;
    redis_free(redis);
    redis = NULL;
    for (size_t i = 0; i < COUNT_OF(fakes); i++) {
        if (fakes[i].answer != NULL) {
            fake_redis_fini(&fakes[i]);
        }
    }
    memset(fakes, 0, sizeof(fakes));
    resolver_free(resolver);
    loop_free(loop);
    return temp_dir_fini(&dir);
}

void begin(size_t count, fake_answer_fn *answer, enum redis_mode mode)
{
    options = (struct redis_options){.mode = mode, .master_name = "mm", .endpoint_count = count};
    for (size_t i = 0; i < count; i++) {
        fake_redis_init(&fakes[i], answer);
        options.endpoints[i] = (struct redis_endpoint){"127.0.0.1", fakes[i].port};
    }
}

void begin_client(void)
{
    redis = redis_new(loop, resolver, &options);
}
