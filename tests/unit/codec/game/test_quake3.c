#include "game_case.h"

#include "outrider/codec/game/quake3.h"

#define HEAD "\xff\xff\xff\xff"
#define INFO HEAD "infoResponse\n"
#define STATUS HEAD "statusResponse\n"
#define CHALLENGE "\\challenge\\1122334455667788"

static enum game_outcome answer(struct game_query *query, struct str datagram)
{
    struct error err;
    return quake3_answer(query, datagram, &err);
}

static void an_info_has_the_facts(void **state)
{
    (void)state;
    struct game_query query = game_case();
    assert_request(quake3_request, &query, STR(HEAD "getinfo 1122334455667788"));
    assert_int_equal(
        answer(&query, STR(INFO "\\game\\baseoa\\pure\\1\\gametype\\0\\sv_maxclients\\16\\clients\\3"
                                "\\mapname\\oa_dm1\\hostname\\^1Out^7rider\\protocol\\71" CHALLENGE)),
        GAME_DONE);
    assert_counts(&query, 3, 16);
    assert_texts(&query, "Outrider", "oa_dm1", "");
    query = game_case();
    assert_int_equal(answer(&query, STR(INFO "\\gameversion\\800\\clients\\0\\sv_maxclients\\8" CHALLENGE)),
                     GAME_DONE);
    assert_counts(&query, 0, 8);
    assert_texts(&query, "", "", "800");
}

static void counts_that_are_missing_are_asked_for(void **state)
{
    (void)state;
    struct game_query query = game_case();
    assert_int_equal(answer(&query, STR(INFO "\\mapname\\q3dm17\\sv_maxclients\\8" CHALLENGE)), GAME_ASK);
    assert_true(query.is_up);
    assert_counts(&query, -1, 8);
    assert_request(quake3_request, &query, STR(HEAD "getstatus 1122334455667788"));
    /* the info once more, for the first request was sent twice */
    assert_int_equal(answer(&query, STR(INFO "\\clients\\1\\sv_maxclients\\8" CHALLENGE)), GAME_FOREIGN);
    assert_int_equal(
        answer(&query, STR(STATUS "\\version\\ioq3 1.36\\sv_hostname\\^xF08Lo^^bby\\sv_maxclients\\12"
                                  "\\mapname\\other" CHALLENGE "\n0 0 \"bot\"\n12 48 \"alice\"\n\n")),
        GAME_DONE);
    assert_counts(&query, 2, 12);
    assert_texts(&query, "Lo^by", "q3dm17", "ioq3 1.36");
}

static void a_status_without_players_has_none(void **state)
{
    (void)state;
    struct game_query query = game_case();
    query.wants_status = true;
    assert_int_equal(answer(&query, STR(STATUS "\\sv_maxclients\\8" CHALLENGE)), GAME_DONE);
    assert_counts(&query, 0, 8);
    assert_int_equal(answer(&query, STR(STATUS "\\a\\b" CHALLENGE "\n")), GAME_DONE);
    assert_counts(&query, 0, -1);
}

static void counts_that_are_none_are_unknown(void **state)
{
    (void)state;
    static const struct {
        struct str info;
        enum game_outcome outcome;
        int64_t players, capacity;
    } rows[] = {
        {STR_INIT(INFO "\\clients\\255\\sv_maxclients\\0" CHALLENGE), GAME_DONE, -1, -1},
        {STR_INIT(INFO "\\clients\\9\\sv_maxclients\\8" CHALLENGE), GAME_DONE, 9, 8},
        {STR_INIT(INFO "\\clients\\-1\\sv_maxclients\\8" CHALLENGE), GAME_ASK, -1, 8},
        {STR_INIT(INFO "\\clients\\many\\sv_maxclients\\8" CHALLENGE), GAME_ASK, -1, 8},
        {STR_INIT(INFO "\\clients\\1\\sv_maxclients\\" CHALLENGE), GAME_ASK, 1, -1},
        {STR_INIT(INFO "\\clients\\1\\sv_maxclients\\99999999999" CHALLENGE), GAME_ASK, 1, -1},
        {STR_INIT(INFO "\\clients\\1\\clients\\2\\sv_maxclients\\8" CHALLENGE), GAME_DONE, 1, 8},
        {STR_INIT(INFO CHALLENGE "\\sv_maxclients\\8\\clients"), GAME_ASK, -1, 8},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct game_query query = game_case();
        assert_int_equal(answer(&query, rows[i].info), rows[i].outcome);
        assert_counts(&query, rows[i].players, rows[i].capacity);
    }
}

