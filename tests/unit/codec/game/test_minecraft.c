#include "game_case.h"

#include "outrider/codec/game/minecraft.h"

static struct error err;

static void add_varint(struct buf *out, uint32_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *buf_extend(out, 1) = (char)(value | 0x80);
    }
    *buf_extend(out, 1) = (char)value;
}

/* The bytes of a status. */
static void add_status(struct buf *out, struct str json)
{
    struct buf packet = {0};
    add_varint(&packet, 0);
    add_varint(&packet, (uint32_t)json.size);
    buf_str(&packet, json);
    add_varint(out, (uint32_t)packet.size);
    buf_str(out, buf_view(&packet));
    buf_fini(&packet);
}

static enum game_outcome status(struct game_query *query, struct str json)
{
    struct buf bytes = {0};
    *query = game_case();
    add_status(&bytes, json);
    enum game_outcome outcome = minecraft_answer(query, buf_view(&bytes), &err);
    buf_fini(&bytes);
    return outcome;
}

static void the_request_names_the_host(void **state)
{
    (void)state;
    struct game_query query = {.host = "127.0.0.1", .port = 25599};
    assert_request(minecraft_request, &query,
                   STR("\x0f\x00\x2f\x09"
                       "127.0.0.1\x63\xff\x01\x01\x00"));
    char host[301] = {0};
    memset(host, 'h', 300);
    query.host = host;
    struct buf sent = {0};
    minecraft_request(&query, &sent);
    assert_memory_equal(sent.data, "\x86\x02\x00\x2f\xff\x01h", 7);
    assert_int_equal(sent.size, 2 + 1 + 1 + 2 + 255 + 2 + 1 + 2);
    buf_fini(&sent);
}

static void a_status_has_the_facts(void **state)
{
    (void)state;
    struct game_query query;
    assert_int_equal(
        status(&query, STR("{\"version\":{\"name\":\"1.21.1\",\"protocol\":767},\"players\":{\"max\":20,"
                           "\"online\":7,\"sample\":[{\"name\":\"a\",\"id\":\"b\"}]},"
                           "\"description\":\"\xc2\xa7"
                           "aA \xc2\xa7lServer\\nof ours\",\"favicon\":\"data:\"}")),
        GAME_DONE);
    assert_counts(&query, 7, 20);
    assert_texts(&query, "A Server of ours", "", "1.21.1");
    assert_int_equal(
        status(&query, STR("{\"players\":{\"max\":20,\"online\":0},\"description\":{\"text\":\"A\",\"extra\":"
                           "[\"B\",{\"text\":\"C\",\"extra\":[{\"text\":\"D\"}]},7,null]}}")),
        GAME_DONE);
    assert_counts(&query, 0, 20);
    assert_texts(&query, "ABCD", "", "");
}

static void parts_of_a_description_are_in_their_order_up_to_a_depth(void **state)
{
    (void)state;
    struct game_query query;
    assert_int_equal(
        status(&query, STR("{\"description\":{\"extra\":[{\"extra\":[\"C\\u00e9\"],\"text\":\"B\"},\"D\"],"
                           "\"bold\":{\"text\":\"no\"},\"text\":\"A\\n\"}}")),
        GAME_DONE);
    assert_texts(&query,
                 "A BC\xc3\xa9"
                 "D",
                 "", "");
    assert_int_equal(status(&query, STR("{\"description\":\"first\",\"description\":[\"last\"]}")),
                     GAME_DONE);
    assert_texts(&query, "last", "", "");
    for (size_t depth = 8; depth <= 9; depth++) {
        struct buf json = {0};
        buf_str(&json, STR("{\"description\":"));
        for (size_t i = 1; i < depth; i++) {
            buf_str(&json, STR("{\"extra\":"));
        }
        buf_str(&json, STR("{\"text\":\"deep\"}"));
        memset(buf_extend(&json, depth), '}', depth);
        assert_int_equal(status(&query, buf_view(&json)), GAME_DONE);
        assert_texts(&query, depth == 8 ? "deep" : "", "", "");
        buf_fini(&json);
    }
}

