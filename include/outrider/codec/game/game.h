/* What the protocols of game servers have in common: how a query goes on, and what an answer says of the server.
 *
 *     request ──sent──> answer ──DONE─────> the server is up; the facts of the query hold
 *        ^                │ ├───MORE─────> a stream: the same bytes and more of them, later
 *        │                │ ├───FOREIGN──> not an answer to this query: as if it had not come
 *        └────── ASK ─────┘ └───BAD──────> an answer to this query that is not valid
 *
 * What a server says is not believed blindly. A fact is unknown unless it is known: never 0, never a guess.
 * - A count that is negative, no number, or no 32 bits is unknown.
 * - A capacity of 0 makes both counts unknown (255/0, 0/0): a server without a seat cannot be joined, so it does not count.
 * - More players than capacity are taken as they are, as in the status protocol: reserved seats and administrators cause them.
 * - A text over GAME_TEXT_MAX bytes, or one that is not UTF-8, is left out. Colour codes and control characters are removed, a tab
 *   or the end of a line becomes a space, and blanks at both ends go: players decorate names, and a record takes no such thing. */
#ifndef OUTRIDER_CODEC_GAME_GAME_H
#define OUTRIDER_CODEC_GAME_GAME_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;

enum game_outcome {
    GAME_DONE,    /* the facts of the query are complete */
    GAME_MORE,    /* of a stream: more bytes are needed */
    GAME_ASK,     /* send the request of the query again: it has changed */
    GAME_FOREIGN, /* not an answer to this query; ignore it */
    GAME_BAD      /* an answer that is not valid; the error says why */
};

enum { GAME_TEXT_MAX = 256, GAME_NONCE_SIZE = 8, GAME_CHALLENGE_SIZE = 4 };

struct game_facts {
    bool has_players, has_capacity;
    uint32_t players, capacity;
    char map[GAME_TEXT_MAX + 1], version[GAME_TEXT_MAX + 1], name[GAME_TEXT_MAX + 1]; /* UTF-8; "": unknown */
};

/* One query of one server. The caller sets the first members, the rest starts as zero and belongs to the protocol. */
struct game_query {
    uint8_t nonce[GAME_NONCE_SIZE]; /* random; raknet and quake3 want it back */
    const char *host;               /* what the server is told that it was called; borrowed; minecraft */
    uint16_t port;
    bool exclude_bots; /* a2s */

    uint8_t challenge[GAME_CHALLENGE_SIZE]; /* a2s: what the server wants back, after the first GAME_ASK */
    uint8_t challenges;                     /* a2s: how many came */
    bool wants_status;                      /* quake3: the second request, for counts */
    bool is_up; /* the server has answered; only details are asked for, and the query may end without them */
    struct game_facts facts;
};

/* Appends the next request. */
typedef void game_request_fn(const struct game_query *query, struct buf *out);

/* Decodes one datagram, or all bytes of a stream so far. Total: any bytes have an outcome. `err` is set for GAME_BAD alone. */
typedef enum game_outcome game_answer_fn(struct game_query *query, struct str bytes, struct error *err);

#endif
