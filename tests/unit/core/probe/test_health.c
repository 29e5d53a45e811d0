#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/random.h"
#include "outrider/core/probe/health.h"

/* The rule stated directly: the last verdict stands until `rise` successes or `fall` failures in a row. */
struct model {
    unsigned rise, fall, good, bad;
    enum verdict verdict;
};

static enum verdict model_count(struct model *model, bool passed)
{
    model->good = passed ? model->good + 1 : 0;
    model->bad = passed ? 0 : model->bad + 1;
    if (model->good >= model->rise) {
        model->verdict = VERDICT_PASSING;
    } else if (model->bad >= model->fall) {
        model->verdict = VERDICT_FAILING;
    }
    return model->verdict;
}

/* consul PR#10256, consul-esm#315: thresholds that were not honoured. */
static void test_agrees_with_the_model(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7);
    for (unsigned rise = 1; rise <= 6; rise++) {
        for (unsigned fall = 1; fall <= 6; fall++) {
            struct model model = {.rise = rise, .fall = fall, .verdict = VERDICT_UNKNOWN};
            struct health health;
            health_init(&health, rise, fall);
            uint64_t bias = 2;
            for (int i = 0; i < 5000; i++) {
                bias = i % 50 == 0 ? 1 + random_below(&random, 9) : bias;
                bool passed = random_below(&random, 10) < bias;
                assert_int_equal(health_count(&health, passed), model_count(&model, passed));
                assert_int_equal(health_verdict(&health), model.verdict);
                if (health.known) {
                    assert_in_range(health.value, 0, rise + fall - 1);
                }
            }
        }
    }
}

static void test_unknown_until_the_first_verdict(void **state)
{
    (void)state;
    struct health health;
    health_init(&health, 2, 3);
    assert_int_equal(health_verdict(&health), VERDICT_UNKNOWN);
    assert_int_equal(health_count(&health, true), VERDICT_UNKNOWN);
    assert_int_equal(health_count(&health, false), VERDICT_UNKNOWN);
    assert_int_equal(health_count(&health, false), VERDICT_UNKNOWN);
    assert_int_equal(health_count(&health, true), VERDICT_UNKNOWN);
    assert_int_equal(health_count(&health, true), VERDICT_PASSING);
}

static void test_reset_forgets(void **state)
{
    (void)state;
    struct health health;
    health_init(&health, 1, 3);
    assert_int_equal(health_count(&health, true), VERDICT_PASSING);
    health_reset(&health);
    assert_int_equal(health_verdict(&health), VERDICT_UNKNOWN);
    assert_int_equal(health.rise, 1);
    assert_int_equal(health.fall, 3);
    assert_int_equal(health_count(&health, false), VERDICT_UNKNOWN);
    assert_int_equal(health_count(&health, false), VERDICT_UNKNOWN);
    assert_int_equal(health_count(&health, false), VERDICT_FAILING);
}

static void test_in_doubt(void **state)
{
    (void)state;
    struct health health;
    health_init(&health, 2, 3);
    assert_false(health_in_doubt(&health)); /* not tried yet */
    static const struct {
        bool passed, in_doubt;
    } attempts[] = {{true, true},   {true, false}, {true, false},  {false, true},  {true, false},
                    {false, true},  {false, true}, {false, false}, {false, false}, {true, true},
                    {false, false}, {true, true},  {true, false}};
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        (void)health_count(&health, attempts[i].passed);
        assert_int_equal(health_in_doubt(&health), attempts[i].in_doubt);
    }
    health_reset(&health);
    assert_false(health_in_doubt(&health));
    (void)health_count(&health, false);
    assert_true(health_in_doubt(&health));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_model),
        cmocka_unit_test(test_unknown_until_the_first_verdict),
        cmocka_unit_test(test_reset_forgets),
        cmocka_unit_test(test_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
