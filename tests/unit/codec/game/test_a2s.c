#include "game_case.h"

#include "outrider/codec/game/a2s.h"

#define HEAD "\xff\xff\xff\xff"
#define INFO                                                                                                 \
    HEAD "I\x11"                                                                                             \
         "Outrider Test\0"                                                                                   \
         "de_dust2\0"                                                                                        \
         "csgo\0"                                                                                            \
         "Counter-Strike\0"                                                                                  \
         "\xda\x02\x0c\x40\x02"                                                                              \
         "dl\0\x01"                                                                                          \
         "1.38.7.9\0"                                                                                        \
         "\xb1\x87\x69\0\0\0\0\0\0\x40\x01"                                                                  \
         "eu,ranked\0"                                                                                       \
         "\xda\x02\0\0\0\0\0\0"
enum { COUNTS_END = 4 + 2 + 14 + 9 + 5 + 15 + 2 + 3 };

static struct error err;

static enum game_outcome answer(struct game_query *query, struct str datagram)
{
    return a2s_answer(query, datagram, &err);
}

/* An info of the app and the counts, with `tail` after the version's place. */
static struct str info(struct buf *out, uint16_t app, const char counts[static 3], struct str tail)
{
    buf_clear(out);
    buf_str(out, STR(HEAD "I\x11"
                          "n\0m\0f\0g\0"));
    buf_add(out, &app, sizeof(app));
    buf_add(out, counts, 3);
    buf_str(out, STR("dl\0\0"));
    buf_str(out, tail);
    return buf_view(out);
}

static void an_info_has_all_facts(void **state)
{
    (void)state;
    struct game_query query = game_case();
    assert_request(a2s_request, &query, STR(HEAD "TSource Engine Query\0"));
    assert_int_equal(answer(&query, STR(INFO)), GAME_DONE);
    assert_counts(&query, 12, 64);
    assert_texts(&query, "Outrider Test", "de_dust2", "1.38.7.9");
}

static void bots_are_players_unless_they_are_excluded(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct game_query query = game_case();
    query.exclude_bots = true;
    assert_int_equal(answer(&query, STR(INFO)), GAME_DONE);
    assert_counts(&query, 10, 64);
    assert_int_equal(answer(&query, info(&bytes, 730, "\x03\x40\x05", STR("1\0"))), GAME_DONE);
    assert_counts(&query, 0, 64); /* bots above players */
    query.exclude_bots = false;
    assert_int_equal(answer(&query, info(&bytes, 730, "\x03\x40\x05", STR("1\0"))), GAME_DONE);
    assert_counts(&query, 3, 64);
    buf_fini(&bytes);
}

static void a_challenge_is_answered_three_times(void **state)
{
    (void)state;
    struct game_query query = game_case();
    assert_int_equal(answer(&query, STR(HEAD "A\x0a\x08\x5e\xea")), GAME_ASK);
    assert_request(a2s_request, &query, STR(HEAD "TSource Engine Query\0\x0a\x08\x5e\xea"));
    assert_int_equal(answer(&query, STR(HEAD "A\0\0\0\0")), GAME_ASK);
    assert_request(a2s_request, &query, STR(HEAD "TSource Engine Query\0\0\0\0\0"));
    assert_int_equal(answer(&query, STR(HEAD "A\x0a\x08\x5e\xeb")), GAME_ASK);
    struct game_query once_more = query;
    assert_int_equal(answer(&once_more, STR(INFO)), GAME_DONE);
    assert_int_equal(answer(&query, STR(HEAD "A\x0a\x08\x5e\xeb")), GAME_BAD);
    assert_string_equal(err.text, "A2S challenge repeated without an answer, 3 times");
    assert_no_facts(&query);
}

static void an_answer_in_parts_says_that_it_is_up(void **state)
{
    (void)state;
    struct game_query query = game_case();
    assert_int_equal(answer(&query, STR("\xfe\xff\xff\xff\x01\0\0\0\x02\0\xe0\x04" HEAD "I\x11n\0m\0")),
                     GAME_DONE);
    assert_no_facts(&query);
    assert_int_equal(answer(&query, STR("\xfe\xff\xff\xff\x01\0\0\0")), GAME_BAD);
}

static void counts_of_rust_are_in_its_keywords(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct game_query query = game_case();
    struct str tail = STR("2580\0\x21mp500,cp312,ptrak,qp0\0\x4a\xda\x03\0\0\0\0\0");
    assert_int_equal(answer(&query, info(&bytes, 55882, "\xff\xff\x00", tail)), GAME_DONE);
    assert_counts(&query, 312, 500);
    /* other games have such words for something else, and what is no number is none */
    tail = STR("2580\0\x21mp500,cp312\0\x4b\xda\x03\0\0\0\0\0");
    assert_int_equal(answer(&query, info(&bytes, 55882, "\x0c\x40\x00", tail)), GAME_DONE);
    assert_counts(&query, 12, 64);
    tail = STR("2580\0\x21mp,cp-1,cpx,mp5000000000,\0\x4a\xda\x03\0\0\0\0\0");
    assert_int_equal(answer(&query, info(&bytes, 55882, "\x0c\x40\x00", tail)), GAME_DONE);
    assert_counts(&query, 12, 64);
    /* no number of the game, but its folder */
    assert_int_equal(answer(&query, STR(HEAD "I\x11n\0m\0rust\0g\0\0\0\x0c\x40\x00"
                                             "dl\0\0v\0\x20mp300,cp299\0")),
                     GAME_DONE);
    assert_counts(&query, 299, 300);
    buf_fini(&bytes);
}

