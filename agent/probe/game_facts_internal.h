/* What the decoders of codec/game find, as the driver interface has it. */
#ifndef OUTRIDER_PROBE_GAME_FACTS_INTERNAL_H
#define OUTRIDER_PROBE_GAME_FACTS_INTERNAL_H

#include "outrider/codec/game/game.h"
#include "outrider/core/probe/verdict.h"

/* The texts are borrowed of `facts`. */
struct probe_facts game_facts_of(const struct game_facts *facts);

#endif
