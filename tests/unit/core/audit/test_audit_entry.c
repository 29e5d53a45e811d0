#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/core/audit/audit_entry.h"

#include <string.h>

static struct audit_entry some(void)
{
    struct audit_entry entry = {.outcome = AUDIT_REFUSED, .when_wall = 1000, .count = 1};
    entry.texts[AUDIT_WHO] = STR("olga");
    entry.texts[AUDIT_WHAT] = STR("wave.pause");
    entry.texts[AUDIT_TARGET] = STR("world/w1");
    return entry;
}

static void test_filters(void **state)
{
    (void)state;
    static const struct {
        struct audit_filter filter;
        bool wanted;
    } cases[] = {
        {{.from_wall = 0}, true},
        {{.who = STR_INIT("olga")}, true},
        {{.who = STR_INIT("olg")}, false},
        {{.who = STR_INIT("ol*")}, false}, /* a name is whole */
        {{.what = STR_INIT("wave.pause")}, true},
        {{.what = STR_INIT("wave.*")}, true},
        {{.what = STR_INIT("wave")}, false},
        {{.what = STR_INIT("*")}, true},
        {{.target = STR_INIT("world/*")}, true},
        {{.target = STR_INIT("world/")}, false},
        {{.target = STR_INIT("lobby/*")}, false},
        {{.has_outcome = true, .outcome = AUDIT_REFUSED}, true},
        {{.has_outcome = true, .outcome = AUDIT_OK}, false},
        {{.from_wall = 1000, .to_wall = 1001}, true},
        {{.from_wall = 1001}, false},
        {{.to_wall = 1000}, false},
        {{.who = STR_INIT("olga"), .target = STR_INIT("x")}, false},
    };
    struct audit_entry entry = some();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (audit_wants(&cases[i].filter, &entry) != cases[i].wanted) {
            fail_msg("case %zu", i);
        }
    }
}

static void test_outcomes(void **state)
{
    (void)state;
    enum audit_outcome outcome = AUDIT_OK;
    assert_int_equal(audit_outcome_parse(STR("failed"), &outcome), 0);
    assert_int_equal(outcome, AUDIT_FAILED);
    assert_int_equal(audit_outcome_parse(STR("fail"), &outcome), -1);
    assert_int_equal(audit_outcome_of(200), AUDIT_OK);
    assert_int_equal(audit_outcome_of(202), AUDIT_OK);
    assert_int_equal(audit_outcome_of(403), AUDIT_REFUSED);
    assert_int_equal(audit_outcome_of(409), AUDIT_REFUSED);
    assert_int_equal(audit_outcome_of(503), AUDIT_FAILED);
}

static void assert_grows(struct audit_ids *ids, int64_t wall, const uint8_t entropy[static 10])
{
    char before[ULID_LENGTH + 1], id[ULID_LENGTH + 1];
    memcpy(before, ids->last, sizeof(before));
    audit_ids_next(ids, wall, entropy, id);
    assert_true(ulid_valid(str_of(id)));
    assert_true(strcmp(before, id) < 0);
}

/* A clock that stands still, goes back, or a random number that is the largest, changes nothing. */
static void test_ids_only_grow(void **state)
{
    (void)state;
    static const uint8_t low[10] = {0}, high[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    struct audit_ids ids = {.last = ""}, resumed = {.last = ""};
    char id[ULID_LENGTH + 1];
    assert_grows(&ids, 5000, high);
    assert_grows(&ids, 5000, low);
    assert_grows(&ids, 5000, high);
    assert_grows(&ids, 4000, low);
    assert_grows(&ids, 6000, low);
    audit_ids_resume(&resumed, ids.last);
    audit_ids_next(&resumed, 6000, high, id);
    assert_string_equal(id, "00000005VG0000000000000001");
}

static void test_floor(void **state)
{
    (void)state;
    static const uint8_t low[10] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    char floor[ULID_LENGTH + 1], id[ULID_LENGTH + 1];
    int64_t wall;
    uint8_t entropy[10];
    audit_id_floor(1795227240123, floor);
    ulid_format(1795227240123, low, id);
    assert_true(strcmp(floor, id) < 0);
    ulid_format(1795227240122, (const uint8_t[10]){255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, id);
    assert_true(strcmp(floor, id) > 0);
    ulid_read(str_of(id), &wall, entropy);
    assert_true(wall == 1795227240122 && entropy[0] == 255 && entropy[9] == 255);
    audit_id_floor(-5, floor);
    assert_string_equal(floor, "00000000000000000000000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_ids_only_grow),
        cmocka_unit_test(test_floor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
