#include "outrider/core/control/control_write.h"

#include "intent_internal.h"

#include <assert.h>

/* Others write, too: after so many requests it is a conflict. */
enum { REQUESTS_MAX = 5 };

#define TO(state) (1u << CONTROL_WRITE_##state)

bool control_write_may_move(enum control_write_state from, enum control_write_state to)
{
    static const unsigned allowed[] = {
        [CONTROL_WRITE_READING] = TO(PUTTING) | TO(DONE) | TO(CONFLICT) | TO(FAILED),
        [CONTROL_WRITE_PUTTING] = TO(PUTTING) | TO(READING) | TO(DONE) | TO(CONFLICT) | TO(FAILED),
        [CONTROL_WRITE_DONE] = 0,
        [CONTROL_WRITE_CONFLICT] = 0,
        [CONTROL_WRITE_FAILED] = 0,
    };
    return (allowed[from] & 1u << to) != 0;
}

static void move(struct control_write *write, enum control_write_state to, int64_t revision)
{
    assert(control_write_may_move(write->state, to));
    write->state = to;
    write->revision = revision;
}

void control_write_init(struct control_write *write, const struct hold *hold)
{
    *write = (struct control_write){.state = CONTROL_WRITE_READING, .hold = *hold};
}

static bool is_hold(const struct control_write *write, const struct intent_value *value)
{
    return write->hold.set ? value->content == INTENT_HELD && intent_same_hold(&value->hold, &write->hold)
                           : value->content == INTENT_LIFTED;
}

static void on_failed(struct control_write *write, enum registry_failure failure)
{
    bool unknown = write->state == CONTROL_WRITE_PUTTING && failure == REGISTRY_UNKNOWN;
    write->maybe_written = write->maybe_written || unknown;
    if (unknown && write->requests < REQUESTS_MAX) {
        move(write, CONTROL_WRITE_READING, 0);
        return;
    }
    write->failure = write->maybe_written ? REGISTRY_UNKNOWN : failure;
    move(write, CONTROL_WRITE_FAILED, 0);
}

void control_write_reply(struct control_write *write, const struct registry_reply *reply,
                         const struct intent_value *value)
{
    bool put = write->state == CONTROL_WRITE_PUTTING;
    bool drained_meanwhile =
        (put || write->maybe_written) && !write->hold.set && value->content == INTENT_HELD;
    int64_t revision = reply->kv.found ? reply->kv.mod_revision : 0;
    write->requests++;
    if (reply->failure != REGISTRY_OK) {
        on_failed(write, reply->failure);
    } else if (put && reply->succeeded) {
        move(write, CONTROL_WRITE_DONE, reply->revision);
    } else if (is_hold(write, value)) {
        move(write, CONTROL_WRITE_DONE, revision); /* written by a put that seemed to fail, or before */
    } else if (drained_meanwhile || write->requests >= REQUESTS_MAX) {
        move(write, CONTROL_WRITE_CONFLICT, revision);
    } else {
        move(write, CONTROL_WRITE_PUTTING, revision);
    }
}
