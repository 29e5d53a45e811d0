#include "outrider/core/server/words.h"

const char *said_name(enum said said)
{
    static const char *const names[] = {[SAID_NOTHING] = "nothing",
                                        [SAID_INITIALIZING] = "initializing",
                                        [SAID_READY] = "ready",
                                        [SAID_SHUTTING_DOWN] = "shutting_down",
                                        [SAID_ERROR] = "error"};
    return names[said];
}

bool words_speak(const struct words *words)
{
    bool says = words->said != SAID_NOTHING || words->has_text || words->has_players || words->has_capacity ||
                words->port_count > 0 || words->label_count > 0;
    bool holds = words->drain || words->undrain || words->reloading;
    bool lives = words->heartbeat || words->has_watchdog || words->watchdog_trigger || words->attach ||
                 words->has_mainpid;
    return says || holds || lives;
}
