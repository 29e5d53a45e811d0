/* Attempts that get no entry of their own: those without a known name, and players' traffic of names that may do it. They are counted
 * by address, name and outcome, and become one entry each a minute. */
#ifndef OUTRIDER_CORE_AUDIT_AUDIT_MINUTE_H
#define OUTRIDER_CORE_AUDIT_AUDIT_MINUTE_H

#include "outrider/core/audit/audit_entry.h"

enum { AUDIT_MINUTE_MS = 60000, AUDIT_MINUTE_MAX = 256 };

struct audit_minute;

/* The caller owns the result. */
struct audit_minute *audit_minute_new(void);

/* Accepts NULL. */
void audit_minute_free(struct audit_minute *minute);

/* Counts one attempt. Beyond AUDIT_MINUTE_MAX lines of one minute all others are one line, of the address `others`. */
void audit_minute_count(struct audit_minute *minute, const struct audit_entry *attempt, int64_t now_mono);

/* When (mono) the minute is over; INT64_MAX: nothing was counted. */
int64_t audit_minute_due(const struct audit_minute *minute);

/* Gives each line to `take`, without id and time, and begins again. The texts are borrowed for the call. */
void audit_minute_end(struct audit_minute *minute, void (*take)(void *user, const struct audit_entry *entry),
                      void *user);

#endif
