/* Two datagrams of Quake 3, the second after the first NUL, to a query whose nonce is zeros. */
#include "game_facts.h"

#include "outrider/base/error.h"
#include "outrider/codec/game/quake3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct game_query query = {0};
    struct str rest = {(const char *)data, size};
    for (int i = 0; i < 2; i++) {
        struct error err = {0};
        bool asked = query.wants_status;
        enum game_outcome outcome = quake3_answer(&query, str_split(rest, '\0', &rest), &err);
        must(outcome == GAME_DONE || outcome == GAME_FOREIGN || outcome == GAME_ASK);
        must((outcome == GAME_ASK) == (query.wants_status && !asked));
        must(outcome == GAME_FOREIGN || query.is_up);
        must_be_outcome(outcome, &query, &err);
        if (outcome == GAME_DONE) {
            break;
        }
    }
    return 0;
}
