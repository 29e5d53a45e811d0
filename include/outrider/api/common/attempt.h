/* The audit of a request that changes something: what it was to do, by whom, and what became of it. Its entry is on the disk before
 * its answer goes out (docs/access.md, "Audit"). */
#ifndef OUTRIDER_API_COMMON_ATTEMPT_H
#define OUTRIDER_API_COMMON_ATTEMPT_H

#include "outrider/core/audit/audit_entry.h"

#include <stdbool.h>

struct api_attempt;
struct api_call;
struct api_context;
struct api_reply;
struct api_request;

/* What is kept of the attempts at a route. */
enum api_kept {
    API_KEEPS_ALL, /* an entry for each of a known name; while none can be written the change is refused */
    API_KEEPS_URGENT, /* the same, but the change is allowed all the same, and logged: it may not wait for a disk */
    API_KEEPS_COUNTS /* players' traffic: numbers by name and minute */
};

/* An attempt at `does` (static) by whom call->request says in the end. NULL: the agent keeps no audit. The caller owns it. */
struct api_attempt *api_attempt_new(const struct api_call *call, const char *does, enum api_kept kept);

/* The same once more: of an operation that goes on although its request was answered. NULL gives NULL. */
struct api_attempt *api_attempt_copy(const struct api_attempt *attempt);

/* The same for `does` (static), which became of it later and gets an entry of its own. */
struct api_attempt *api_attempt_sequel(const struct api_attempt *attempt, const char *does);

/* Accepts NULL. */
void api_attempt_free(struct api_attempt *attempt);

/* The guard has let the request pass, or not: one that is only counted is. Whether the change may be made: an entry about it can be
 * written, or need not be. False with `reply` made an error. `attempt` may be NULL, as in the next. */
bool api_attempt_passes(const struct api_attempt *attempt, const struct api_call *call, bool passed,
                        struct api_reply *reply);

/* Sets a text of the entry, cut to its limit; of the target, the names of the path unless it is set. */
void api_attempt_tell(struct api_attempt *attempt, enum audit_text which, struct str text);

/* Whether there is an entry to be written before the answer: else it is counted by api_attempt_end(). */
bool api_attempt_has_entry(const struct api_attempt *attempt, const struct api_request *request);

/* The request was answered by `reply`. Writes the entry, and calls `done` once it is on the disk, never from within; or counts the
 * attempt, and calls nothing. With `done` NULL none waits. `attempt` may be NULL. */
void api_attempt_end(const struct api_attempt *attempt, const struct api_context *context,
                     const struct api_request *request, const struct api_reply *reply,
                     void (*done)(bool written, void *user), void *user);

#endif
