/* What holds of the facts of every query of a game server. */
#ifndef OUTRIDER_FUZZ_GAME_FACTS_H
#define OUTRIDER_FUZZ_GAME_FACTS_H

#include "must.h"

#include "outrider/base/error.h"
#include "outrider/codec/game/game.h"

static inline void must_be_text(const char text[static GAME_TEXT_MAX + 1])
{
    must(memchr(text, '\0', GAME_TEXT_MAX + 1) != NULL);
    must(str_is_utf8(str_of(text)) && !str_has_control(str_of(text)));
    must(str_eq(str_trim(str_of(text)), str_of(text)));
}

static inline void must_be_facts(const struct game_query *query)
{
    const struct game_facts *facts = &query->facts;
    must(facts->has_players || facts->players == 0);
    must(facts->has_capacity == (facts->capacity > 0));
    must_be_text(facts->map);
    must_be_text(facts->version);
    must_be_text(facts->name);
}

/* A bad answer says why, and leaves nothing behind. */
static inline void must_be_outcome(enum game_outcome outcome, const struct game_query *query,
                                   const struct error *err)
{
    static const struct game_facts none;
    must_be_facts(query);
    if (outcome == GAME_BAD) {
        must(err->code != ERROR_NONE && err->text[0] != '\0');
        must(memcmp(&query->facts, &none, sizeof(none)) == 0);
    }
}

#endif
