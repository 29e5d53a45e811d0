/* What the JSON body of an HTTP answer says of a server: each fact is at a place of its own, a JSON pointer of the configuration.
 *
 * The rules are those of every game (codec/game/game.h). A count is a whole number that is not negative and has 32 bits: a text is
 * none. A text is a JSON string: a number is none. A fact whose value is absent or of another kind is unknown. */
#ifndef OUTRIDER_CODEC_GAME_HTTP_FACTS_H
#define OUTRIDER_CODEC_GAME_HTTP_FACTS_H

#include "outrider/codec/game/game.h"

/* JSON pointers, NUL-terminated, borrowed; NULL: not wanted. */
struct http_facts_at {
    const char *players, *capacity, *map, *version, *name;
};

/* Reads the facts; those that are unknown are unset. A body that is no JSON, is nested too deep or has too many values has
 * none. */
void http_facts_read(struct str body, const struct http_facts_at *at, struct game_facts *ret_facts);

#endif
