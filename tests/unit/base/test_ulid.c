#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/random.h"
#include "outrider/base/ulid.h"

#define LAST_MS ((1LL << 48) - 1)

/* The time part of 1469918176385 is the specification's own example; the others are worked out from its
 * layout. */
static const struct {
    int64_t ms;
    uint8_t entropy[10];
    const char *text;
} vectors[] = {
    {0, {0}, "00000000000000000000000000"},
    {1, {0}, "00000000010000000000000000"},
    {1469918176385, {0}, "01ARYZ6S410000000000000000"},
    {0, {0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "00000000000000000000000001"},
    {0, {0, 0, 0, 0, 0, 0, 0, 0, 0, 32}, "00000000000000000000000010"},
    {0, {0x80}, "0000000000G000000000000000"},
    {0, {0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf}, "00000000000123456789ABCDEF"},
    {LAST_MS, {255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"},
};

static void known_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        char text[ULID_LENGTH + 1];
        ulid_format(vectors[i].ms, vectors[i].entropy, text);
        assert_string_equal(text, vectors[i].text);
        assert_true(ulid_valid(str_of(text)));
    }
}

static void text_order_is_time_order(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 11);
    char before[ULID_LENGTH + 1] = "";
    for (int64_t ms = 0; ms < LAST_MS - (LAST_MS >> 10); ms += LAST_MS >> 10) {
        uint8_t entropy[10];
        char text[ULID_LENGTH + 1];
        for (size_t i = 0; i < sizeof(entropy); i++) {
            entropy[i] = (uint8_t)random_next(&random);
        }
        ulid_format(ms, entropy, text);
        assert_true(strcmp(before, text) < 0);
        assert_true(ulid_valid(str_of(text)));
        memcpy(before, text, sizeof(before));
    }
}

static const struct str broken[] = {
    STR_INIT(""),
    {NULL, 0},
    STR_INIT("0000000000000000000000000"),
    STR_INIT("000000000000000000000000000"),
    STR_INIT("80000000000000000000000000"), /* beyond 128 bits */
    STR_INIT("Z0000000000000000000000000"),
    STR_INIT("0000000000000000000000000I"), /* not in Crockford's alphabet */
    STR_INIT("0000000000000000000000000L"),
    STR_INIT("0000000000000000000000000O"),
    STR_INIT("0000000000000000000000000U"),
    STR_INIT("0000000000000000000000000a"), /* ulid_format writes capitals */
    STR_INIT("0000000000000000000000000-"),
    STR_INIT("0000000000000000000000000\0"),
    STR_INIT("\xff"
             "0000000000000000000000000"),
};

static void what_it_does_not_write_is_not_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        assert_false(ulid_valid(broken[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors),
        cmocka_unit_test(text_order_is_time_order),
        cmocka_unit_test(what_it_does_not_write_is_not_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
