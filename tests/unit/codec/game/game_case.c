#include "game_case.h"

#include "outrider/base/buf.h"

struct game_query game_case(void)
{
    return (struct game_query){
        .nonce = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}, .host = "localhost", .port = 25565};
}

void assert_request(game_request_fn *request, const struct game_query *query, struct str bytes)
{
    struct buf sent = {0};
    request(query, &sent);
    assert_int_equal(sent.size, bytes.size);
    assert_memory_equal(sent.data, bytes.data, bytes.size);
    buf_fini(&sent);
}

void assert_counts(const struct game_query *query, int64_t players, int64_t capacity)
{
    const struct game_facts *facts = &query->facts;
    assert_int_equal(facts->has_players ? (int64_t)facts->players : -1, players);
    assert_int_equal(facts->has_capacity ? (int64_t)facts->capacity : -1, capacity);
}

void assert_texts(const struct game_query *query, const char *name, const char *map, const char *version)
{
    assert_string_equal(query->facts.name, name);
    assert_string_equal(query->facts.map, map);
    assert_string_equal(query->facts.version, version);
}

void assert_no_facts(const struct game_query *query)
{
    assert_counts(query, -1, -1);
    assert_texts(query, "", "", "");
}
