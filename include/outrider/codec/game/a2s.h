/* A2S_INFO, the server query of Source, GoldSrc and many other games (Valve, "Server queries"). Datagrams, little endian.
 *
 * - A server may ask for a challenge (GAME_ASK), up to A2S_CHALLENGES_MAX times in one query.
 * - An answer in split packets means that the server is up; it is not put together, and nothing is known.
 * - The counts are bytes. Rust has more players than fit and says both counts in its keywords ("mp500,cp312"): those are taken.
 * - Bots are players. With `exclude_bots` they are subtracted: bots above players give 0, and where the answer does not say how many
 *   bots there are, the players are unknown.
 * - An answer that ends before its counts and bots is bad; one that ends after them lacks what would follow. */
#ifndef OUTRIDER_CODEC_GAME_A2S_H
#define OUTRIDER_CODEC_GAME_A2S_H

#include "outrider/codec/game/game.h"

enum { A2S_CHALLENGES_MAX = 3 };

/* The request, with the challenge once there is one: 25 or 29 bytes. */
void a2s_request(const struct game_query *query, struct buf *out);

/* GAME_BAD also for one challenge too many. Never GAME_MORE. */
enum game_outcome a2s_answer(struct game_query *query, struct str datagram, struct error *err);

#endif
