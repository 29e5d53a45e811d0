#include "game_case.h"

#include "outrider/codec/game/raknet.h"

#define MAGIC "\x00\xff\xff\x00\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78"
#define NONCE "\x11\x22\x33\x44\x55\x66\x77\x88"
#define HEAD "\x1c" NONCE "\xb7\xef\x2c\x42\x75\xb5\x2e\x31" MAGIC
#define TEXT                                                                                                 \
    "MCPE;Dedicated Server;390;1.14.60;0;10;13253860892328930865;Bedrock level;Survival;1;19132;19133;"
enum { HEAD_SIZE = 33 };

static struct error err;

static enum game_outcome answer(struct game_query *query, struct str datagram)
{
    return raknet_answer(query, datagram, &err);
}

/* A pong with `text` and its length. */
static struct game_query pong(struct str text)
{
    struct buf bytes = {0};
    struct game_query query = game_case();
    buf_str(&bytes, STR(HEAD));
    *buf_extend(&bytes, 1) = (char)(text.size >> 8);
    *buf_extend(&bytes, 1) = (char)text.size;
    buf_str(&bytes, text);
    assert_int_equal(answer(&query, buf_view(&bytes)), GAME_DONE);
    buf_fini(&bytes);
    return query;
}

static void a_pong_of_minecraft_has_all_facts(void **state)
{
    (void)state;
    struct game_query query = game_case();
    assert_request(raknet_request, &query, STR("\x01" NONCE MAGIC NONCE));
    struct str vector = STR(HEAD "\x00\x61" TEXT);
    assert_int_equal(vector.size, 132);
    assert_int_equal(answer(&query, vector), GAME_DONE);
    assert_counts(&query, 0, 10);
    assert_texts(&query, "Dedicated Server", "Bedrock level", "1.14.60");
    query = pong(STR("MCEE;\xc2\xa7l\xc2\xa7"
                     "aSchool\xc2\xa7r;1;1.20;3;30"));
    assert_counts(&query, 3, 30);
    assert_texts(&query, "School", "", "1.20");
}

static void other_games_are_up_and_unknown(void **state)
{
    (void)state;
    struct game_query query = game_case();
    assert_int_equal(answer(&query, STR(HEAD)), GAME_DONE);
    assert_no_facts(&query);
    assert_int_equal(answer(&query, STR(HEAD "\x01")), GAME_DONE);
    assert_int_equal(answer(&query, STR(HEAD "any bytes \xff of a game")), GAME_DONE);
    assert_no_facts(&query);
    assert_int_equal(answer(&query, STR(HEAD "\x00\x62" TEXT)), GAME_DONE); /* longer than it is */
    assert_int_equal(answer(&query, STR(HEAD "\xff\xff" TEXT)), GAME_DONE);
    assert_no_facts(&query);
    static const struct str texts[] = {STR_INIT(""), STR_INIT(";"), STR_INIT("MCPE"),
                                       STR_INIT("MCPE;n;1;2;3"), STR_INIT("GAME;n;1;2;3;4")};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        query = pong(texts[i]);
        assert_no_facts(&query);
    }
}

static void counts_that_are_none_are_unknown(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        int64_t players, capacity;
    } rows[] = {
        {STR_INIT("MCPE;n;1;2;-1;10"), -1, 10},
        {STR_INIT("MCPE;n;1;2;x;10"), -1, 10},
        {STR_INIT("MCPE;n;1;2;3;"), -1, -1}, /* one field short */
        {STR_INIT("MCPE;n;1;2;3;;"), 3, -1},
        {STR_INIT("MCPE;n;1;2;4294967296;10"), -1, 10},
        {STR_INIT("MCPE;n;1;2;4294967295;10"), UINT32_MAX, 10},
        {STR_INIT("MCPE;n;1;2;255;0"), -1, -1},
        {STR_INIT("MCPE;n;1;2; 3;10"), -1, 10},
        {STR_INIT("MCPE;n;1;2;11;10"), 11, 10},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct game_query query = pong(rows[i].text);
        assert_counts(&query, rows[i].players, rows[i].capacity);
    }
}

static void a_pong_that_is_cut_is_never_more_than_up(void **state)
{
    (void)state;
    struct str whole = STR(HEAD "\x00\x61" TEXT);
    for (size_t size = 0; size < whole.size; size++) {
        char *copy = test_malloc(size + 1);
        memcpy(copy, whole.data, size);
        struct game_query query = game_case();
        assert_int_equal(answer(&query, (struct str){copy, size}), size < 9           ? GAME_FOREIGN
                                                                   : size < HEAD_SIZE ? GAME_BAD
                                                                                      : GAME_DONE);
        assert_no_facts(&query);
        test_free(copy);
    }
}

static void a_pong_to_another_ping_is_ignored(void **state)
{
    (void)state;
    struct game_query query = game_case();
    query.nonce[7]++;
    assert_int_equal(answer(&query, STR(HEAD "\x00\x61" TEXT)), GAME_FOREIGN);
    query = game_case();
    assert_int_equal(answer(&query, STR("\x01" NONCE MAGIC NONCE)), GAME_FOREIGN); /* a ping, not a pong */
    assert_int_equal(answer(&query, STR("\x1c" NONCE NONCE MAGIC)), GAME_DONE);
    assert_int_equal(answer(&query, STR("\x1c" NONCE NONCE NONCE NONCE)), GAME_BAD);
    assert_string_equal(err.text, "pong without the magic number of RakNet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pong_of_minecraft_has_all_facts),
        cmocka_unit_test(other_games_are_up_and_unknown),
        cmocka_unit_test(counts_that_are_none_are_unknown),
        cmocka_unit_test(a_pong_that_is_cut_is_never_more_than_up),
        cmocka_unit_test(a_pong_to_another_ping_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
