/* What the files of core/wave share. */
#ifndef OUTRIDER_CORE_WAVE_WAVE_INTERNAL_H
#define OUTRIDER_CORE_WAVE_WAVE_INTERNAL_H

#include "outrider/core/wave/wave.h"

/* The one setter of each state; the transition is in its diagram. */
void wave_set(struct wave *wave, enum wave_state state, int64_t now_wall);
void wave_set_server(struct wave_server *server, enum wave_server_state state, int64_t now_wall,
                     const char *why);

#endif
