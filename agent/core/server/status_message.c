#include "outrider/core/server/status_message.h"

const char *reported_status_name(enum reported_status reported)
{
    static const char *const names[] = {[REPORTED_NOTHING] = "nothing",
                                        [REPORTED_INITIALIZING] = "initializing",
                                        [REPORTED_READY] = "ready",
                                        [REPORTED_SHUTTING_DOWN] = "shutting_down",
                                        [REPORTED_ERROR] = "error"};
    return names[reported];
}

bool status_message_is_report(const struct status_message *message)
{
    bool says = message->reported != REPORTED_NOTHING || message->has_text || message->has_players ||
                message->has_capacity || message->port_count > 0 || message->label_count > 0 ||
                message->claim_count > 0;
    bool holds = message->drain || message->undrain || message->reloading;
    bool lives = message->heartbeat || message->has_watchdog || message->watchdog_trigger ||
                 message->attach || message->has_mainpid;
    return says || holds || lives;
}