static void what_is_between_is_skipped(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct game_query query = game_case();
    assert_int_equal(answer(&query, info(&bytes, 2400, "\x01\x02\x00", STR("\x01\x02\x03v1\0"))), GAME_DONE);
    assert_texts(&query, "n", "m", "v1"); /* The Ship */
    struct str tail =
        STR("v\0\xf1\x01\x02\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02tv\0mp300,cp1\0\x4a\xda\x03\0\0\0\0\0");
    assert_int_equal(answer(&query, info(&bytes, 0, "\x0c\x40\x00", tail)), GAME_DONE);
    assert_counts(&query, 1, 300);
    buf_fini(&bytes);
}

static void old_goldsrc_servers_answer_otherwise(void **state)
{
    (void)state;
    struct str mod = STR(HEAD "m10.0.0.1:27015\0Half\0crossfire\0valve\0Half-Life\0\x05\x10\x2f"
                              "dl\0\x01http://a\0\0\0\x01\0\0\0\x02\0\0\0\0\x01\x00\x02");
    struct game_query query = game_case();
    assert_int_equal(answer(&query, mod), GAME_DONE);
    assert_counts(&query, 5, 16);
    assert_texts(&query, "Half", "crossfire", "");
    query.exclude_bots = true;
    assert_int_equal(answer(&query, mod), GAME_DONE);
    assert_counts(&query, 3, 16);
    assert_int_equal(answer(&query, (struct str){mod.data, mod.size - 1}), GAME_DONE);
    assert_counts(&query, -1, 16); /* it does not say how many bots there are */
    assert_int_equal(answer(&query, STR(HEAD "ma\0n\0m\0f\0g\0\x05\x10\x2f"
                                             "dl\0\0\0\x01")),
                     GAME_DONE);
    assert_counts(&query, 4, 16);
    assert_int_equal(answer(&query, STR(HEAD "ma\0n\0m\0f\0g\0\x05")), GAME_BAD);
    assert_no_facts(&query);
}

static void an_info_that_is_cut_is_bad_until_its_counts(void **state)
{
    (void)state;
    struct str whole = STR(INFO);
    for (size_t size = 0; size <= whole.size; size++) {
        char *copy = test_malloc(size + 1); /* of its size: a byte too far is seen */
        memcpy(copy, whole.data, size);
        struct game_query query = game_case();
        enum game_outcome outcome = answer(&query, (struct str){copy, size});
        assert_int_equal(outcome, size < 5 ? GAME_FOREIGN : size < COUNTS_END ? GAME_BAD : GAME_DONE);
        if (outcome == GAME_DONE) {
            assert_counts(&query, 12, 64);
        } else {
            assert_no_facts(&query);
        }
        test_free(copy);
    }
    struct game_query query = game_case();
    assert_int_equal(answer(&query, STR(HEAD "A\x01\x02\x03")), GAME_BAD);
}

static void counts_that_cannot_be_are_unknown(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct game_query query = game_case();
    assert_int_equal(answer(&query, info(&bytes, 730, "\xff\x00\x00", STR("1\0"))), GAME_DONE);
    assert_counts(&query, -1, -1);
    assert_int_equal(answer(&query, info(&bytes, 730, "\x00\x00\x00", STR("1\0"))), GAME_DONE);
    assert_counts(&query, -1, -1);
    assert_int_equal(answer(&query, info(&bytes, 730, "\x41\x40\x00", STR("1\0"))), GAME_DONE);
    assert_counts(&query, 65, 64); /* reserved seats */
    buf_fini(&bytes);
}

static void names_are_text_or_left_out(void **state)
{
    (void)state;
    struct game_query query = game_case();
    struct str hostile = STR(HEAD "I\x11\x01\x02 [EU]\t\x1b[31mServer\x7f \0\xff\xfe\0f\0g\0\0\0\x01\x02\0"
                                  "dl\0\0\xe2\x80\xae"
                                  "1.0\xe2\x80\xa8\0");
    assert_int_equal(answer(&query, hostile), GAME_DONE);
    assert_texts(&query, "[EU] [31mServer", "", "1.0");
    struct buf bytes = {0};
    for (size_t size = 255; size <= 257; size++) {
        buf_clear(&bytes);
        buf_str(&bytes, STR(HEAD "I\x11"));
        memset(buf_extend(&bytes, size), 'x', size);
        buf_str(&bytes, STR("\0m\0f\0g\0\0\0\x01\x02\0"));
        assert_int_equal(answer(&query, buf_view(&bytes)), GAME_DONE);
        assert_int_equal(strlen(query.facts.name), size <= GAME_TEXT_MAX ? size : 0);
    }
    buf_fini(&bytes);
}

static void other_datagrams_are_ignored(void **state)
{
    (void)state;
    static const struct str foreign[] = {
        STR_INIT(""),   STR_INIT("I"),          STR_INIT("\xff\xff\xff\xfeI\x11n"),
        STR_INIT(HEAD), STR_INIT(HEAD "D\x02"), STR_INIT(HEAD "TSource Engine Query\0")};
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        struct game_query query = game_case();
        assert_int_equal(answer(&query, foreign[i]), GAME_FOREIGN);
        assert_no_facts(&query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_info_has_all_facts),
        cmocka_unit_test(bots_are_players_unless_they_are_excluded),
        cmocka_unit_test(a_challenge_is_answered_three_times),
        cmocka_unit_test(an_answer_in_parts_says_that_it_is_up),
        cmocka_unit_test(counts_of_rust_are_in_its_keywords),
        cmocka_unit_test(what_is_between_is_skipped),
        cmocka_unit_test(old_goldsrc_servers_answer_otherwise),
        cmocka_unit_test(an_info_that_is_cut_is_bad_until_its_counts),
        cmocka_unit_test(counts_that_cannot_be_are_unknown),
        cmocka_unit_test(names_are_text_or_left_out),
        cmocka_unit_test(other_datagrams_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
