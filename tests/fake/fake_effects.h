/* Effects that are only recorded, in order. Scenarios and fuzzers link this instead of the agent's, and
 * answer by calling the router themselves. */
#ifndef OUTRIDER_TESTS_FAKE_EFFECTS_H
#define OUTRIDER_TESTS_FAKE_EFFECTS_H

#include "outrider/shell/router/effects.h"

enum fake_type {
    FAKE_TRY,
    FAKE_CANCEL_TRIES,
    FAKE_REQUEST,
    FAKE_WATCH_PID,
    FAKE_TERMINATE,
    FAKE_LOOK_UP_HOST,
    FAKE_TELL_DRAIN,
    FAKE_SAVE,
    FAKE_STATUS,
    FAKE_NOTE,
    FAKE_INTENT_NOTE,
    FAKE_WATCH,
    FAKE_UNWATCH,
    FAKE_WATCH_NOTE,
    FAKE_DRAIN_OVER,
    FAKE_CLAIMED,
    FAKE_EXIT
};

enum { FAKE_TEXT_MAX = 320 };

/* One call. Which fields count follows from the type; they are the arguments of the function in
 * shell/effects.h. */
struct fake_call {
    enum fake_type type;
    unsigned index;
    uint64_t try_id;
    int64_t timeout_ms;
    enum router_client client;
    /* Owns a reference to its value, and its transaction; its key is in `text`. The value of a transaction is that of its first
     * action. */
    struct registry_request request;
    bool control; /* the request is for the control key */
    bool seats;   /* for the key of the reservations alone */
    enum registrar_claim_outcome claimed;
    pid_t pid;
    bool on;
    enum effects_save save;
    int64_t left_ms;
    enum status from, to;
    enum registrar_note note;
    enum intent_note intent_note;
    enum follow_note watch_note;
    uint64_t watch_id;
    enum hold_kind kind;
    enum drain_outcome outcome;
    int code;
    char text[FAKE_TEXT_MAX]; /* cut to fit */
};

/* {0}: nothing is recorded. */
struct effects {
    struct fake_call *calls; /* not yet taken: first..count-1 */
    size_t first, count, capacity;
    bool unsaved; /* a save is due */
};

/* Moves the oldest call to `ret_call`, which the caller ends with fake_call_fini(). Returns false when there
 * is none. */
bool fake_effects_take(struct effects *effects, struct fake_call *ret_call);

/* Makes a copied call one of its own, to be ended as well. */
void fake_call_own(struct fake_call *copy);

/* Releases what a call holds. */
void fake_call_fini(struct fake_call *call);

/* Drops everything and frees the memory. */
void fake_effects_fini(struct effects *effects);

#endif