static void a_status_that_says_little_is_up(void **state)
{
    (void)state;
    struct game_query query;
    assert_int_equal(status(&query, STR("{}")), GAME_DONE);
    assert_no_facts(&query);
    assert_int_equal(status(&query, STR("{\"version\":{\"name\":\"Starting\",\"protocol\":-1},"
                                        "\"players\":{\"max\":20,\"online\":7},\"description\":\"d\"}")),
                     GAME_DONE);
    assert_counts(&query, -1, -1);
    assert_texts(&query, "d", "", "");
    assert_int_equal(status(&query, STR("{\"version\":[],\"players\":7,\"description\":false}")), GAME_DONE);
    assert_no_facts(&query);
}

static void counts_that_are_none_are_unknown(void **state)
{
    (void)state;
    static const struct {
        struct str json;
        int64_t players, capacity;
    } rows[] = {
        {STR_INIT("{\"players\":{\"online\":-3,\"max\":-1}}"), -1, -1},
        {STR_INIT("{\"players\":{\"online\":\"7\",\"max\":20}}"), -1, 20},
        {STR_INIT("{\"players\":{\"online\":7.5,\"max\":20}}"), -1, 20},
        {STR_INIT("{\"players\":{\"online\":true,\"max\":null}}"), -1, -1},
        {STR_INIT("{\"players\":{\"online\":255,\"max\":0}}"), -1, -1},
        {STR_INIT("{\"players\":{\"online\":21,\"max\":20}}"), 21, 20},
        {STR_INIT("{\"players\":{\"online\":7,\"max\":4294967296}}"), 7, -1},
        {STR_INIT("{\"players\":{\"online\":7,\"max\":999999999999999999999999}}"), 7, -1},
        {STR_INIT("{\"players\":{\"online\":7}}"), 7, -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct game_query query;
        assert_int_equal(status(&query, rows[i].json), GAME_DONE);
        assert_counts(&query, rows[i].players, rows[i].capacity);
    }
}

static void an_answer_comes_a_byte_at_a_time(void **state)
{
    (void)state;
    struct buf bytes = {0};
    add_status(&bytes, STR("{\"players\":{\"online\":7,\"max\":20}}"));
    for (size_t size = 0; size <= bytes.size; size++) {
        char *copy = test_malloc(size + 1);
        memcpy(copy, bytes.data, size);
        struct game_query query = game_case();
        assert_int_equal(minecraft_answer(&query, (struct str){copy, size}, &err),
                         size < bytes.size ? GAME_MORE : GAME_DONE);
        test_free(copy);
    }
    buf_str(&bytes, STR("\x09\x01more"));
    struct game_query query = game_case();
    assert_int_equal(minecraft_answer(&query, buf_view(&bytes), &err),
                     GAME_DONE); /* what follows is not read */
    assert_counts(&query, 7, 20);
    buf_fini(&bytes);
}

static void what_is_no_status_is_bad(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        const char *why;
    } rows[] = {
        {STR_INIT("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\nDate: today, more "
                  "or less\r\n"),
         "packet of another kind than a status"},
        {STR_INIT("\x00"), "packet of another kind than a status"},
        {STR_INIT("\x01\x01"), "packet of another kind than a status"},
        {STR_INIT("\x01\x00"), "status longer than its packet"},
        {STR_INIT("\x03\x00\x02{"
                  "}"),
         "status longer than its packet"},
        {STR_INIT("\x02\x00\x01"), "status longer than its packet"},
        {STR_INIT("\x04\x00\x02[]"), "status is not a JSON object"},
        {STR_INIT("\x04\x00\x02{]"), "status is not JSON"},
        {STR_INIT("\x02\x00\x00"), "status is not JSON"},
        {STR_INIT("\x06\x80\x80\x80\x80\x80\x00"), "packet of another kind than a status"},
        {STR_INIT("\x81\x80\x04"), "no Minecraft status: a packet of more than 65536 bytes was announced"},
        {STR_INIT("\xff\xff\xff\xff\x0f"),
         "no Minecraft status: a packet of more than 65536 bytes was announced"},
        {STR_INIT("\xff\xff\xff\xff\xff"),
         "no Minecraft status: a packet of more than 65536 bytes was announced"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct game_query query = game_case();
        assert_int_equal(minecraft_answer(&query, rows[i].bytes, &err), GAME_BAD);
        assert_string_equal(err.text, rows[i].why);
        assert_no_facts(&query);
    }
}

static void size_and_depth_are_limited(void **state)
{
    (void)state;
    struct buf json = {0};
    struct game_query query;
    buf_str(&json, STR("{\"players\":{\"online\":7,\"max\":20},\"favicon\":\""));
    size_t filler =
        MINECRAFT_PACKET_MAX - 4 - json.size - 2; /* the packet's kind, and the length of the text */
    memset(buf_extend(&json, filler), 'x', filler);
    buf_str(&json, STR("\"}"));
    assert_int_equal(status(&query, buf_view(&json)), GAME_DONE);
    assert_counts(&query, 7, 20);
    json.data[json.size - 2] = 'x'; /* one byte more */
    json.data[json.size - 1] = '"';
    buf_str(&json, STR("}"));
    assert_int_equal(status(&query, buf_view(&json)), GAME_BAD);

    buf_clear(&json);
    buf_str(&json, STR("{\"a\":"));
    memset(buf_extend(&json, 60000), '[', 60000);
    assert_int_equal(status(&query, buf_view(&json)), GAME_BAD);
    assert_string_equal(err.text, "status is not JSON");
    buf_clear(&json);
    buf_str(&json, STR("{\"a\":[1"));
    for (int i = 0; i < 20000; i++) {
        buf_str(&json, STR(",1"));
    }
    buf_str(&json, STR("],\"description\":\"d\"}"));
    assert_int_equal(status(&query, buf_view(&json)), GAME_DONE);
    assert_texts(&query, "d", "", "");
    buf_fini(&json);
}

static void names_are_text_or_left_out(void **state)
{
    (void)state;
    struct game_query query;
    assert_int_equal(
        status(&query,
               STR("{\"description\":\"a\\u0000\\u001b[1m\\u202eb\",\"version\":{\"name\":\"\xc2\xa7\"}}")),
        GAME_DONE);
    assert_texts(&query, "a[1mb", "", "");
    struct buf json = {0};
    buf_str(&json, STR("{\"description\":\""));
    memset(buf_extend(&json, 257), 'n', 257);
    buf_str(&json, STR("\"}"));
    assert_int_equal(status(&query, buf_view(&json)), GAME_DONE);
    assert_no_facts(&query);
    buf_fini(&json);
}

/* The server is up, whatever its texts and the names of its members are. */
static void half_a_surrogate_pair_makes_its_text_unknown(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *name;
    } rows[] = {
        {STR_INIT("\\ud83d\\ude00"), "\xf0\x9f\x98\x80"},
        {STR_INIT("a\\ud800"), ""},
        {STR_INIT("\\ud800b"), ""},
        {STR_INIT("\\ud800\\u0041"), ""},
        {STR_INIT("\\ud800\\n"), ""},
        {STR_INIT("\\ud800\\ud800\\udc00"), ""},
        {STR_INIT("\\udc00\\ud800"), ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf json = {0};
        struct game_query query;
        buf_str(&json, STR("{\"\\udfff\":[\"\\udbff\"],\"description\":\""));
        buf_str(&json, rows[i].text);
        buf_str(&json, STR("\",\"players\":{\"online\":7,\"max\":20},\"version\":{\"name\":\"1.21\"}}"));
        assert_int_equal(status(&query, buf_view(&json)), GAME_DONE);
        assert_counts(&query, 7, 20);
        assert_texts(&query, rows[i].name, "", "1.21");
        buf_fini(&json);
    }
    struct game_query query;
    assert_int_equal(status(&query, STR("{\"description\":[\"\\ud83d\",\"\\ude00\"]}")), GAME_DONE);
    assert_no_facts(&query);
    assert_int_equal(status(&query, STR("{\"description\":\"\\ud800\\u00\"}")), GAME_BAD);
    assert_int_equal(status(&query, STR("{\"description\":\"\\ud800\\u\xed\xa0\x80\"}")), GAME_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_names_the_host),
        cmocka_unit_test(a_status_has_the_facts),
        cmocka_unit_test(parts_of_a_description_are_in_their_order_up_to_a_depth),
        cmocka_unit_test(a_status_that_says_little_is_up),
        cmocka_unit_test(counts_that_are_none_are_unknown),
        cmocka_unit_test(an_answer_comes_a_byte_at_a_time),
        cmocka_unit_test(what_is_no_status_is_bad),
        cmocka_unit_test(size_and_depth_are_limited),
        cmocka_unit_test(names_are_text_or_left_out),
        cmocka_unit_test(half_a_surrogate_pair_makes_its_text_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
