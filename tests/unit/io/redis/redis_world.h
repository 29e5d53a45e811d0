/* A client of Redis, up to three servers that the test writes, and the loop that steps them all. */
#ifndef OUTRIDER_TEST_REDIS_WORLD_H
#define OUTRIDER_TEST_REDIS_WORLD_H

#include "fake_redis.h"
#include "outrider/io/redis/redis.h"
#include "support/temp_dir.h"

enum { WORLD_FAKES = 3 };

extern struct fake_redis fakes[WORLD_FAKES];
extern struct redis *redis;
extern struct redis_options options;
extern struct temp_dir dir;
extern const char *canned; /* what say_canned() says */

struct answer {
    int calls;
    enum redis_outcome outcome;
    int64_t integer;
    char text[200], why[300];
};

/* The result of a command, as a redis_result_fn of a struct answer. */
void told(const struct redis_result *result, void *user);

/* One turn of everything. */
void step(void);

/* Starts a command of `words`. */
void ask_for(struct answer *answer, int64_t timeout_ms, bool repeatable, const char *key, size_t count,
             const char *const *words);

#define ASK(answer, timeout_ms, ...)                                                                         \
    ask_for(answer, timeout_ms, false, "k", sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),          \
            (const char *[]){__VA_ARGS__})

/* Steps until the answer is there, which is one. */
void await(struct answer *answer);

/* `count` servers that answer so, and options for them; begin_client() makes the client. */
void begin(size_t count, fake_answer_fn *answer, enum redis_mode mode);
void begin_client(void);

/* Answers: HELLO as a single master; then the number of requests, but for NOTHING; or `canned`. */
fake_answer_fn count_up, say_canned;

int setup(void **state);
int teardown(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
