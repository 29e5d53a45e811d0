/* Which keys of the registry to list for the newest entries first, where a registry lists the oldest first: windows of time, each
 * before the one before. One that has more keys than a page is made smaller, one that has few lets the next be larger, so that neither
 * a busy hour nor an empty month takes many requests. */
#ifndef OUTRIDER_CORE_AUDIT_AUDIT_WINDOWS_H
#define OUTRIDER_CORE_AUDIT_AUDIT_WINDOWS_H

#include "outrider/base/ulid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys of one listing, and listings for one page of the audit. */
enum { AUDIT_WINDOW_KEYS = 200, AUDIT_WINDOWS_MAX = 40 };

/* A lease ends up to two hours after what was to be kept. */
enum { AUDIT_WINDOW_SLACK_MS = 2 * 3600 * 1000 };

struct audit_windows {
    char end[ULID_LENGTH + 1];   /* the present window is of ids before this one */
    char begin[ULID_LENGTH + 1]; /* and from this one on */
    int64_t end_wall, span_ms, oldest_wall;
    unsigned listed;
    bool ended;
};

/* From `before` back ("": from `now_wall` and a little more, as other clocks are ahead), to `oldest_wall`. The first window is there. */
void audit_windows_init(struct audit_windows *windows, const char *before, int64_t now_wall,
                        int64_t oldest_wall);

/* The listing of the window has found `keys` of `count`. Returns whether it is done with: its keys are to be read, and windows->begin is
 * how far that goes. Else it is smaller now, and to be listed again. */
bool audit_windows_found(struct audit_windows *windows, size_t keys, int64_t count);

/* Goes on to the one before. False where there is none, or too many were listed. */
bool audit_windows_next(struct audit_windows *windows);

/* Whether everything was listed, down to the oldest. */
bool audit_windows_ended(const struct audit_windows *windows);

#endif