static void colours_are_removed_and_hostile_names_left_out(void **state)
{
    (void)state;
    static const struct {
        struct str info;
        const char *name;
    } rows[] = {
        {STR_INIT(INFO CHALLENGE "\\hostname\\^1^2^3"), ""},
        {STR_INIT(INFO CHALLENGE "\\hostname\\a^"), "a^"},
        {STR_INIT(INFO CHALLENGE "\\hostname\\^xFg^x12"), "Fg12"}, /* no colour of three digits: ^x is one */
        {STR_INIT(INFO CHALLENGE "\\hostname\\^ b"), "^ b"},
        {STR_INIT(INFO CHALLENGE "\\hostname\\\x01\x02z\x1b[2J\r"), "z[2J"},
        {STR_INIT(INFO CHALLENGE "\\hostname\\caf\xe9"), ""},
        {STR_INIT(INFO CHALLENGE "\\hostname\\^1\xe2\x80"), ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct game_query query = game_case();
        assert_int_equal(answer(&query, rows[i].info), GAME_ASK);
        assert_string_equal(query.facts.name, rows[i].name);
    }
}

static void an_answer_of_another_nonce_is_ignored(void **state)
{
    (void)state;
    static const struct str foreign[] = {
        STR_INIT(""),
        STR_INIT("infoResponse\n" CHALLENGE),
        STR_INIT(HEAD "print\nnot allowed\n"),
        STR_INIT(INFO),
        STR_INIT(INFO "\\clients\\1\\sv_maxclients\\8"),
        STR_INIT(INFO "\\clients\\1\\sv_maxclients\\8\\challenge\\"),
        STR_INIT(INFO "\\clients\\1\\sv_maxclients\\8\\challenge\\1122334455667789"),
        STR_INIT(INFO "\\clients\\1\\sv_maxclients\\8" CHALLENGE "0"),
        STR_INIT(INFO "\\x" CHALLENGE), /* "challenge" is a value here */
        STR_INIT(STATUS "\\sv_maxclients\\8" CHALLENGE "\n"),
    };
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        struct game_query query = game_case();
        assert_int_equal(answer(&query, foreign[i]), GAME_FOREIGN);
        assert_no_facts(&query);
        assert_false(query.is_up);
    }
}

static void an_info_that_is_cut_before_its_nonce_is_ignored(void **state)
{
    (void)state;
    struct str whole = STR(INFO CHALLENGE "\\clients\\12\\sv_maxclients\\16");
    size_t nonce_end = sizeof(INFO CHALLENGE) - 1;
    for (size_t size = 0; size <= whole.size; size++) {
        char *copy = test_malloc(size + 1);
        memcpy(copy, whole.data, size);
        struct game_query query = game_case();
        enum game_outcome outcome = answer(&query, (struct str){copy, size});
        assert_true(outcome == GAME_FOREIGN ? size < nonce_end : size >= nonce_end);
        test_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_info_has_the_facts),
        cmocka_unit_test(counts_that_are_missing_are_asked_for),
        cmocka_unit_test(a_status_without_players_has_none),
        cmocka_unit_test(counts_that_are_none_are_unknown),
        cmocka_unit_test(colours_are_removed_and_hostile_names_left_out),
        cmocka_unit_test(an_answer_of_another_nonce_is_ignored),
        cmocka_unit_test(an_info_that_is_cut_before_its_nonce_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
