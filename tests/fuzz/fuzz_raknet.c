/* A pong of RakNet, to a ping of zeros. */
#include "game_facts.h"

#include "outrider/base/error.h"
#include "outrider/codec/game/raknet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct game_query query = {0};
    struct error err = {0};
    enum game_outcome outcome = raknet_answer(&query, (struct str){(const char *)data, size}, &err);
    must(outcome == GAME_DONE || outcome == GAME_FOREIGN || outcome == GAME_BAD);
    must_be_outcome(outcome, &query, &err);
    query.nonce[3] = 1; /* another ping */
    must(size > 4 && data[4] == 1
             ? true
             : raknet_answer(&query, (struct str){(const char *)data, size}, &err) == GAME_FOREIGN);
    return 0;
}
