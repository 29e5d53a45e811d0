#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/random.h"

#include <string.h>

/* By hand from the definition of xoshiro256** with the state 1, 2, 3, 4. */
static void the_sequence_is_that_of_the_algorithm(void **state)
{
    (void)state;
    struct random random = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_true(random_next(&random) == expected[i]);
    }
}

/* The first outputs of splitmix64 for the seed 0. */
static void the_seed_fills_the_state_as_its_authors_advise(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 0);
    assert_true(random.state[0] == 0xe220a8397b1dcdafULL);
    assert_true(random.state[1] == 0x6e789e6aa1b965f4ULL);
    assert_true(random.state[2] == 0x06c45d188009454fULL);
    assert_true(random.state[3] == 0xf88bb8a8724c81ecULL);
}

static void equal_seeds_replay_and_others_differ(void **state)
{
    (void)state;
    struct random a, b, c;
    random_seed(&a, 42);
    random_seed(&b, 42);
    random_seed(&c, 43);
    unsigned same = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t value = random_next(&a);
        assert_true(value == random_next(&b));
        same += value == random_next(&c) ? 1 : 0;
    }
    assert_int_equal(same, 0);
    assert_memory_equal(&a, &b, sizeof(a));
}

static void a_span_is_kept_and_filled(void **state)
{
    (void)state;
    struct random random;
    unsigned hits[7] = {0};
    random_seed(&random, 5);
    for (int i = 0; i < 7000; i++) {
        uint64_t value = random_below(&random, 7);
        assert_true(value < 7);
        hits[value]++;
    }
    for (size_t i = 0; i < COUNT_OF(hits); i++) {
        assert_in_range(hits[i], 850, 1150);
    }
    assert_true(random_below(&random, 1) == 0);
    assert_true(random_below(&random, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sequence_is_that_of_the_algorithm),
        cmocka_unit_test(the_seed_fills_the_state_as_its_authors_advise),
        cmocka_unit_test(equal_seeds_replay_and_others_differ),
        cmocka_unit_test(a_span_is_kept_and_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
