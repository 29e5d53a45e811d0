#include "game_case.h"

#include "outrider/codec/game/http_facts.h"

static const struct http_facts_at all = {
    .players = "/p", .capacity = "/c", .map = "/m", .version = "/v", .name = "/n"};

static struct game_facts facts_of(const char *body, const struct http_facts_at *at)
{
    struct game_facts facts;
    memset(&facts, 0x55, sizeof(facts));
    http_facts_read(str_of(body), at, &facts);
    return facts;
}

/* -1: unknown. */
static void assert_counts_of(const char *body, int64_t players, int64_t capacity)
{
    struct game_facts facts = facts_of(body, &all);
    assert_int_equal(facts.has_players ? (int64_t)facts.players : -1, players);
    assert_int_equal(facts.has_capacity ? (int64_t)facts.capacity : -1, capacity);
}

static void facts_are_read_where_they_are(void **state)
{
    (void)state;
    static const struct http_facts_at at = {
        .players = "/servers/1/online/count", .capacity = "/max", .map = "/a~1b", .name = "/n"};
    struct game_facts facts =
        facts_of("{\"servers\":[{},{\"online\":{\"count\":7}}],\"max\":64,\"a/b\":\"harbor\",\"n\":\"Old "
                 "\\u00c4ge\",\"v\":\"1\"}",
                 &at);
    assert_true(facts.has_players && facts.has_capacity);
    assert_int_equal(facts.players, 7);
    assert_int_equal(facts.capacity, 64);
    assert_string_equal(facts.map, "harbor");
    assert_string_equal(facts.name, "Old \xc3\x84ge");
    assert_string_equal(facts.version, ""); /* not asked for */
}

static void a_count_is_a_whole_number(void **state)
{
    (void)state;
    assert_counts_of("{\"p\":0,\"c\":1}", 0, 1);
    assert_counts_of("{\"p\":12.0,\"c\":1e2}", 12, 100);
    assert_counts_of("{\"p\":4294967295,\"c\":4294967295}", 4294967295, 4294967295);
    assert_counts_of("{\"p\":4294967296,\"c\":99999999999999999999}", -1, -1);
    assert_counts_of("{\"p\":-1,\"c\":-5}", -1, -1);
    assert_counts_of("{\"p\":1.5,\"c\":\"64\"}", -1, -1);
    assert_counts_of("{\"p\":true,\"c\":null}", -1, -1);
    assert_counts_of("{\"p\":[1],\"c\":{\"x\":1}}", -1, -1);
    assert_counts_of("{\"p\":5}", 5, -1);
    assert_counts_of("{\"c\":5}", -1, 5);
    assert_counts_of("{\"p\":70,\"c\":64}", 70, 64);
    assert_counts_of("{\"p\":255,\"c\":0}", -1, -1); /* it cannot be joined */
}

static void a_text_is_a_string_that_a_record_takes(void **state)
{
    (void)state;
    struct game_facts facts = facts_of("{\"m\":7,\"v\":\"1.\\u00002\",\"n\":\"  a\\tb\\n\"}", &all);
    assert_string_equal(facts.map, "");
    assert_string_equal(facts.version, "1.2");
    assert_string_equal(facts.name, "a b");
    char body[400];
    memset(body, 'x', sizeof(body));
    memcpy(body, "{\"n\":\"", 6);
    memcpy(body + 6 + GAME_TEXT_MAX, "\"}", 3);
    assert_int_equal(strlen(facts_of(body, &all).name), GAME_TEXT_MAX);
    memcpy(body + 6 + GAME_TEXT_MAX, "x\"}", 4);
    assert_string_equal(facts_of(body, &all).name, "");
}

static void a_body_that_is_no_json_has_none(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "", "ok", "{\"p\":1", "{\"p\":1,\"c\":2}}", "7", "null", "\xff\xfe{}", "{\"n\":\"\xc3\"}", "[1,2]"};
    static const struct game_facts none;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct game_facts facts = facts_of(bodies[i], &all);
        assert_memory_equal(&facts, &none, sizeof(none));
    }
    assert_counts_of("\xef\xbb\xbf{\"p\":1,\"c\":2}", 1, 2); /* a byte order mark is no part of it */
}

static void a_body_that_costs_too_much_has_none(void **state)
{
    (void)state;
    struct buf deep = {0}, wide = {0};
    buf_str(&deep, STR("{\"p\":1,\"c\":2,\"x\":"));
    for (int i = 0; i < 10000; i++) {
        buf_str(&deep, STR("["));
    }
    buf_str(&wide, STR("{\"p\":1,\"c\":2,\"x\":["));
    for (int i = 0; i < 10000; i++) {
        buf_str(&wide, STR("1,"));
    }
    buf_str(&wide, STR("1]}"));
    assert_counts_of(buf_text(&deep), -1, -1);
    assert_counts_of(buf_text(&wide), -1, -1);
    buf_fini(&deep);
    buf_fini(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_read_where_they_are),
        cmocka_unit_test(a_count_is_a_whole_number),
        cmocka_unit_test(a_text_is_a_string_that_a_record_takes),
        cmocka_unit_test(a_body_that_is_no_json_has_none),
        cmocka_unit_test(a_body_that_costs_too_much_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
