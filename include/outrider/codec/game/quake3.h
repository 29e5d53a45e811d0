/* getinfo and getstatus of Quake 3 and its descendants. Datagrams of text.
 *
 * The answer repeats the nonce as `challenge`; one with another or without is foreign. `getstatus` is asked (GAME_ASK) only where
 * `getinfo` did not give both counts: it lists the players. The server is up by then. Of a key that comes twice the first counts. */
#ifndef OUTRIDER_CODEC_GAME_QUAKE3_H
#define OUTRIDER_CODEC_GAME_QUAKE3_H

#include "outrider/codec/game/game.h"

/* The request, with the nonce in hexadecimal. */
void quake3_request(const struct game_query *query, struct buf *out);

/* GAME_DONE, GAME_ASK or GAME_FOREIGN: there is no answer to this query that is not valid. */
enum game_outcome quake3_answer(struct game_query *query, struct str datagram, struct error *err);

#endif
