/* One write of a control key by compare-and-set, as `outrider drain --id` makes it: read the key, write it if
 * its revision is still the one that was read, try again on what is there instead.
 *
 *     READING ──read──> PUTTING ──put──> DONE
 *        ^   what is there is the hold: DONE
 *        │                │ changed meanwhile: PUTTING at the revision found; CONFLICT where it drains now and
 *        │                │ this lifts, because a drain wins (docs/design/protocol.md, "Control key")
 *        └── no answer ───┘ any other failure: FAILED
 *
 * Neither reads nor writes: the caller sends the request of the present state, and hands over its reply. */
#ifndef OUTRIDER_CORE_CONTROL_CONTROL_WRITE_H
#define OUTRIDER_CORE_CONTROL_CONTROL_WRITE_H

#include "outrider/core/control/intent.h"

enum control_write_state {
    CONTROL_WRITE_READING,  /* next: get */
    CONTROL_WRITE_PUTTING,  /* next: put, where the key is at `revision` (0: absent) */
    CONTROL_WRITE_DONE,     /* the hold stands at `revision` */
    CONTROL_WRITE_CONFLICT, /* others change the key, or drain it while this lifts */
    CONTROL_WRITE_FAILED    /* because of `failure`; REGISTRY_UNKNOWN: it may have been written */
};

struct control_write {
    enum control_write_state state;
    struct hold hold; /* not set: lifted */
    int64_t revision;
    enum registry_failure failure;
    unsigned requests;  /* answered or failed */
    bool maybe_written; /* a put has no answer */
};

/* A write of `hold` in state READING. Nothing to free. */
void control_write_init(struct control_write *write, const struct hold *hold);

/* The reply to the request of the present state; `value` is what its kv says. */
void control_write_reply(struct control_write *write, const struct registry_reply *reply,
                         const struct intent_value *value);

/* Whether a transition between two states is in the diagram. */
bool control_write_may_move(enum control_write_state from, enum control_write_state to);

#endif
