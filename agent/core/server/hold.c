#include "outrider/core/server/hold.h"

#include <stddef.h>

const char *hold_name(enum hold_kind kind)
{
    static const char *const names[HOLD_COUNT] = {[HOLD_OPS] = "ops",
                                                  [HOLD_SELF] = "self",
                                                  [HOLD_RELOAD] = "reload",
                                                  [HOLD_IDLE] = "idle",
                                                  [HOLD_STOP] = "stop"};
    return names[kind];
}

const char *drain_outcome_name(enum drain_outcome outcome)
{
    static const char *const names[] = {[DRAIN_WAITING] = "waiting",
                                        [DRAIN_EMPTY] = "empty",
                                        [DRAIN_GONE] = "gone",
                                        [DRAIN_DEADLINE] = "deadline"};
    return names[outcome];
}

/* Copies at most `max` bytes and never the first half of a UTF-8 sequence. */
static void copy_text(char *out, size_t max, const char *text)
{
    size_t size = 0;
    while (text != NULL && text[size] != '\0' && size < max) {
        out[size] = text[size];
        size++;
    }
    if (text != NULL && text[size] != '\0') {
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    out[size] = '\0';
}

void hold_set(struct hold *hold, const char *reason, const char *by, int64_t deadline_ms, int64_t expires_ms,
              const struct instant *now)
{
    if (!hold->set) {
        hold->since_mono = now->mono;
        hold->since_wall = now->wall;
    }
    hold->set = true;
    hold->outcome = DRAIN_WAITING;
    copy_text(hold->reason, HOLD_REASON_MAX, reason);
    copy_text(hold->by, HOLD_BY_MAX, by);
    hold->operation[0] = '\0';
    hold->deadline_mono = deadline_ms > 0 ? now->mono + deadline_ms : NEVER_MS;
    hold->deadline_wall = deadline_ms > 0 ? now->wall + deadline_ms : 0;
    hold->expires_mono = expires_ms > 0 ? now->mono + expires_ms : NEVER_MS;
    hold->expires_wall = expires_ms > 0 ? now->wall + expires_ms : 0;
}

void hold_restore(struct hold *hold, const struct hold *kept, const struct instant *now)
{
    *hold = *kept;
    hold->set = true;
    hold->outcome = DRAIN_WAITING;
    /* From the future, by another clock or a slip of the hand: as of now, or the drain would not be over before that. */
    int64_t held_for = kept->since_wall < now->wall ? now->wall - kept->since_wall : 0;
    hold->since_mono = now->mono - held_for;
    hold->deadline_mono = kept->deadline_wall > 0 ? now->mono + (kept->deadline_wall - now->wall) : NEVER_MS;
    hold->expires_mono = kept->expires_wall > 0 ? now->mono + (kept->expires_wall - now->wall) : NEVER_MS;
}

void hold_clear(struct hold *hold)
{
    *hold = (struct hold){0};
}
