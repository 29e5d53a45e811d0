/* The parts of core/registry/follow: follow.c (states, waits), follow_list.c (pages), follow_watch.c (the watch),
 * follow_checks.c (the two checks). */
#ifndef OUTRIDER_CORE_REGISTRY_FOLLOW_INTERNAL_H
#define OUTRIDER_CORE_REGISTRY_FOLLOW_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/core/registry/follow.h"

/* follow.c */
bool follow_can(const struct follow *follow, uint32_t capabilities);
void follow_set_state(struct follow *follow, enum follow_state state);
struct follow_effect *follow_push(struct follow *follow, enum follow_effect_type type);
/* Starts a request; the rest of it is the caller's to set. Returns the effect's request. */
struct registry_request *follow_ask(struct follow *follow, enum registry_op op, enum follow_ask ask);
/* Asks for the newest key and the number of keys, as of `at_revision`; 0: now. */
void follow_ask_newest(struct follow *follow, enum follow_ask ask, int64_t at_revision);
/* The owner knows everything that the registry has. */
void follow_certain(struct follow *follow);
/* In sync from now on: ends the outage. */
void follow_set_synced(struct follow *follow);
/* That is no longer certain, because of `why`. */
void follow_set_stale(struct follow *follow, struct str why);
/* Waits for the next try after a failure. What is open is closed. */
void follow_fail(struct follow *follow, enum registry_failure failure, struct str why);
/* The same for a stream that is silent. */
void follow_end_silent(struct follow *follow, const char *why);
/* The position cannot be resumed. */
void follow_read_anew(struct follow *follow, enum follow_cause cause, int64_t oldest, const char *why);
/* A revision that the registry has. */
void follow_see(struct follow *follow, int64_t revision);
/* When the next watch of known keys may open. */
void follow_plan_next(struct follow *follow);

/* follow_watch.c */
enum { FOLLOW_PAST_CAN = REGISTRY_CAN_LIST_AT | REGISTRY_CAN_NEWEST_FIRST }; /* to say what there was */
void follow_open(struct follow *follow);
/* Asks for what the registry had at the revision known, if it can say, before the watch resumes. */
void follow_resume(struct follow *follow);
void follow_on_past(struct follow *follow, const struct follow_event *event);
void follow_on_watch(struct follow *follow, const struct follow_event *event);
/* Emits READ_ANEW when `store` is another, or `revision` is below `seen`; 0 is unknown. Returns whether it did. */
bool follow_is_other_store(struct follow *follow, struct follow_store store, int64_t revision, int64_t seen);

/* follow_list.c: continues the listing or begins one; a page came or failed; ends it. */
void follow_list(struct follow *follow);
void follow_on_page(struct follow *follow, const struct follow_event *event);
void follow_forget_listing(struct follow *follow);

/* follow_checks.c */
void follow_keys_opened(struct follow *follow);
void follow_keys_delivered(struct follow *follow);
void follow_keys_on_success(struct follow *follow);
void follow_keys_on_compared(struct follow *follow, const struct follow_event *event);
void follow_keys_check(struct follow *follow, const struct follow_event *event);
struct window follow_keys_window(const struct follow *follow);
void follow_newest_opened(struct follow *follow, const struct follow_event *event);
void follow_newest_delivered(struct follow *follow);
void follow_newest_on_reply(struct follow *follow, enum follow_ask ask, const struct follow_event *event);
void follow_newest_check(struct follow *follow);
struct window follow_newest_window(const struct follow *follow);

#endif
