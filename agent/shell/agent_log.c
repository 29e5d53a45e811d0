/* The log of the agent: the notes of its machines, and lines that are held back until they may be written. */
#include "agent_internal.h"

#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

static void on_held(void *user)
{
    struct agent *agent = user;
    timer_arm_at_ms(agent->log_timer, log_due());
}

static void on_timer(void *user)
{
    struct agent *agent = user;
    log_release(clock_mono_ms());
    int64_t due = log_due();
    if (due != INT64_MAX) {
        timer_arm_at_ms(agent->log_timer, due);
    }
}

void agent_log_start(struct agent *agent)
{
    agent->log_timer = timer_new(agent->loop, on_timer, agent);
    log_on_held(on_held, agent);
}

void agent_log_end(struct agent *agent)
{
    log_on_held(NULL, NULL);
    log_release(INT64_MAX);
    timer_free(agent->log_timer);
}

void agent_log_note(const struct agent_note *note, const char *module, struct str detail)
{
    LOG_AT(note->level, module, note->msg, LOG_STR("detail", detail), LOG_END);
}
