/* The body of an HTTP answer, and the pointer to a fact before it: a line of its own. */
#include "game_facts.h"

#include "outrider/base/buf.h"
#include "outrider/codec/game/http_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body, line = str_split((struct str){(const char *)data, size}, '\n', &body);
    struct buf pointer = {0};
    buf_str(&pointer, line);
    const char *text = buf_text(&pointer);
    struct http_facts_at at = {
        .players = text, .capacity = "/max", .map = text, .version = "/servers/0/v", .name = "/n~1m"};
    struct game_query query = {0};
    http_facts_read(body, &at, &query.facts);
    must_be_facts(&query);
    must(!query.facts.has_players || query.facts.map[0] == '\0'); /* a value is a number or a text */
    buf_fini(&pointer);
    return 0;
}
