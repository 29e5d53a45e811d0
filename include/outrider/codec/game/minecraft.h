/* Server List Ping of Minecraft (Java), since 1.7. A stream of packets: VarInt of the length, VarInt of the kind, data.
 *
 * - A status without `players` means that the server is up and the counts are unknown.
 * - So does one with a negative `version.protocol`: something answers in place of the server. Its version is not known either.
 * - Half a surrogate pair in a text makes it one that is not UTF-8, which is left out; the rest of the status holds.
 * - The name is the description, of which text alone is taken, without formatting codes. */
#ifndef OUTRIDER_CODEC_GAME_MINECRAFT_H
#define OUTRIDER_CODEC_GAME_MINECRAFT_H

#include "outrider/codec/game/game.h"

/* The longest packet that is accepted, without its length. */
enum { MINECRAFT_PACKET_MAX = 65536 };

/* No answer is longer: the packet, and the VarInt before it. */
enum { MINECRAFT_ANSWER_MAX = MINECRAFT_PACKET_MAX + 5 };

/* Handshake and status request, to be sent together. A host over 255 bytes is cut. */
void minecraft_request(const struct game_query *query, struct buf *out);

/* `bytes` is all of the answer so far. GAME_DONE, GAME_MORE or GAME_BAD; the cost of GAME_MORE does not grow with the bytes. */
enum game_outcome minecraft_answer(struct game_query *query, struct str bytes, struct error *err);

#endif
