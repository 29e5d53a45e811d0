/* A2S_INFO: the first byte says whether bots count, then come datagrams, each behind its length in two bytes. */
#include "game_facts.h"

#include "outrider/base/buf.h"
#include "outrider/codec/game/a2s.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct game_query query = {.exclude_bots = size > 0 && data[0] % 2 == 1};
    size_t at = 1;
    while (at + 2 <= size) {
        size_t length = (size_t)(data[at] << 8 | data[at + 1]);
        at += 2;
        length = length > size - at ? size - at : length;
        struct error err = {0};
        struct buf request = {0};
        enum game_outcome outcome = a2s_answer(&query, (struct str){(const char *)data + at, length}, &err);
        at += length;
        must(outcome != GAME_MORE && query.challenges <= A2S_CHALLENGES_MAX);
        must_be_outcome(outcome, &query, &err);
        a2s_request(&query, &request);
        must(request.size == (query.challenges == 0 ? 25 : 29));
        buf_fini(&request);
        if (outcome == GAME_DONE || outcome == GAME_BAD) {
            break;
        }
    }
    return 0;
}
