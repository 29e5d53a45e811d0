/* Unconnected Ping and Pong of RakNet: Minecraft (Bedrock) and other games. Datagrams, big endian.
 *
 * A pong that has the time of the ping and RakNet's magic number means that the server is up. Its text is the game's own: the facts
 * are known where it is that of Minecraft ("MCPE;" or "MCEE;", and the length before it is right), with formatting codes removed. */
#ifndef OUTRIDER_CODEC_GAME_RAKNET_H
#define OUTRIDER_CODEC_GAME_RAKNET_H

#include "outrider/codec/game/game.h"

/* The ping: 33 bytes. The nonce is its time, and who asks. */
void raknet_request(const struct game_query *query, struct buf *out);

/* GAME_DONE, GAME_FOREIGN, or GAME_BAD. */
enum game_outcome raknet_answer(struct game_query *query, struct str datagram, struct error *err);

#endif
