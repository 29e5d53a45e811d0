/* The stream of a Minecraft server: at once and in pieces it says the same, and no more than the longest answer is ever needed. */
#include "game_facts.h"

#include "outrider/base/error.h"
#include "outrider/codec/game/minecraft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum game_outcome decode(struct str bytes, struct game_query *query)
{
    struct error err = {0};
    enum game_outcome outcome = minecraft_answer(query, bytes, &err);
    must(outcome == GAME_DONE || outcome == GAME_MORE || outcome == GAME_BAD);
    must(outcome != GAME_MORE || bytes.size < MINECRAFT_ANSWER_MAX);
    must_be_outcome(outcome, query, &err);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct game_query whole = {0}, pieces = {0};
    struct str bytes = {(const char *)data, size};
    enum game_outcome outcome = decode(bytes, &whole), last = GAME_MORE;
    for (size_t some = 0; some <= size && last == GAME_MORE; some++) {
        last = decode((struct str){bytes.data, some}, &pieces);
    }
    must(last == outcome && memcmp(&pieces, &whole, sizeof(whole)) == 0);
    return 0;
}
